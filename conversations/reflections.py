"""Reflections: a student's own view of a conversation that has ended, before they read what others say of it."""

from collections.abc import Sequence

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import User
from accounts.services import RuleBrokenError
from conversations.models import Reflection, RubricVersion, Session
from conversations.models.session import SessionQuerySet
from conversations.rubrics import built_in, frozen_version
from conversations.scores import Level

# What a conversation outside of an assignment is judged by: the built-in rubric of the client's field.
RUBRIC_OF_FIELD = {
    "social_work": "active-listening-rapport",
    "health": "consultation-calgary-cambridge",
    "language": "language-conversation",
    "sales": "sales-conversation",
}
FORMULATION_LEAST, FORMULATION_MOST, NEXT_TIME_MOST = 40, 2_000, 1_000


class ReflectionRuleError(RuleBrokenError):
    """A rule of reflections was broken; the message says which in plain words."""


@transaction.atomic
def rubric_for(session: Session) -> RubricVersion:
    """The frozen rubric that a conversation with a client is judged by, and its student judges themself by.

    That of its attempt; else the one its reflection used; a branch's is that of the conversation it tries anew; else
    the built-in one of the client's field as it is now.
    """
    reflected = Reflection.objects.filter(session=session).values("version")
    if version := frozen_version(session) or RubricVersion.objects.filter(pk__in=reflected).first():
        return version
    if session.branch_of:
        return rubric_for(session.branch_of.session)
    field = session.snapshot.domain if session.snapshot else ""
    return RubricVersion.freeze(built_in(RUBRIC_OF_FIELD.get(field, RUBRIC_OF_FIELD["social_work"])))


def awaiting(sessions: SessionQuerySet) -> SessionQuerySet:
    """Those of these sessions whose student has yet to look back: `is_awaited`, in the database."""
    ended = sessions.filter(kind=Session.Kind.PRACTICE, ended_at__isnull=False, client__isnull=False, branch_of=None)
    return ended.filter(exchanges__gt=0, reflection=None)


def is_awaited(session: Session) -> bool:
    """Whether its student has yet to look back: practice that has ended, in which the client answered once at least.

    A branch asks for none: it tries again what was looked back on.
    """
    if session.branch_of_id:
        return False
    if session.kind != Session.Kind.PRACTICE or session.is_open or not session.exchanges or not session.client_id:
        return False
    return not Reflection.objects.filter(session=session).exists()


@transaction.atomic
def write(
    *, by: User, session: Session, levels: Sequence[int | None], formulation: str, next_time: str = ""
) -> Reflection:
    """Keep how the student sees their own conversation; once, so that what they read later does not change it.

    `levels` has 4 to 1 for each criterion of `rubric_for`, None where they cannot say; `formulation` 40 to 2,000
    characters on who the client is, what they want and what holds them back. Raises ReflectionRuleError for others'
    conversations, tests, those that go on or in which nothing was said, for a second one, and for a text of another
    length; ValueError for levels that do not fit the rubric.
    """
    locked = Session.objects.select_for_update(of=("self",)).filter(pk=session.pk, student=by).first()
    if locked is None or locked.kind != Session.Kind.PRACTICE or locked.client_id is None:
        raise ReflectionRuleError(_("Only the student who held this conversation can look back on it here."))
    if locked.is_open:
        raise ReflectionRuleError(_("The conversation is still going on. You can look back once it has ended."))
    if Reflection.objects.filter(session=locked).exists():
        raise ReflectionRuleError(_("You have looked back on this conversation already. What you wrote then stays."))
    if not locked.exchanges:
        raise ReflectionRuleError(_("Nobody answered in this conversation, so there is nothing to look back on."))
    formulation, next_time = formulation.strip(), next_time.strip()
    if problem := formulation_problem(formulation):
        raise ReflectionRuleError(problem)
    if len(next_time) > NEXT_TIME_MOST:
        words = _("“Next time” can have %(most)d characters; yours has %(count)d.")
        raise ReflectionRuleError(words % {"most": NEXT_TIME_MOST, "count": len(next_time)})
    version = rubric_for(locked)
    if len(levels) != len(version.value.criteria) or not set(levels) <= {None, *Level}:
        raise ValueError(levels)
    return Reflection.objects.create(
        session=locked, version=version, levels=list(levels), formulation=formulation, next_time=next_time
    )


def formulation_problem(text: str) -> str:
    """Why a formulation cannot be kept, in plain words; "" when it can."""
    count = len(text)
    if count < FORMULATION_LEAST:
        words = ngettext(
            "Write a little more: at least %(least)d characters, a sentence or two. So far there is %(count)d.",
            "Write a little more: at least %(least)d characters, a sentence or two. So far there are %(count)d.",
            count,
        )
        return words % {"least": FORMULATION_LEAST, "count": count}
    if count > FORMULATION_MOST:
        words = _("This can have %(most)d characters; yours has %(count)d. Shorten it a little.")
        return words % {"most": FORMULATION_MOST, "count": count}
    return ""
