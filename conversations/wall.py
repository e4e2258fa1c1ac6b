"""The class wall: who talks with whom just now, and who needs a teacher."""

import datetime as dt
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Exists, F, OuterRef, Q, Subquery, Sum, TextChoices, Window
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Enrolment, Section, User
from accounts.models.section import EnrolmentQuerySet
from conversations.models import Assignment, Message, Nudge, SafetyAlert, Session, Turn
from conversations.models.session import SessionQuerySet

STUCK_AFTER = dt.timedelta(minutes=3)
IDLE_AFTER = dt.timedelta(minutes=15)
# So far back the wall looks, and at least to the start of the reader's day.
LOOKS_BACK = dt.timedelta(hours=6)
MOST_OPEN = 200
MOST_READ = 1_000
MOST_OTHERS = 60
# A student's own stop is no fault, and they may say something else.
UNANSWERED = (Message.Status.FAILED, Message.Status.INTERRUPTED, Message.Status.REFUSED)


class State(TextChoices):
    """How a conversation stands, those that need a teacher most first."""

    STUCK = "stuck", _("Stuck")
    IDLE = "idle", _("Idle")
    HELD = "held", _("Paused by a teacher")
    PAUSED = "paused", _("Taking a moment")
    WAITING = "waiting", _("Waiting for the reply")
    TALKING = "talking", _("Talking")
    FINISHED = "finished", _("Finished")
    LEFT = "left", _("Left unfinished")


NEED = {state: place for place, state in enumerate(State)}


def state_of(
    now: dt.datetime, *, status: str, held: bool, active_at: dt.datetime, answering: bool, unanswered: bool
) -> State:
    """How a conversation stands now.

    `active_at` is when something was last said or it was continued, `answering` whether a reply is on its way, and
    `unanswered` whether the last reply failed and nothing was said since.
    """
    if status not in Session.OPEN:
        return State.FINISHED if status == Session.Status.COMPLETED else State.LEFT
    if status == Session.Status.PAUSED:
        return State.HELD if held else State.PAUSED
    quiet = now - active_at
    if quiet >= IDLE_AFTER:
        return State.IDLE
    if quiet >= STUCK_AFTER or (unanswered and not answering):
        return State.STUCK
    return State.WAITING if answering else State.TALKING


@dataclass(frozen=True, slots=True)
class Tile:
    """One conversation on the wall. `paused_by` is the teacher's name, "" where no teacher paused it."""

    id: uuid.UUID
    student: str
    client: str
    state: State
    started_at: dt.datetime
    ended_at: dt.datetime | None
    active_at: dt.datetime
    turns: int
    unanswered: bool = False
    paused_by: str = ""
    nudged_at: dt.datetime | None = None
    nudge_seen: bool = False
    # Whether the student wrote of their own distress and nobody has acknowledged it.
    alerted: bool = False
    is_branch: bool = False
    walked_out: bool = False

    @property
    def needs_attention(self) -> bool:
        """Whether a teacher should look: it is stuck, or its student wrote of their own distress."""
        return self.alerted or self.state == State.STUCK

    @property
    def is_open(self) -> bool:
        """Whether the conversation can still go on."""
        return self.ended_at is None

    @property
    def minutes(self) -> int:
        """Whole minutes from the start to now, or to the last sign of life of an ended one (as `Session.duration`)."""
        return _minutes((self.active_at if self.ended_at else timezone.now()) - self.started_at)

    @property
    def quiet_minutes(self) -> int:
        """For how long nothing was said, in whole minutes."""
        return _minutes(timezone.now() - self.active_at)


@dataclass(frozen=True, slots=True)
class Wall:
    """What hangs on the wall: tiles by need, then those that ended last; and who has not begun the assignment.

    `counts` are of the open ones, of which `left_out` had no room; `attention` of all here need a teacher; `ended` is
    how many ended today. `missing` students have not begun the assignment, of whom `not_started` are the first by name.
    """

    tiles: Sequence[Tile]
    counts: Mapping[State, int]
    attention: int
    left_out: int
    ended: int
    not_started: Sequence[str]
    missing: int


@dataclass(frozen=True, slots=True)
class Sight:
    """What somebody looks at: a section, perhaps one assignment of it, since when, and as of which moment."""

    user: User
    section: Section
    assignment: Assignment | None
    now: dt.datetime

    @property
    def since(self) -> dt.datetime:
        """Conversations that rested or ended before then are not shown."""
        midnight = timezone.localtime(self.now).replace(hour=0, minute=0, second=0, microsecond=0)
        return min(midnight, self.now - LOOKS_BACK)

    def open(self) -> SessionQuerySet:
        """Conversations that go on, or that a teacher has paused whenever that was."""
        lately = Q(last_activity_at__gte=self.since) | Q(paused_by__isnull=False)
        # As `speakable`, but by the key of a place in one section, which stays quick in a large one.
        here = Enrolment.objects.filter(section=self.section, student=OuterRef("student"), removed_at=None)
        return self._all().open().filter(lately, Exists(here))

    def ended(self) -> SessionQuerySet:
        """Conversations that ended today. They began at most a day before that: the idle are closed."""
        recent = self.since - dt.timedelta(days=1)
        return self._all().filter(ended_at__gte=self.since, started_at__gte=recent)

    def _all(self) -> SessionQuerySet:
        found = Session.objects.supervised_by(self.user).filter(section=self.section, client__isnull=False)
        return found.filter(assignment=self.assignment) if self.assignment else found


def mark_of(sight: Sight) -> str:
    """Another text whenever the wall may show something else; two queries, three with an assignment."""
    stuck, idle = sight.now - STUCK_AFTER, sight.now - IDLE_AFTER
    active = Q(status=Session.Status.ACTIVE)
    going = sight.open().aggregate(
        count=Count("pk"),
        changes=Sum("revision"),
        stuck=Count("pk", filter=active & Q(last_activity_at__lte=stuck)),
        idle=Count("pk", filter=active & Q(last_activity_at__lte=idle)),
    )
    gone = sight.ended().aggregate(count=Count("pk"), last=Sum("revision"))
    parts = [*going.values(), *gone.values(), f"{sight.since:%j}"]
    if sight.assignment:
        parts.append(_students(sight).count())
    return "-".join(str(part or 0) for part in parts)


def look(sight: Sight) -> Wall:
    """The wall as it is now, in three queries at most."""
    going = _open_tiles(sight)
    gone, ended = _ended_tiles(sight)
    missing = _missing(sight)
    return Wall(
        tiles=[*going[:MOST_OPEN], *gone],
        counts=Counter(tile.state for tile in going),
        attention=sum(tile.needs_attention for tile in [*going, *gone]),
        left_out=max(0, len(going) - MOST_OPEN),
        ended=ended,
        not_started=[name for name, _number in missing],
        missing=missing[0][1] if missing else 0,
    )


def _open_tiles(sight: Sight) -> list[Tile]:
    """Alerts first, then by need; within the same need those first in which nothing was said for longest."""
    last = Message.objects.filter(session=OuterRef("pk"), sequence=OuterRef("last_sequence"), status__in=UNANSWERED)
    nudges = Nudge.objects.filter(session=OuterRef("pk")).order_by("-sent_at")
    rows = _named(sight.open()).annotate(
        answering=Exists(Turn.objects.running().filter(session=OuterRef("pk"))),
        unanswered=Exists(last),
        alerted=ALERTED,
        paused_name=F("paused_by__display_name"),
        nudged_at=Subquery(nudges.values("sent_at")[:1]),
        nudge_seen_at=Subquery(nudges.values("shown_at")[:1]),
    )
    fields = (*FIELDS, "answering", "unanswered", "alerted", "paused_name", "nudged_at", "nudge_seen_at")
    tiles = [_tile(sight, row) for row in rows.order_by("-last_activity_at").values(*fields)[:MOST_READ]]
    return sorted(tiles, key=lambda tile: (not tile.alerted, NEED[tile.state], tile.active_at, tile.id))


def _ended_tiles(sight: Sight) -> tuple[list[Tile], int]:
    """Those with an alert, then those that ended last, and the number of all that ended today."""
    rows = _named(sight.ended()).annotate(number=Window(Count("pk")), alerted=ALERTED)
    found = list(rows.order_by("-alerted", "-ended_at", "id").values(*FIELDS, "number", "alerted")[:MOST_OTHERS])
    return [_tile(sight, row) for row in found], found[0]["number"] if found else 0


FIELDS = (
    "id", "student_name", "client_name", "status", "started_at", "ended_at", "last_activity_at", "exchanges",
    "branch_of_id", "outcome",
)  # fmt: skip

ALERTED = Exists(SafetyAlert.objects.waiting().filter(session=OuterRef("pk")))


def _named(found: SessionQuerySet) -> SessionQuerySet:
    return found.annotate(student_name=F("student__display_name"), client_name=F("client__name"))


def _tile(sight: Sight, row: Mapping[str, Any]) -> Tile:
    answering, failed = row.get("answering", False), row.get("unanswered", False)
    return Tile(
        id=row["id"],
        student=row["student_name"],
        client=row["client_name"],
        state=state_of(
            sight.now,
            status=row["status"],
            held=row.get("paused_name") is not None,
            active_at=row["last_activity_at"],
            answering=answering,
            unanswered=failed,
        ),
        started_at=row["started_at"],
        ended_at=row["ended_at"],
        active_at=row["last_activity_at"],
        turns=row["exchanges"],
        unanswered=failed and not answering,
        alerted=row.get("alerted", False),
        paused_by=row.get("paused_name") or "",
        nudged_at=row.get("nudged_at"),
        nudge_seen=row.get("nudge_seen_at") is not None,
        is_branch=row["branch_of_id"] is not None,
        walked_out=row["outcome"] == Session.Outcome.WALKS_OUT,
    )


def _students(sight: Sight) -> EnrolmentQuerySet:
    return Enrolment.objects.active().filter(section=sight.section)


def _missing(sight: Sight) -> list[tuple[str, int]]:
    """The first students by name who have not begun the assignment, each with the number of all such."""
    if sight.assignment is None:
        return []
    begun = Session.objects.filter(assignment=sight.assignment, student=OuterRef("student"))
    found = _students(sight).filter(~Exists(begun)).annotate(number=Window(Count("pk")))
    return list(
        found.order_by("student__display_name", "id").values_list("student__display_name", "number")[:MOST_OTHERS]
    )


def _minutes(length: dt.timedelta) -> int:
    return max(0, int(length.total_seconds() // 60))
