"""How much was practised, at what cost and how fast: sums over sessions, each by one question to the database."""

import datetime as dt
import uuid
from collections.abc import Collection
from dataclasses import dataclass

from django.db.models import Avg, Count, DurationField, ExpressionWrapper, F, Max, Q, Sum
from django.db.models.functions import Coalesce, Length, TruncWeek

from conversations.models import Message, Session
from conversations.models.session import SessionQuerySet
from conversations.progress.period import Period

MINUTE = dt.timedelta(minutes=1)
# What was said is looked at in so many conversations, the newest: there are ten times as many messages as sessions.
MOST_HEARD = 300
# Only whole replies: one that was stopped early says nothing about speed.
WHOLE_REPLIES = (Message.Status.COMPLETE, Message.Status.TRUNCATED)
# As `Session.duration`, in the database.
_TIME = Sum(ExpressionWrapper(F("last_activity_at") - F("started_at"), output_field=DurationField()))


@dataclass(frozen=True, slots=True)
class Figures:
    """Sums over some sessions; a figure that nothing can be said about is None.

    Times of replies and characters are those of the newest of them, at most MOST_HEARD.
    """

    sessions: int = 0
    completed: int = 0
    ended: int = 0
    students: int = 0
    minutes: int = 0
    turns: int = 0
    tokens: int = 0
    microusd: int = 0
    reply_seconds: float | None = None
    student_characters: int = 0
    client_characters: int = 0

    @property
    def completed_percent(self) -> int | None:
        """The share of the ended sessions that were completed, the others having been left."""
        return _percent(self.completed, self.ended)

    @property
    def talk_percent(self) -> int | None:
        """The students' share of all that was said, by characters."""
        return _percent(self.student_characters, self.student_characters + self.client_characters)

    @property
    def turns_each(self) -> float | None:
        """Turns in the average session."""
        return self.turns / self.sessions if self.sessions else None

    @property
    def microusd_per_1000_tokens(self) -> int | None:
        """What a thousand tokens cost on average, in micro-dollars."""
        return round(self.microusd * 1_000 / self.tokens) if self.tokens else None


@dataclass(frozen=True, slots=True)
class Week:
    """What was practised in the week from this Monday on."""

    monday: dt.date
    sessions: int = 0
    minutes: int = 0


@dataclass(frozen=True, slots=True)
class Practice:
    """What one student, or one section, has practised."""

    sessions: int = 0
    minutes: int = 0
    last: dt.datetime | None = None


def practice_of(sections: Collection[uuid.UUID], period: Period) -> SessionQuerySet:
    """The practice with clients that began in these sections and this period.

    A branch is practice like any other, with its own minutes and turns; it is no attempt and counts for no assignment.
    """
    return Session.objects.filter(
        section__in=sections, kind=Session.Kind.PRACTICE, client__isnull=False, started_at__gte=period.start
    ).order_by()


def figures_of(sessions: SessionQuerySet) -> Figures:
    """The figures of these sessions, reply time and characters those of the newest 300; two queries."""
    sums = sessions.aggregate(
        sessions=Count("pk"),
        completed=Count("pk", filter=Q(status=Session.Status.COMPLETED)),
        ended=Count("pk", filter=Q(ended_at__isnull=False)),
        students=Count("student", distinct=True),
        time=_TIME,
        turns=Coalesce(Sum("exchanges"), 0),
        tokens=Coalesce(Sum("input_tokens"), 0) + Coalesce(Sum("output_tokens"), 0),
        microusd=Coalesce(Sum("cost_microusd"), 0),
    )
    said = ~Q(status__in=Message.UNSAID)
    newest = sessions.order_by("-started_at", "-id").values("pk")[:MOST_HEARD]
    # The first lines of a branch were said before, and count where they were said.
    copied = Q(session__branch_of__isnull=False, client_key=None, reply_to=None)
    messages = Message.objects.filter(session__in=newest).exclude(copied).order_by()
    words = messages.aggregate(
        student_characters=Coalesce(Sum(Length("content"), filter=said & Q(role=Message.Role.STUDENT)), 0),
        client_characters=Coalesce(Sum(Length("content"), filter=said & Q(role=Message.Role.CLIENT)), 0),
        average=Avg("response_ms", filter=Q(status__in=WHOLE_REPLIES)),
    )
    average = words.pop("average")
    minutes = _minutes(sums.pop("time"))
    return Figures(**sums, **words, minutes=minutes, reply_seconds=None if average is None else average / 1_000)


def by_week(sessions: SessionQuerySet, period: Period) -> list[Week]:
    """What was practised in each week of the period, also those in which nothing was; one query."""
    rows = sessions.annotate(monday=TruncWeek("started_at")).values("monday")
    found = {
        row["monday"].date(): Week(row["monday"].date(), row["sessions"], _minutes(row["time"]))
        for row in rows.annotate(sessions=Count("pk"), time=_TIME)
    }
    return [found.get(monday, Week(monday)) for monday in period.mondays]


def by_student(sessions: SessionQuerySet, students: Collection[uuid.UUID] | None = None) -> dict[uuid.UUID, Practice]:
    """What each student has practised, or each of these students; who has not is left out. One query."""
    return _by("student", sessions if students is None else sessions.filter(student__in=students))


def by_section(sessions: SessionQuerySet) -> dict[uuid.UUID, Practice]:
    """What was practised in each section; one without any is left out. One query."""
    return _by("section", sessions)


def _by(column: str, sessions: SessionQuerySet) -> dict[uuid.UUID, Practice]:
    sums = sessions.values(column).annotate(sessions=Count("pk"), time=_TIME, last=Max("last_activity_at"))
    return {row[column]: Practice(row["sessions"], _minutes(row["time"]), row["last"]) for row in sums}


def _minutes(time: dt.timedelta | None) -> int:
    return round(time / MINUTE) if time else 0


def _percent(part: int, whole: int) -> int | None:
    return round(100 * part / whole) if whole else None
