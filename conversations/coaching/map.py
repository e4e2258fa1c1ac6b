"""The map of a conversation: trust from message to message, what each did, and where it hurt or made ready for more."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from clients.record import TurnRecord
from clients.snapshot import ClientSnapshot
from conversations.coaching.records import Step
from conversations.coaching.remarks import Remark
from conversations.coaching.words import SKILL_BY_CODE, Skill
from monitoring.charts import BAR_HEIGHT, LineChart, Point, line_chart

# Pixels that the mark of one message takes, so that its letter can be read.
ROOM = 21
STEPS = (0, 25, 50, 75, 100)


@dataclass(frozen=True, slots=True)
class Mark:
    """One message on the map: its place in the chart, what it did, and what happened to the client."""

    point: Point
    skill: Skill
    change: int
    ruptured: bool
    mended: bool
    opened: bool
    happened: str


@dataclass(frozen=True, slots=True)
class Map:
    """A chart of trust (0 to 100) with its words and marks; `skills` are those on it, for the legend."""

    id: str
    title: str
    summary: str
    chart: LineChart
    marks: tuple[Mark, ...]
    skills: tuple[Skill, ...]

    @property
    def hurts(self) -> bool:
        """Whether anything on it hurt."""
        return any(mark.ruptured for mark in self.marks)

    @property
    def mends(self) -> bool:
        """Whether anything on it made good what had hurt."""
        return any(mark.mended for mark in self.marks)

    @property
    def opens(self) -> bool:
        """Whether anything on it made the client ready to talk about more."""
        return any(mark.opened for mark in self.marks)


def map_of(steps: Sequence[Step], remarks: Sequence[Remark], snapshot: ClientSnapshot) -> Map | None:
    """The map of a conversation; None where nothing was said."""
    if not steps:
        return None
    values = [(str(step.number), step.record.trust) for step in steps]
    chart = line_chart(values, 0, 100, steps=STEPS, height=BAR_HEIGHT, room=ROOM)
    marks = tuple(_mark(point, step, remark) for point, step, remark in zip(chart.points, steps, remarks, strict=True))
    return Map(
        id="map",
        title=_("Trust of %(client)s from message to message, in percent") % {"client": snapshot.first_name},
        summary=_in_words(steps),
        chart=chart,
        marks=marks,
        skills=tuple(dict.fromkeys(mark.skill for mark in marks)),
    )


def _mark(point: Point, step: Step, remark: Remark) -> Mark:
    record = step.record
    return Mark(
        point=point,
        skill=remark.skills[0] if remark.skills else SKILL_BY_CODE["minimal"],
        change=record.change,
        ruptured=record.ruptured,
        mended=record.mended,
        opened=_opens(record),
        happened=", ".join(_happened(step)),
    )


def _happened(step: Step) -> list[str]:
    record = step.record
    said = []
    if record.ruptured:
        said.append(_("hurt"))
    if record.mended:
        said.append(_("made good"))
    if _opens(record):
        said.append(_("ready to talk about more"))
    return said


def _opens(record: TurnRecord) -> bool:
    """Whether it made the client ready to talk about more; what they then tell is theirs."""
    return bool(record.opened) and record.change > 0


def _in_words(steps: Sequence[Step]) -> str:
    """What the map shows, for those who do not see it."""
    values = [step.record.trust for step in steps]
    said = [
        ngettext("%(number)d message.", "%(number)d messages.", len(steps)) % {"number": len(steps)},
        _("Trust begins at %(first)d %% and ends at %(last)d %%; highest %(high)d, lowest %(low)d.")
        % {"first": values[0] - steps[0].record.change, "last": values[-1], "high": max(values), "low": min(values)},
    ]
    hurt = sum(step.record.ruptured for step in steps)
    opened = sum(_opens(step.record) for step in steps)
    if hurt:
        said.append(ngettext("%(number)d hurt.", "%(number)d hurt.", hurt) % {"number": hurt})
    if opened:
        ready = ngettext(
            "After %(number)d message ready to talk about more.",
            "After %(number)d messages ready to talk about more.",
            opened,
        )
        said.append(ready % {"number": opened})
    return " ".join(said)
