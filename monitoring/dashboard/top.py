"""Who and what costs most: sections, models and people, today and in 30 days."""

import datetime as dt
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _

from monitoring import figures, gauges, periods
from monitoring.dashboard.look import ASKED, DAYS, KEPT_SECONDS, Look, together, tokens
from monitoring.dashboard.panel import Content
from monitoring.gauges import Viewer
from monitoring.kept import Kept
from monitoring.models import NOBODY
from monitoring.rollups import Figures
from monitoring.tables import Column, Mark, Row, Table, Unit, said

MOST = 10
_WITHOUT_SESSIONS = tuple(name for name in ASKED if name != "sessions")
_NO_SESSIONS = {"sessions": 0}

Ranked = list[tuple[Any, Figures]]


def _ranked(sums: Mapping[Any, Figures]) -> Ranked:
    """The dearest of these, in the order of their ids where several cost the same."""
    return sorted(sums.items(), key=lambda one: (-_cost(one[1]), str(one[0])))[:MOST]


def _cost(sums: Figures) -> int:
    return sums["cost_microusd"]


def _people(first: dt.date, last: dt.date, zone: str) -> Ranked:
    """Conversations are counted for those alone who are shown: to see which attempt was the first takes a look each."""
    found = figures.usage_between(first, last, "user_uuid", only=_WITHOUT_SESSIONS)
    ranked = _ranked({key[0]: sums for key, sums in found.items()})
    shown = [key for key, _sums in ranked]
    counts = figures.usage_between(first, last, "user_uuid", only=["sessions"], people=shown)
    return [(key, {**sums, **counts.get((key,), _NO_SESSIONS)}) for key, sums in ranked]


# Those of an open day are added up from the ledger, and those of thirty days are many rows.
people_between = Kept(KEPT_SECONDS, _people)


def gather_sections(look: Look) -> Content:
    """The sections that cost most."""
    spans = [_ranked(look.sections_today), _ranked(look.sections_lately)]
    return _content(
        _("Section"), lambda ids: _names("section", ids, look.user, _("Without a section")), spans, look.as_of
    )


def gather_models(look: Look) -> Content:
    """The models that cost most."""

    def since(first: dt.date) -> Ranked:
        return _ranked(together((model, sums) for (day, model), sums in look.daily.items() if day >= first))

    spans = [since(look.today), since(look.lately)]
    return _content(_("Model"), lambda models: {model: model for model in models}, spans, look.as_of)


def gather_people(look: Look) -> Content:
    """The people whose conversations and work cost most; by name for those who may see people."""
    zone = periods.zone_name()
    found = [people_between(first, look.today, zone) for first in (look.today, look.lately)]
    spans = [ranked for ranked, _at in found]
    oldest = min(at for _ranked, at in found)
    return _content(_("Person"), lambda ids: _names("user", ids, look.user, _("Nobody")), spans, oldest)


def _names(kind: str, ids: Sequence[uuid.UUID], user: Viewer, nobody: str) -> dict[uuid.UUID, str]:
    """The names of these, found in one query; what belongs to none of them has words of its own."""
    known = gauges.names(kind, [one for one in ids if one != NOBODY], by=user)
    return {**known, NOBODY: nobody}


def _content(
    head: str, name_all: Callable[[Sequence[Any]], Mapping[Any, str]], spans: Sequence[Ranked], as_of: dt.datetime
) -> Content:
    """Those of today and those of thirty days, each span ranked."""
    names = name_all(list({key for ranked in spans for key, _sums in ranked}))
    titles = (("today", _("Today")), ("days", _("Last %(days)d days") % {"days": DAYS}))
    columns = (
        Column("name", head),
        Column("cost_microusd", _("Cost"), Unit.MONEY),
        Column("tokens", _("Tokens"), Unit.COUNT),
        Column("sessions", _("Conversations"), Unit.COUNT),
    )
    tables = [
        Table(
            key,
            title,
            columns,
            [Row((names[one], _cost(sums), tokens(sums), sums["sessions"])) for one, sums in ranked],
            _("Nothing was used in this time."),
        )
        for (key, title), ranked in zip(titles, spans, strict=True)
    ]
    dearest = spans[-1]
    state = _("No use yet.")
    if dearest:
        facts = {"name": names[dearest[0][0]], "cost": said(_cost(dearest[0][1]), Unit.MONEY), "days": DAYS}
        state = _("Most in %(days)d days: %(name)s, %(cost)s.") % facts
    return Content(Mark(state), tables=tables, as_of=as_of)
