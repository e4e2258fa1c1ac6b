"""What monitoring's dashboard shows of conversations as they are now; no word of what is said in them."""

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from conversations import wall
from conversations.models import Message, Session, Turn
from monitoring import gauges, periods
from monitoring.gauges import Reading
from monitoring.kept import Kept
from monitoring.models import LedgerEntry
from monitoring.tables import Column, Level, Mark, Row, Unit, Value

# A message counts as of now for so long.
LATELY = dt.timedelta(minutes=5)
DAYS = 30
KEPT_SECONDS = 60
# So many rows of each table.
MOST = 12
SEES = "conversations.view_session"

_LEVELS = {wall.State.STUCK: Level.DANGER, wall.State.IDLE: Level.ATTENTION, wall.State.LEFT: Level.ATTENTION}
_PEOPLE = (
    Column("student", gettext_lazy("Student")),
    Column("client", gettext_lazy("Client")),
    Column("section", gettext_lazy("Section")),
)
ACTIVE_COLUMNS = (
    *_PEOPLE,
    Column("since", gettext_lazy("Since"), Unit.MOMENT),
    Column("exchanges", gettext_lazy("Exchanges"), Unit.COUNT),
    Column("cost_microusd", gettext_lazy("Cost"), Unit.MONEY),
    Column("state", gettext_lazy("State")),
)
LOG_COLUMNS = (
    Column("at", gettext_lazy("When"), Unit.MOMENT),
    Column("event", gettext_lazy("What")),
    *_PEOPLE,
    Column("cost_microusd", gettext_lazy("Cost"), Unit.MONEY),
)
# The cell of the log that leads to the conversation: its student.
LINKED = 2


def register() -> None:
    """Tell monitoring of all this, at start-up."""
    gauges.register("active_sessions", label=gettext_lazy("Active sessions"), unit=Unit.COUNT, read=active_sessions)
    gauges.register("messages", label=gettext_lazy("Messages a minute"), unit=Unit.RATE, read=messages_a_minute)
    gauges.register("turns", label=gettext_lazy("Turns in flight"), unit=Unit.COUNT, read=turns_in_flight)
    gauges.register("completed_today", label=gettext_lazy("Completed today"), unit=Unit.SHARE, read=completed_today)
    gauges.register("completed", label=gettext_lazy("Completed in 30 days"), unit=Unit.SHARE, read=completed_lately)
    gauges.register_table(
        "active",
        label=gettext_lazy("Active sessions"),
        permission=SEES,
        columns=ACTIVE_COLUMNS,
        rows=active_rows,
        empty=gettext_lazy("Nobody talks just now. Each conversation stands here while somebody writes in it."),
    )
    gauges.register_table(
        "log",
        label=gettext_lazy("Session log"),
        permission=SEES,
        columns=LOG_COLUMNS,
        rows=log_rows,
        empty=gettext_lazy("No conversation has begun yet. What begins and ends stands here, the newest first."),
    )


def active_sessions() -> Reading:
    """Open conversations in which something happened in the last 15 minutes; the quiet ones stand in the note."""
    now = timezone.now()
    counts = Session.objects.open().aggregate(
        lively=Count("pk", filter=Q(last_activity_at__gt=now - wall.IDLE_AFTER)), everything=Count("pk")
    )
    quiet = counts["everything"] - counts["lively"]
    minutes = int(wall.IDLE_AFTER.total_seconds() // 60)
    words = ngettext(
        "Something happened in the last %(minutes)d minutes. %(count)d more is open and quiet.",
        "Something happened in the last %(minutes)d minutes. %(count)d more are open and quiet.",
        quiet,
    )
    return Reading(counts["lively"], words % {"minutes": minutes, "count": quiet})


def messages_a_minute() -> Reading:
    """Messages of students that were answered in the last five minutes, by the minute."""
    since = timezone.now() - LATELY
    answered = LedgerEntry.objects.filter(kind="turn", settled_at__gt=since).aggregate(
        count=Count("message_uuid", distinct=True)
    )
    minutes = LATELY.total_seconds() / 60
    return Reading(answered["count"] / minutes, _("Answered in the last %(minutes)d minutes.") % {"minutes": minutes})


def turns_in_flight() -> Reading:
    """Replies that are being written."""
    return Reading(Turn.objects.running().count(), _("Replies that are being written."))


def completed_today() -> Reading:
    """How many of the conversations that ended on this school day were completed, and not abandoned."""
    today = periods.today()
    return _completed(*ended_between(today, today, periods.zone_name()).value)


def completed_lately() -> Reading:
    """The same of 30 school days, this one included."""
    today = periods.today()
    return _completed(*ended_between(today - dt.timedelta(days=DAYS - 1), today, periods.zone_name()).value)


def active_rows() -> list[Row]:
    """The conversations in which something happened last, the newest first."""
    now = timezone.now()
    failed = Message.objects.filter(
        session=OuterRef("pk"), sequence=OuterRef("last_sequence"), status__in=wall.UNANSWERED
    )
    lively = Session.objects.open().filter(last_activity_at__gt=now - wall.IDLE_AFTER)
    found = _details(lively).annotate(
        answering=Exists(Turn.objects.running().filter(session=OuterRef("pk"))), unanswered=Exists(failed)
    )
    rows = found.order_by("-last_activity_at").values(*_FIELDS, "paused_by_id", "answering", "unanswered")[:MOST]
    return [
        Row((*_who(row), row["started_at"], row["exchanges"], row["cost_microusd"], _state(now, row)), _page(row))
        for row in rows
    ]


def log_rows() -> list[Row]:
    """What began and what ended last, the newest first."""
    begun = _details(Session.objects.all()).order_by("-started_at", "-id").values(*_FIELDS)[:MOST]
    ended = Session.objects.filter(ended_at__isnull=False)
    gone = _details(ended).order_by("-ended_at").values(*_FIELDS)[:MOST]
    events = [(row["started_at"], Mark(_("Began")), row) for row in begun]
    events += [(row["ended_at"], _ending(row), row) for row in gone]
    events.sort(key=lambda event: event[0], reverse=True)
    return [
        Row((at, event, *_who(row), row["cost_microusd"]), _page(row), linked=LINKED)
        for at, event, row in events[:MOST]
    ]


_FIELDS = (
    "id", "student_name", "client_name", "section_code", "section_name", "status", "started_at", "ended_at",
    "last_activity_at", "exchanges", "cost_microusd",
)  # fmt: skip


def _details(found: "QuerySet[Session]") -> "QuerySet[Session]":
    return found.annotate(
        student_name=F("student__display_name"),
        # A tutor by the key of its persona.
        client_name=Coalesce(F("client__name"), F("persona")),
        section_code=F("section__course_code"),
        section_name=F("section__name"),
    )


def _who(row: Mapping[str, Any]) -> Iterable[Value]:
    """Student, client and section."""
    section = f"{row['section_code'] or ''} {row['section_name'] or ''}".strip() or None
    return row["student_name"], row["client_name"], section


def _state(now: dt.datetime, row: Mapping[str, Any]) -> Mark:
    state = wall.state_of(
        now,
        status=row["status"],
        held=row["paused_by_id"] is not None,
        active_at=row["last_activity_at"],
        answering=row["answering"],
        unanswered=row["unanswered"],
    )
    return Mark(str(state.label), _LEVELS.get(state, Level.FINE))


def _ending(row: Mapping[str, Any]) -> Mark:
    if row["status"] == Session.Status.COMPLETED:
        return Mark(_("Completed"))
    return Mark(_("Abandoned"), Level.ATTENTION)


def _page(row: Mapping[str, Any]) -> str:
    return reverse("admin:conversations_session_change", args=[row["id"]])


def _ended_between(first: dt.date, last: dt.date, zone: str) -> tuple[int, int]:
    """How many practice conversations ended on these days, and how many of them were completed."""
    start, end = periods.bounds(first)[0], periods.bounds(last)[1]
    ended = Session.objects.filter(ended_at__gte=start, ended_at__lt=end, kind=Session.Kind.PRACTICE)
    counts = ended.aggregate(all=Count("pk"), completed=Count("pk", filter=Q(status=Session.Status.COMPLETED)))
    return counts["all"], counts["completed"]


# In a busy month a hundred thousand end.
ended_between = Kept(KEPT_SECONDS, _ended_between)


def _completed(ended: int, completed: int) -> Reading:
    if not ended:
        return Reading(None, _("No conversation has ended."))
    abandoned = ended - completed
    words = ngettext(
        "Of %(count)d that ended; %(abandoned)d was abandoned. Up to a minute old.",
        "Of %(count)d that ended; %(abandoned)d were abandoned. Up to a minute old.",
        abandoned,
    )
    return Reading(completed / ended, words % {"count": ended, "abandoned": abandoned})
