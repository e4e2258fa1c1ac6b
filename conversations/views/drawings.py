"""The charts of progress pages, with the words that go with them."""

import datetime as dt
from collections.abc import Sequence

from django.utils import formats, timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from conversations.progress import MOST_SCORED, Period, Scored, UsedRubric, Week
from conversations.scores import Level
from monitoring.charts import Drawing, bar_chart, line_chart


def weekly(weeks: Sequence[Week], period: Period) -> list[Drawing]:
    """Conversations and minutes by week."""
    columns = [
        ("conversations", _("Conversations a week"), _("Conversations"), [week.sessions for week in weeks]),
        ("minutes", _("Minutes a week"), _("Minutes"), [week.minutes for week in weeks]),
    ]
    drawings = []
    for key, title, unit, numbers in columns:
        chart = bar_chart([(_day(week.monday), number) for week, number in zip(weeks, numbers, strict=True)])
        summary = _("%(period)s. Most: %(most)d in the week from %(week)s. This week: %(last)d.") % {
            "period": period.label,
            "most": chart.highest.value,
            "week": chart.highest.name,
            "last": numbers[-1],
        }
        drawings.append(Drawing(key, title, summary, _("Week from"), unit, chart))
    return drawings


def by_criterion(scored: Sequence[Scored], rubric: UsedRubric) -> list[Drawing]:
    """A line for each criterion: its level in one scored conversation after the other."""
    newest = [one for one in scored if one.rubric == rubric.pk][-MOST_SCORED:]
    lines: dict[str, list[tuple[str, float]]] = {}
    # Backwards, so that criteria stand as the newest scoring has them.
    for one in reversed(newest):
        for name, level in one.levels.items():
            lines.setdefault(name, []).insert(0, (_day(timezone.localtime(one.session.started_at).date()), level))
    return [
        Drawing(
            id=f"criterion-{number}",
            title=name,
            summary=_level_summary([level for _day, level in points]),
            name=_("Conversation of"),
            unit=_("Level, 1 to 4"),
            chart=line_chart(points, Level.NEEDS_IMPROVEMENT, Level.EXCELLENT),
        )
        for number, (name, points) in enumerate(lines.items(), start=1)
    ]


def _level_summary(levels: Sequence[float]) -> str:
    words = ngettext(
        "%(number)d scored conversation: %(last)s.",
        "%(number)d scored conversations, from %(first)s to %(last)s.",
        len(levels),
    )
    first, last = Level(int(levels[0])).label, Level(int(levels[-1])).label
    return words % {"number": len(levels), "first": first, "last": last}


def _day(day: dt.date) -> str:
    return formats.date_format(day, "j M")
