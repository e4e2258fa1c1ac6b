"""Branches: a student goes on anew from something they said, and the conversation it comes from stays as it is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from accounts.models import Section, User
from accounts.services import RuleBrokenError
from clients.models import ClientProfile
from conversations import consent
from conversations.coaching.gate import Gate, feedback_open, origin_of
from conversations.models import Assignment, Attempt, Message, NoticeAcceptance, Session, Turn
from conversations.models.message import MessageQuerySet
from conversations.section_models import voice_in
from conversations.tips import has_tips
from monitoring import pricing


class BranchRuleError(RuleBrokenError):
    """A rule of branches was broken; the message says which in plain words."""


def triable_by(user: User) -> MessageQuerySet:
    """What this student has said to clients in practice: each of these may become the start of a branch."""
    own = Message.objects.filter(role=Message.Role.STUDENT, session__student=user, session__client__isnull=False)
    if not user.is_student:
        return own.none()
    return own.filter(session__kind=Session.Kind.PRACTICE).exclude(status=Message.Status.ASIDE)


def try_again(*, by: User, message: Message) -> Session:
    """The open branch from this message: the one that exists, or a new one that begins just before it was said.

    Practice of its own, outside of any assignment: what is graded is not touched. Raises BranchRuleError for what
    `triable_by` leaves out, with the reason of `why_not`, and while the notice is not accepted.
    """
    found = triable_by(by).select_related("session__client", "session__assignment").filter(pk=message.pk).first()
    if found is None:
        raise BranchRuleError(_("Only what you said yourself to a client can be tried again."))
    if NoticeAcceptance.needed_by(by):
        raise BranchRuleError(_("Read and accept the notice first."))
    if reason := why_not(by, found.session):
        raise BranchRuleError(reason)
    if found.session.client and consent.is_needed(by, found.session.client):
        words = _("The note on what conversations with %(client)s are about has changed. Read it on their page first.")
        raise BranchRuleError(words % {"client": found.session.client})
    branches = Session.objects.open().filter(student=by, branch_of=found)
    if running := branches.first():
        return running
    try:
        return _create(by, found)
    except IntegrityError:
        # Pressed twice at once, and the other was first: both get it.
        return branches.get()


def why_not(user: User, session: Session, gate: Gate | None = None) -> str:
    """Why this student may not try again from what they said in this session of theirs; "" when they may.

    It opens with their feedback: while they talk where they are told then, else once the feedback can be read.
    `session` has its client and assignment at hand, `gate` is what stands before the feedback where that is known.
    Six queries at most.
    """
    if reason := _not_yet(user, session, gate):
        return reason
    if not Session.objects.spoken_by(user).filter(pk=session.pk).exists():
        return _("You have left the section of this conversation, so you can read it but not try again.")
    if session.client is None or not _may_talk_with(user, session.client):
        return _("You cannot start a conversation with this client now.")
    assignment = origin_of(session).assignment
    if assignment and assignment.grading == Assignment.Grading.GRADED:
        running = Attempt.objects.filter(assignment=assignment, student=user, session__status__in=Session.OPEN)
        if running.exists():
            return _("This is graded work, and you have an attempt at it open. You can try again once it has ended.")
    return ""


def _may_talk_with(user: User, client: ClientProfile) -> bool:
    """Whether they may start this client, or were set the client in a section that they are still in."""
    if ClientProfile.objects.startable_by(user).filter(pk=client.pk).exists():
        return True
    own = Attempt.objects.filter(student=user, task__client=client, task__client__archived_at=None)
    sections = Section.objects.filter(enrolments__student=user, enrolments__removed_at=None)
    return own.filter(assignment__section__in=sections).exists()


def _not_yet(user: User, session: Session, gate: Gate | None) -> str:
    """Why feedback is not open to its student; "" when it is."""
    if session.is_open and has_tips(session):
        return ""
    gate = gate or feedback_open(session, user)
    if gate is Gate.TALKING:
        return _("The conversation is still going on. You can try again once it has ended.")
    if gate is Gate.REFLECT:
        return _("Look back on the conversation first. Then you can try again from what you said.")
    if gate is Gate.RELEASE:
        return _("You can try again from what you said once your teacher has released the feedback.")
    return ""


@transaction.atomic
def _create(by: User, message: Message) -> Session:
    origin = message.session
    assert origin.client is not None  # noqa: S101  as `triable_by` has it
    voice, model = voice_in(origin.section_id, origin.client.chosen_model)
    branch = Session.objects.create(
        student=by,
        section_id=origin.section_id,
        kind=Session.Kind.PRACTICE,
        client=origin.client,
        client_version_id=origin.client_version_id,
        voice=voice,
        model=model,
        branch_of=message,
    )
    roles = [Message.Role.STUDENT, Message.Role.CLIENT]
    said = list(origin.messages.spoken().filter(sequence__lt=message.sequence, role__in=roles))
    # Said then, and paid for then: with their time, without a key, a turn, tokens or cost.
    Message.objects.bulk_create(
        Message(session=branch, sequence=number, role=row.role, content=row.content, created_at=row.created_at)
        for number, row in enumerate(said, start=1)
    )
    branch.last_sequence = len(said)
    branch.said_tokens = sum(_most_tokens(row) for row in said)
    branch.save(update_fields=["last_sequence", "said_tokens"])
    return branch


def _most_tokens(message: Message) -> int:
    """As accepting counts what a student says, and finishing what a client says."""
    student = message.role == Message.Role.STUDENT
    return pricing.most_tokens(message.content) if student else pricing.most_tokens_of_prose(message.content)


def lines_copied(session: Session) -> int:
    """How many of a branch's first lines were said in the conversation it comes from; 0 for what is no branch."""
    if session.branch_of_id is None:
        return 0
    # Nor has what the portal says, which is never copied, a key.
    return session.messages.filter(client_key=None, reply_to=None).exclude(role=Message.Role.SYSTEM).count()


@dataclass(frozen=True, slots=True)
class Way:
    """How it went on from the message: how often the student spoke, the trust, and the outcome in words.

    The trust is that after as many messages as the other way has too, so that like stands beside like.

    Trust is 0 to 100; None, like an outcome of "", where no turn knows it.
    """

    said: int
    trust: int | None
    outcome: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """The conversation from a message on, as it went then and in the branch; `trust` is that just before it.

    `after` is how many messages of the student each way's trust comes after.
    """

    trust: int | None
    after: int
    then: Way
    now: Way


def comparison(branch: Session) -> Comparison | None:
    """How a branch went beside what it tries anew; None for what is no branch. Two queries."""
    message = branch.branch_of
    if message is None:
        return None
    then = _states(message.session_id, message.sequence)
    now = _states(branch.pk, 1)
    first = next((state for state in (*then[:1], *now[:1]) if state), None)
    before = first["trust"] - first["change"] if first else None
    after = min(len(then), len(now))
    return Comparison(before, after, _way(then, after), _way(now, after))


def _states(session_id: Any, since: int) -> list[Mapping[str, Any]]:
    """What the turns of a session made of the client, one for each thing the student said from this number on."""
    return list(Turn.objects.filter(session=session_id, message__sequence__gte=since).states().values())


def _way(states: Sequence[Mapping[str, Any]], after: int) -> Way:
    outcome = states[-1].get("outcome", "") if states else ""
    trust = states[after - 1].get("trust") if after else None
    return Way(len(states), trust, str(Session.Outcome(outcome).label) if outcome else "")
