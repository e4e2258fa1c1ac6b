"""What a tutor is told of a conversation that it goes over with a student: what was said, and the feedback on it."""

from collections.abc import Iterator, Sequence

from django.utils import translation

from accounts.models import User
from clients.personas.composing import Material
from clients.snapshot import ClientSnapshot
from conversations.coaching.gate import Gate, feedback_open
from conversations.coaching.records import talk_of
from conversations.coaching.remarks import Remark, chosen, remarks_on
from conversations.coaching.summary import summary
from conversations.models import Message, Scoring, Session

# Of a longer conversation the end is told: so many characters.
MOST_CHARACTERS = 24_000
OF_US = ("en", "es")


def material_of(session: Session, client: ClientSnapshot, reader: User, language: str) -> Material:
    """The conversation in lines, then its feedback as far as it is open to this reader; plain text, for a model.

    The feedback is written in the tutor's language where the portal speaks it, else in English.
    """
    parts = [
        f"The learner talked with {client.name}, a simulated client. The scene: {client.scenario}",
        *_transcript(session, client),
    ]
    if feedback_open(session, reader) is Gate.OPEN:
        with translation.override(language if language in OF_US else "en"):
            parts += ["", "Feedback on it, which the learner can read:", *_feedback(session, client)]
    else:
        parts += ["", "Its feedback is not open to the learner yet: speak of what was said alone, and guess no grade."]
    return Material("conversation", "A conversation to go over with the learner", "\n".join(parts))


def _transcript(session: Session, client: ClientSnapshot) -> Iterator[str]:
    spoken = session.messages.spoken().exclude(role=Message.Role.SYSTEM).values_list("role", "content")
    lines = [f"{'Learner' if role == Message.Role.STUDENT else client.name}: {text}" for role, text in spoken]
    kept, length = 0, 0
    for line in reversed(lines):
        length += len(line)
        if length > MOST_CHARACTERS:
            break
        kept += 1
    if kept < len(lines):
        yield f"(The first {len(lines) - kept} messages are left out.)"
    yield from lines[len(lines) - kept :]


def _feedback(session: Session, client: ClientSnapshot) -> Iterator[str]:
    talk = talk_of(session, client)
    remarks = remarks_on(talk.steps, client, translation.get_language() or "en")
    whole = summary(talk, remarks, client)
    yield from (f"- Went well: {one.title}. {one.note}" for one in whole.strengths)
    yield from (f"- To try: {one.title}. {one.how}" for one in whole.goals)
    yield from _rewordings(remarks)
    yield from _scoring(session)


def _rewordings(remarks: Sequence[Remark]) -> Iterator[str]:
    for place in sorted(chosen(remarks)):
        if found := remarks[place].rewording:
            yield f"- Message {place + 1} could be: {found.text} ({found.why})"


def _scoring(session: Session) -> Iterator[str]:
    """What a teacher has released: the comment, and each criterion with its level."""
    released = Scoring.objects.filter(session=session, released__isnull=False).select_related("released__version")
    scoring = released.first()
    if scoring is None or scoring.released is None:
        return
    if scoring.released.comment:
        yield f"- Their teacher: {scoring.released.comment}"
    names = [criterion.name for criterion in scoring.released.version.value.criteria]
    for mark in scoring.released.marks.all():
        if mark.position < len(names):
            yield f"- {names[mark.position]}: level {mark.level} of 4. {mark.comment}"
