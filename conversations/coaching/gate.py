"""When feedback on a conversation opens, and to whom."""

from enum import Enum

from accounts.models import User
from conversations import reflections
from conversations.models import Assignment, Scoring, Session


class Gate(Enum):
    """What stands before the feedback on a conversation."""

    TALKING = "talking"
    REFLECT = "reflect"
    RELEASE = "release"
    OPEN = "open"


def feedback_open(session: Session, user: User) -> Gate:
    """What stands before this person, who sees the session, and its feedback. At most five queries.

    Whoever looks after the session reads it at any time. Its student waits for the end, then looks back themself, and
    where the assignment says so waits until a teacher releases their scoring.
    """
    if session.is_supervised_by(user):
        return Gate.OPEN
    if session.is_open:
        return Gate.TALKING
    if reflections.is_awaited(session):
        return Gate.REFLECT
    return Gate.RELEASE if waits_for_release(session) else Gate.OPEN


def origin_of(session: Session) -> Session:
    """The conversation at the root of a branch, which may be a branch of a branch; itself for what is no branch."""
    while session.branch_of:
        session = session.branch_of.session
    return session


def waits_for_release(session: Session) -> bool:
    """Whether it, or the conversation that it tries anew, is kept back until a teacher releases the scoring."""
    graded = origin_of(session)
    if graded.assignment is None or graded.assignment.feedback != Assignment.Feedback.RELEASE:
        return False
    return not Scoring.objects.filter(session=graded, released__isnull=False).exists()
