"""What stands beside a transcript: notes in its margin, what a teacher sent meanwhile, and figures at its head."""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db.models import Q

from accounts.models import User
from conversations.models import MarginNote, Message, Nudge, Session
from conversations.progress import WHOLE_REPLIES

Spoken = tuple[str, str, str, int | None]


def with_margin(
    user: User, session: Session, script: list[Message], *, since: dt.datetime | None, last: bool
) -> list[Nudge]:
    """Give each message its `margin` (the notes this person sees) and `nudges` (sent before it); the nudges after all.

    `since` is when what stands before the script was written (None where it begins the conversation), `last` whether
    nothing follows it. Two queries.
    """
    if not script:
        return []
    notes: dict[object, list[MarginNote]] = {}
    beside = MarginNote.objects.visible_to(user).filter(message__in=[message.pk for message in script])
    for note in beside.select_related("author").order_by("written_at", "pk"):
        notes.setdefault(note.message_id, []).append(note)
    meanwhile = Q()
    if since:
        meanwhile &= Q(sent_at__gte=since)
    if not last:
        meanwhile &= Q(sent_at__lt=script[-1].created_at)
    waiting = list(session.nudges.filter(meanwhile).select_related("sent_by").order_by("sent_at", "pk"))
    for message in script:
        sent = [nudge for nudge in waiting if nudge.sent_at < message.created_at]
        waiting = waiting[len(sent) :]
        message.margin, message.nudges = notes.get(message.pk, []), sent  # type: ignore[attr-defined]
    return waiting


@dataclass(frozen=True, slots=True)
class Figures:
    """Words by each side without what was replaced, failed or set aside, and the average seconds to a whole reply."""

    student_words: int
    client_words: int
    reply_seconds: float | None

    @property
    def words(self) -> int:
        """All words."""
        return self.student_words + self.client_words

    @property
    def student_share(self) -> int | None:
        """The student's share of all words in whole percent; None while nothing was said."""
        return round(100 * self.student_words / self.words) if self.words else None


def figures_of(session: Session, script: Sequence[Message]) -> Figures:
    """The figures of the whole conversation; without a query where the script is all of it."""
    if len(script) == session.last_sequence:
        return figures((row.role, row.status, row.content, row.response_ms) for row in script)
    return figures(session.messages.values_list("role", "status", "content", "response_ms").iterator())


def figures(spoken: Iterable[Spoken]) -> Figures:
    """The figures of these messages."""
    words = {Message.Role.STUDENT.value: 0, Message.Role.CLIENT.value: 0}
    times: list[int] = []
    for role, status, content, response_ms in spoken:
        if role not in words or status in Message.UNSAID:
            continue
        words[role] += len(content.split())
        if response_ms is not None and status in WHOLE_REPLIES:
            times.append(response_ms)
    return Figures(
        student_words=words[Message.Role.STUDENT],
        client_words=words[Message.Role.CLIENT],
        reply_seconds=sum(times) / len(times) / 1_000 if times else None,
    )
