"""What is left beside a conversation: scorings, feedback, flags, margin notes, nudges, and who has read it."""

import datetime as dt
from dataclasses import dataclass

from django.urls import reverse

from accounts.models import Notification
from conversations.management.term.bulk import Maker
from conversations.management.term.plan import Counterpart, Course, Task, Yardstick
from conversations.management.term.words import COMMENTS
from conversations.models import (
    Flag,
    MarginNote,
    Mark,
    Nudge,
    Scoring,
    ScoringRevision,
    SessionFeedback,
    TranscriptReading,
)
from conversations.scores import total


@dataclass(frozen=True, slots=True)
class Talked:
    """A conversation as it came out: its replies, its last sign of life, and when it was completed, if it was."""

    id: str
    student: str
    section: str | None
    client: Counterpart
    replies: list[str]
    last: dt.datetime
    completed: dt.datetime | None


def leave_beside(maker: Maker, course: Course, talked: Talked, task: Task | None) -> None:
    """What the student and the teachers of the section left there, if anything."""
    teacher = maker.rng.choice(course.staff)
    later = min(talked.last + dt.timedelta(days=maker.rng.random() * 6), maker.now)
    if talked.completed and task and task.yardstick and maker.rng.random() < 0.5:
        _score(maker, talked, task.yardstick, teacher, later)
    if talked.completed and maker.rng.random() < 0.2:
        _rate(maker, talked)
    if talked.section is None or not talked.replies:
        return
    if maker.rng.random() < 0.12:
        maker.add(
            TranscriptReading,
            reader_id=teacher,
            session_id=talked.id,
            how=TranscriptReading.How.TRANSCRIPT,
            read_at=later,
        )
    if maker.rng.random() < 0.01:
        settled = maker.rng.random() < 0.7
        maker.add(
            Flag,
            id=maker.key(),
            message_id=maker.rng.choice(talked.replies),
            raised_by_id=talked.student,
            reason=maker.rng.choice(Flag.Reason.values),
            comment="This does not fit what she said before.",
            raised_at=talked.last,
            settled_by_id=teacher if settled else None,
            settled_at=later if settled else None,
            answer="I have changed the client." if settled else "",
        )
    if maker.rng.random() < 0.02:
        maker.add(
            MarginNote,
            id=maker.key(),
            message_id=maker.rng.choice(talked.replies),
            author_id=teacher,
            text=maker.rng.choice(COMMENTS),
            shared=maker.rng.random() < 0.5,
            written_at=later,
        )
    if maker.rng.random() < 0.005:
        maker.add(
            Nudge,
            id=maker.key(),
            session_id=talked.id,
            sent_by_id=teacher,
            text="Take your time, and ask her about the letter.",
            sent_at=talked.last,
            shown_at=talked.last,
        )


def _score(maker: Maker, talked: Talked, yardstick: Yardstick, teacher: str, at: dt.datetime) -> None:
    """A scoring in one or two states, the last of them mostly released."""
    scoring, states = maker.key(), maker.rng.choice((1, 1, 1, 2))
    released = maker.rng.random() < 0.7
    for number in range(1, states + 1):
        last = number == states
        revision = maker.key()
        levels: list[int | None] = [min(4, max(1, round(maker.rng.gauss(2.8, 0.9)))) for _weight in yardstick.weights]
        if not last or (not released and maker.rng.random() < 0.3):
            levels[-1] = None
        sum_ = total(yardstick.weights, levels)
        maker.add(
            ScoringRevision,
            id=revision,
            scoring_id=scoring,
            number=number,
            version_id=yardstick.version,
            comment=maker.rng.choice(COMMENTS),
            weighted=sum_.weighted if sum_ else None,
            saved_by_id=teacher,
            saved_at=at,
            released_by_id=teacher if last and released else None,
            released_at=at if last and released else None,
        )
        for position, level in enumerate(levels):
            comment = maker.rng.choice(COMMENTS) if maker.rng.random() < 0.2 else ""
            maker.add(Mark, revision_id=revision, position=position, level=level, comment=comment)
    maker.add(
        Scoring,
        id=scoring,
        session_id=talked.id,
        latest_id=revision,
        released_id=revision if released else None,
        created_at=at,
    )
    if released:
        maker.add(
            Notification,
            id=maker.key(),
            user_id=talked.student,
            kind=Notification.Kind.RELEASED.value,
            about=f"scoring:{scoring}:{states}:{at:%Y%m%dT%H%M%S%f}",
            names={"client": talked.client.name},
            path=reverse("transcript", args=[talked.id]),
            created_at=at,
            read_at=at if maker.rng.random() < 0.8 else None,
        )


def _rate(maker: Maker, talked: Talked) -> None:
    marks = [min(10, max(1, round(maker.rng.gauss(7.5, 2)))) for _question in SessionFeedback.MARKS]
    maker.add(
        SessionFeedback,
        id=maker.key(),
        session_id=talked.id,
        client_id=talked.client.id,
        **dict(zip(SessionFeedback.MARKS, marks, strict=True)),
        comment="She felt like a real person to me." if maker.rng.random() < 0.3 else "",
        client_sum=sum(marks[: len(SessionFeedback.ABOUT_THE_CLIENT)]),
        given_at=talked.completed,
    )
