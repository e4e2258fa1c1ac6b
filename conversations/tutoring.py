"""Talking with a tutor: the same conversation as with a client, with somebody who teaches."""

from collections.abc import Collection
from dataclasses import replace

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Section, User
from clients import tutors
from clients.models import TutorPreference
from clients.personas import Learner, LearnerError, Persona, compose
from clients.personas.learner import SUBJECT_MAX
from clients.personas.scenarios import Scenario
from clients.personas.script import debrief_opening
from clients.personas.snapshot import TutorSnapshot
from clients.snapshot import ClientSnapshot
from conversations import sessions
from conversations.debriefs import material_of
from conversations.models import Message, NoticeAcceptance, Session, TutorTalk
from conversations.section_models import voice_in
from conversations.sessions import SessionRuleError
from monitoring import pricing


class NoTutorError(SessionRuleError):
    """This person has no tutor to talk with yet: they have not chosen one, or theirs is not offered any more."""


def preferred_tutor(user: User) -> TutorSnapshot | None:
    """The tutor that this person prefers, as far as it is offered to them now."""
    found = _chosen(user)
    return TutorSnapshot.of(*found) if found else None


@transaction.atomic
def talk(*, by: User, goal: str = "", scenario: Scenario | None = None) -> Session:
    """The open conversation of this person with the tutor that they prefer, or a new one with this goal and scenario.

    One about something else, or with an earlier text of the tutor, is ended and kept. Raises SessionRuleError when the
    notice is not accepted, NoTutorError without a tutor.
    """
    if NoticeAcceptance.needed_by(by):
        raise SessionRuleError(_("Read and accept the notice first."))
    # Of two starts at once the second one finds what the first one made.
    User.objects.select_for_update(no_key=True).get(pk=by.pk)
    found = _chosen(by)
    if found is None:
        raise NoTutorError(_("Choose your tutor first."))
    persona, learner = found
    tutor = TutorSnapshot.of(persona, learner)
    free = compose(persona, learner)
    prompt = compose(persona, learner, scenario.material) if scenario else free
    existing = Session.objects.open().filter(student=by, persona=persona.key, tutor_talk__about=None).first()
    if existing and _may_go_on(by, existing):
        before = TutorTalk.frozen(existing.pk)
        # Going on is going on with whatever it is about.
        same = before.prompt == prompt if scenario else before.prompt.startswith(free)
        if before.snapshot == tutor and same:
            return existing
    if existing:
        sessions.end(by=by, session=existing)
    return _create(by, tutor, prompt, goal=goal, scenario=scenario)


@transaction.atomic
def debrief(*, by: User, about: Session) -> Session:
    """The open conversation with the preferred tutor about this one, or a new one; by whom the conversation was held.

    Raises SessionRuleError while it goes on and where nothing was said, NoTutorError without a tutor.
    """
    if about.student_id != by.pk or about.snapshot is None:
        raise SessionRuleError(_("Only the person who held this conversation can do that."))
    if about.is_open or not about.exchanges:
        raise SessionRuleError(_("A tutor can go over a conversation once it has ended and something was said."))
    User.objects.select_for_update(no_key=True).get(pk=by.pk)
    found = _chosen(by)
    if found is None:
        raise NoTutorError(_("Choose your tutor first."))
    existing = Session.objects.open().filter(student=by, tutor_talk__about=about).first()
    if existing and _may_go_on(by, existing):
        return existing
    if existing:
        sessions.end(by=by, session=existing)
    persona, chosen = found
    client = about.snapshot
    learner = replace(chosen, subject=_subject(client))
    tutor = replace(TutorSnapshot.of(persona, learner), greeting=debrief_opening(learner.language, client.name))
    material = material_of(about, client, by, learner.language)
    return _create(by, tutor, compose(persona, learner, material), about=about)


def _subject(client: ClientSnapshot) -> str:
    """What a debrief is about, as the subject of a tutor can be: without the marks of a prompt, and short enough."""
    name = "".join(sign for sign in client.name if sign not in "<>{}" and sign.isprintable())
    return f"a practice conversation with {name}"[:SUBJECT_MAX]


def _create(
    by: User,
    tutor: TutorSnapshot,
    prompt: str,
    *,
    about: Session | None = None,
    goal: str = "",
    scenario: Scenario | None = None,
) -> Session:
    section = _section_for(by, tutor.key)
    voice, model = voice_in(section.pk if section else None, settings.MODEL_DEFAULT)
    session = Session.objects.create(
        student=by,
        section=section,
        kind=Session.Kind.PRACTICE if by.is_student else Session.Kind.TEST,
        persona=tutor.key,
        voice=voice,
        model=model,
        last_sequence=1,
        said_tokens=pricing.most_tokens_of_prose(tutor.greeting),
    )
    TutorTalk.objects.create(
        session=session,
        data=tutor.to_json(),
        prompt=prompt,
        about=about,
        goal=goal,
        scenario=scenario.to_json() if scenario else None,
    )
    Message.objects.create(
        session=session,
        sequence=1,
        role=Message.Role.CLIENT,
        content=tutor.greeting,
        token_count=pricing.estimate_tokens(tutor.greeting),
        created_at=timezone.now(),
    )
    return session


@transaction.atomic
def tick(*, by: User, session: Session, done: Collection[int]) -> None:
    """Keep which steps of the scenario this person has done; numbers that it does not have are passed over.

    Raises SessionRuleError for somebody else's conversation, and for one without a scenario.
    """
    row = TutorTalk.objects.select_for_update().filter(session=session, session__student=by).first()
    if row is None or row.situation is None:
        raise SessionRuleError(_("There are no steps in this conversation."))
    row.steps_done = sorted({*done} & {number for number, _step, _done in row.steps})
    row.save(update_fields=["steps_done"])


@transaction.atomic
def rate(*, by: User, session: Session, rating: int, note: str) -> None:
    """Keep how this person judges their conversation with a tutor once it has ended; again in place of the first time.

    Raises SessionRuleError while it goes on, and for somebody else's.
    """
    if session.student_id != by.pk or session.is_open:
        raise SessionRuleError(_("A conversation is judged by whom it was held by, once it has ended."))
    TutorTalk.objects.filter(session=session).update(rating=rating, rating_note=note)


def _may_go_on(user: User, session: Session) -> bool:
    return Session.objects.spoken_by(user).filter(pk=session.pk).exists()


def _chosen(user: User) -> tuple[Persona, Learner] | None:
    preference = TutorPreference.objects.filter(user=user).first()
    if preference is None:
        return None
    offered = {persona.key: persona for persona in tutors.allowed_to(user)}
    persona = offered.get(preference.persona)
    try:
        return (persona, preference.learner) if persona else None
    except LearnerError:
        # A rule that came later than their choice: they choose again.
        return None


def _section_for(user: User, persona: str) -> Section | None:
    """The section that a student's conversation belongs to: the newest of theirs that allows this tutor."""
    if not user.is_student:
        return None
    for enrolment in user.enrolments.active().select_related("section").filter(section__archived_at=None):
        if any(one.key == persona for one in tutors.allowed_in(enrolment.section)):
            return enrolment.section
    return None
