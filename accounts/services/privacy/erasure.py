"""The erasure of one student: disabled at once, then erased stage by stage, whatever dies in between."""

import uuid
from collections.abc import Iterator
from contextlib import suppress

from django.db import transaction
from django.db.models import Case, ProtectedError, Value, When
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import PersonKey, StudentDetails, User
from accounts.services.people import disable_user
from accounts.services.rosters.job import KIND as ROSTER_KIND
from accounts.services.rules import NotAllowedError, RuleBrokenError, WrongRoleError
from monitoring import jobs, privacy
from monitoring.jobs import JobFailedError, Progress
from monitoring.models import Erasure, Job
from monitoring.models.job import JobQuerySet
from monitoring.privacy import ERASED, NotYetError, Subject

ERASURE_KIND = "accounts.erasure"
# One transaction erases no more rows than this.
AT_ONCE = 1_000


class ErasureRuleError(RuleBrokenError):
    """This student cannot be erased now; the message says why in plain words."""


def may_erase(by: User) -> bool:
    """Whether this person may erase students."""
    return by.has_perm("monitoring.add_erasure")


def what_would_go(student: User) -> Iterator[tuple[str, int | None]]:
    """What an erasure is about: label and number of each stage; None where that is looked for while it runs."""
    subject = subject_of(student)
    for stage in privacy.stages().values():
        yield str(stage.label), stage.count(subject) if stage.count else None


def subject_of(student: User) -> Subject:
    """The student, and the words that name them and nobody else."""
    numbers = StudentDetails.objects.filter(student=student).values_list("student_number", flat=True)
    keys = PersonKey.objects.filter(user=student).values_list("key", flat=True)
    return Subject.called(student.pk, exact=[student.email, *numbers, *keys], names=[student.display_name])


@transaction.atomic
def begin_erasure(*, by: User, student: User, email: str, reason: str = "") -> Job:
    """Disable the account and begin to erase everything about this student; the job that does.

    `email` is their address as somebody typed it. Where an erasure of theirs runs, it is that one; one that broke off
    goes on. Raises NotAllowedError, WrongRoleError for who is no student, or ErasureRuleError.
    """
    if not may_erase(by):
        raise NotAllowedError
    locked = User.objects.select_for_update(no_key=True).get(pk=student.pk)
    if not locked.is_student:
        raise WrongRoleError(_("Only students are erased. What a teacher owns is transferred to a colleague."))
    if email.strip().lower() != locked.email:
        raise ErasureRuleError(_("This is not the e-mail address of this student. Nothing was erased."))
    for own in Job.objects.filter(owner=locked, finished_at=None):
        # Whatever ends by itself meanwhile needs no cancelling.
        with suppress(jobs.JobStateError):
            jobs.cancel(by=by, job=own)
    running = holding_jobs().first()
    if running:
        words = _("“%(job)s” is at work with files that may name this student. Wait until it has ended, or cancel it.")
        raise ErasureRuleError(words % {"job": running.label})
    erasure, _is_new = Erasure.objects.get_or_create(subject_uuid=locked.pk, defaults={"by": by})
    if erasure.finished_at:
        raise ErasureRuleError(_("This student was erased already."))
    erasure.reason = subject_of(locked).without_them(reason)[:200]
    erasure.save(update_fields=["reason"])
    asked = {"erasure": str(erasure.pk)}
    at_work = Job.objects.filter(kind=ERASURE_KIND, input__erasure=str(erasure.pk), finished_at=None).first()
    if at_work:
        return at_work
    if locked.is_active:
        disable_user(by=by, user=locked)
    # Without a name: the job's row stays.
    return jobs.create(by=by, kind=ERASURE_KIND, label=_("Erasure of one student"), input=asked)


def holding_jobs() -> JobQuerySet:
    """Work that has not ended and whose files hold people's words or addresses; what is paused first."""
    kinds = [*jobs.private_kinds(), ROSTER_KIND]
    paused_first = Case(When(state=Job.State.PAUSED, then=Value(0)), default=Value(1))
    return Job.objects.filter(kind__in=kinds, finished_at=None).order_by(paused_first, "created_at")


def erase(job: Job) -> Progress:
    """One step: a batch of the stage that is reached, and the account after the last."""
    erasure = Erasure.objects.select_for_update().get(pk=uuid.UUID(job.input["erasure"]))
    stages = list(privacy.stages().values())
    place = job.checkpoint.get("place", 0)
    # A reply that ends holds its conversation and its reservation while its bill refers to the student: a stage that
    # waits for either must not keep it from that. Only the last step keeps everything from referring to the account;
    # by then nothing of theirs runs, and it asks for the whole lock at once, before it has any other.
    last = place == len(stages)
    student = User.objects.select_for_update(no_key=not last).filter(pk=erasure.subject_uuid).first()
    if erasure.finished_at or student is None:
        return Progress(job.checkpoint, finished=True)
    if last:
        return _finish(job, erasure, student)
    stage, subject = stages[place], subject_of(student)
    try:
        done = stage.erase(subject, AT_ONCE)
    except NotYetError as error:
        return Progress({"place": place, "waits_for": subject.without_them(str(error))}, later=True)
    _count(erasure, stage.name, done)
    return Progress({"place": place if done else place + 1}, done=done)


def _finish(job: Job, erasure: Erasure, student: User) -> Progress:
    """Delete the account, and close the record; from the first stage again where something came meanwhile."""
    subject = subject_of(student)
    if any(stage.count and stage.count(subject) for stage in privacy.stages().values()):
        return Progress({"place": 0})
    try:
        with transaction.atomic():
            student.delete()
        _count(erasure, "account", 1)
    except ProtectedError as error:
        others = {type(row) for row in error.protected_objects} - privacy.of_staff()
        if others:
            tables = ", ".join(sorted(str(model._meta.verbose_name_plural) for model in others))
            raise JobFailedError(_("The account stays: %(tables)s still refer to it.") % {"tables": tables}) from error
        # Who taught before has written what others use: of them stays a key without a name.
        _empty(student)
        _count(erasure, "account_emptied", 1)
    erasure.finished_at = timezone.now()
    erasure.save(update_fields=["finished_at"])
    return Progress(job.checkpoint, done=1, finished=True)


def _empty(student: User) -> None:
    StudentDetails.objects.filter(student=student).delete()
    PersonKey.objects.filter(user=student).delete()
    student.email, student.display_name = f"{uuid.uuid4().hex}@erased.invalid", ERASED
    student.time_zone, student.language, student.last_login = "", "", None
    student.set_unusable_password()
    student.save()


def _count(erasure: Erasure, name: str, done: int) -> None:
    if done:
        erasure.counts[name] = erasure.counts.get(name, 0) + done
        erasure.save(update_fields=["counts"])
