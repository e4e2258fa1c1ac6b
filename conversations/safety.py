"""Safety: what students say of their own distress is kept from the client, and people are told who can help."""

import datetime as dt
import uuid
from collections.abc import Iterable

from django.db import transaction
from django.db.models import F, QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Notification, School, User
from accounts.services import RuleBrokenError
from accounts.services.notifications import tell
from conversations.counterparts import counterpart_of
from conversations.models import Message, SafetyAlert, Session
from monitoring import pricing

Tier = SafetyAlert.Tier

# Nobody has acknowledged it for so long: it is passed on to the admins.
PASSED_ON_AFTER = {
    Tier.STRAIN: dt.timedelta(hours=24),
    Tier.DISTRESS: dt.timedelta(hours=4),
    Tier.DANGER: dt.timedelta(minutes=15),
}


class SafetyRuleError(RuleBrokenError):
    """A rule of safety alerts was broken; the message says which in plain words."""


class SetAsideError(Exception):
    """No turn was made: what the student said is about themself. It is stored, and so is what the portal answers.

    `revision` is the session's after it, `is_new` False for a send that was known before, and `paused` says that the
    session now rests.
    """

    def __init__(self, message: Message, answer: Message, revision: int, *, is_new: bool, paused: bool = False) -> None:
        super().__init__("set aside")
        self.message = message
        self.answer = answer
        self.revision = revision
        self.is_new = is_new
        self.paused = paused


def set_aside(
    *, by: User, session_id: uuid.UUID, client_key: uuid.UUID, text: str, tier: int, asked: bool = False
) -> SetAsideError:
    """Store this message as not said to the client, the portal's answer after it, and the alert; tell who can help.

    In the transaction of whoever calls, who has locked the session and found that `by` may speak in it. A teacher's
    test shows the same and tells nobody. In danger the session is paused, for its student to continue. `asked` is that
    the student asked for help by the button, so that there is nothing to be wrong about.
    """
    session = Session.objects.select_related("client").get(pk=session_id)
    message = Message.objects.create(
        session=session,
        sequence=session.last_sequence + 1,
        role=Message.Role.STUDENT,
        status=Message.Status.ASIDE,
        content=text,
        client_key=client_key,
        token_count=pricing.estimate_tokens(text),
    )
    is_test = session.kind == Session.Kind.TEST
    told = [] if is_test else _told_at_once(session, tier)
    answer = Message.objects.create(
        session=session,
        sequence=message.sequence + 1,
        role=Message.Role.SYSTEM,
        content=_answer(session, tier, told, is_test=is_test, asked=asked),
    )
    if not is_test:
        alert = SafetyAlert.objects.create(session=session, message=message, tier=tier, raised_at=message.created_at)
        _tell(alert, told, "raised")
    session.last_sequence, session.last_activity_at = answer.sequence, timezone.now()
    session.revision += 1
    if tier == Tier.DANGER:
        session.status = Session.Status.PAUSED
    session.save(update_fields=["last_sequence", "last_activity_at", "revision", "status"])
    return SetAsideError(message, answer, session.revision, is_new=True, paused=tier == Tier.DANGER)


def has_paused(session: Session) -> bool:
    """Whether what was said last was a sign of danger, for which a session is paused."""
    last = SafetyAlert.objects.danger().filter(session=session, message__sequence=session.last_sequence - 1)
    return last.exists()


def set_aside_before(message: Message, revision: int) -> SetAsideError:
    """The same for a message that was set aside before."""
    answer = Message.objects.get(session=message.session_id, sequence=message.sequence + 1)
    return SetAsideError(message, answer, revision, is_new=False)


@transaction.atomic
def ask_for_help(*, by: User, session: Session) -> bool:
    """Tell the teachers that a student in practice asked for help by the button; nothing is paused.

    False where they did so before and nobody has acknowledged it yet: nothing is added. Raises SafetyRuleError where
    it is not this person's own open practice.
    """
    own = Session.objects.spoken_by(by).filter(pk=session.pk, kind=Session.Kind.PRACTICE).values("pk")
    found = Session.objects.select_for_update().filter(pk__in=own).order_by().first()
    if found is None or not found.is_open:
        raise SafetyRuleError(_("This conversation has ended, so nobody was told. Talk to your teacher yourself."))
    # What was asked by the button is known by its key: the first, the second, and so on of this session.
    alerts = SafetyAlert.objects.filter(session=found)
    keys = [uuid.uuid5(found.pk, f"help {number}") for number in range(alerts.count() + 1)]
    alerts = alerts.filter(message__client_key__in=keys)
    if alerts.waiting().exists():
        return False
    text = _("I pressed “Tell my teachers that I need help”.")
    if found.section_id is None:
        text = _("I pressed “Tell the people who run this portal that I need help”.")
    key = keys[alerts.count()]
    set_aside(by=by, session_id=found.pk, client_key=key, text=text, tier=Tier.DISTRESS, asked=True)
    return True


def _answer(session: Session, tier: int, people: list[User], *, is_test: bool, asked: bool) -> str:
    """What the student reads: that the client did not hear it, who is told, the school's words, and how to go on.

    In danger it begins with whom to turn to.
    """
    school = School.current()
    danger, teachers = tier == Tier.DANGER, any(person.is_teacher for person in people)
    if is_test:
        told = _("This is your test, so nobody is told. When a student writes this, their teachers are.")
    elif teachers and danger:
        told = _(
            "Your teachers and the people who run this portal are told now that you may need help, and can read it."
        )
    elif teachers:
        told = _("Your teachers are told that you may need help, and can read it.")
    else:
        told = _("The people who run this portal are told that you may need help, and can read it.")
    if asked:
        heard = _("You asked for help; %(client)s did not hear it.")
        again = _("Go on when you want to, or stop here.")
    else:
        heard = _("This sounds as if it is about you, so %(client)s did not hear it.")
        again = _("If this was part of the practice, say it in other words.")
    said, contacts = f"{heard % {'client': counterpart_of(session).name}} {told}", "\n".join(school.contacts)
    if danger:
        again = _("The conversation is paused for you; go on when you want to, or not at all.") + " " + again
        first = _("Call your local emergency number now, or go to somebody who can stay with you.")
        if school.has_own_contacts:
            first = _("Turn to somebody now:")
        parts = [f"{first}\n{contacts}".strip(), said, school.words_of_help, again]
    else:
        parts = [said, school.words_of_help, contacts, again]
    return "\n\n".join(part for part in parts if part)


def _admins() -> QuerySet[User]:
    return User.objects.filter(role=User.Role.ADMIN, is_active=True)


def _told_at_once(session: Session, tier: int) -> list[User]:
    """The teachers of the section; in danger, and where nobody teaches the student, the admins as well."""
    teaching = User.objects.filter(role=User.Role.TEACHER, is_active=True)
    teachers = teaching.filter(teaching__section=session.section_id).distinct()
    people = list(teachers) if session.section_id else []
    if tier == Tier.DANGER or not people:
        people += _admins()
    return people


def _tell(alert: SafetyAlert, people: Iterable[User], what: str) -> None:
    """Tell them that somebody may need help; never what was said, since it is mailed."""
    tell(
        users=people,
        kind=Notification.Kind.SAFETY,
        about=f"safety:{alert.pk}:{what}",
        names={"student": alert.session.student.display_name},
        path=reverse("safety-alert", args=[alert.pk]),
    )


def pass_on() -> int:
    """Tell the admins of the alerts that nobody has acknowledged in time, each once; how many."""
    return sum(_pass_on(tier, timezone.now() - wait) for tier, wait in PASSED_ON_AFTER.items())


def _pass_on(tier: Tier, before: dt.datetime) -> int:
    due = SafetyAlert.objects.waiting().filter(tier=tier, raised_at__lte=before, escalated_at=None)
    return sum(_pass_on_one(pk) for pk in due.values_list("pk", flat=True)[:1_000])


@transaction.atomic
def _pass_on_one(pk: uuid.UUID) -> bool:
    # Whoever changes the row tells; a second worker in the same moment changes nothing.
    claimed = SafetyAlert.objects.waiting().filter(pk=pk, escalated_at=None).update(escalated_at=timezone.now())
    if claimed:
        alert = SafetyAlert.objects.select_related("session__student").get(pk=pk)
        _tell(alert, _admins(), "passed-on")
    return bool(claimed)


@transaction.atomic
def acknowledge(*, by: User, alert: SafetyAlert, comment: str = "", others: bool = False) -> SafetyAlert:
    """Keep that this person sees to it, and in their words what was done; nobody is reminded from then on.

    With `others` also to what else waits of the same conversation. Raises SafetyRuleError for who does not see the
    alert, and when somebody else was first.
    """
    seen = SafetyAlert.objects.visible_to(by).filter(session=alert.session_id).order_by().values("pk")
    # Joined to nobody: after waiting for the lock, a join would still say what held before. All of the conversation in
    # one order, so that two who acknowledge its alerts together do not wait for each other.
    rows = list(SafetyAlert.objects.select_for_update().filter(pk__in=seen).order_by("pk"))
    found = next((row for row in rows if row.pk == alert.pk), None)
    if found is None:
        raise SafetyRuleError(_("Only those who see this alert can acknowledge it."))
    if found.acknowledged_by:
        raise SafetyRuleError(_("%(name)s has acknowledged this already.") % {"name": found.acknowledged_by})
    now = timezone.now()
    for row in rows:
        if row is found or (others and row.acknowledged_at is None):
            row.acknowledged_by, row.acknowledged_at, row.comment = by, now, comment
            row.save(update_fields=["acknowledged_by", "acknowledged_at", "comment"])
    # The wall shows it until then.
    Session.objects.filter(pk=found.session_id).update(revision=F("revision") + 1)
    return found


def told_of(alert: SafetyAlert) -> list[Notification]:
    """Whom we told of an alert and when, first told first."""
    found = Notification.objects.filter(kind=Notification.Kind.SAFETY, about__startswith=f"safety:{alert.pk}:")
    return list(found.select_related("user").order_by("created_at", "user__display_name"))
