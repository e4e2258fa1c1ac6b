"""A student about whom something stands in every table, each with a word that nothing else has."""

import datetime as dt
import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.apps import apps
from django.contrib.admin.models import CHANGE, LogEntry
from django.core.files.base import ContentFile
from django.db import models
from django.test import Client as Browser
from django.urls import reverse
from django.utils import timezone

from accounts.models import (
    Enrolment,
    Invitation,
    Notification,
    NotificationChoice,
    PersonKey,
    RosterFile,
    Section,
    StudentDetails,
    User,
)
from accounts.services import privacy
from clients.models import ClientProfile, TutorPreference
from conversations import rubrics, sessions, tutoring
from conversations.branches import try_again
from conversations.models import (
    AssignmentException,
    Attempt,
    Breach,
    ContentConsent,
    Evaluation,
    EvaluationClaim,
    EvaluationFinding,
    Flag,
    MarginNote,
    Mark,
    Message,
    Nudge,
    Reflection,
    RubricVersion,
    SafetyAlert,
    Scoring,
    ScoringRevision,
    Session,
    SessionFeedback,
    TranscriptReading,
    Turn,
)
from conversations.tests.assigned import set_work
from conversations.tests.pages import signed_in
from conversations.tests.rubrics import listening
from conversations.turns.accept import accept, retry
from conversations.turns.finish import Outcome, finish
from monitoring import audit, jobs, periods, rollups
from monitoring.budgets import Scope
from monitoring.models import (
    AdminReading,
    Alert,
    Budget,
    ErrorEntry,
    Job,
    JobFile,
    JobProblem,
    LedgerEntry,
    RateWindow,
    Reservation,
)
from monitoring.models.price import price_now
from monitoring.pricing import Usage
from monitoring.services import reserve, settle

# The words of the two students that a test makes with it.
WORD, OTHER = "zebrawort", "quinceberry"

MODEL = "claude-haiku-5-5"
# What a word or a key may stand in.
TEXTS = (
    models.CharField, models.TextField, models.JSONField, models.UUIDField, models.FileField, models.ForeignKey,
)  # fmt: skip


def make_student(word: str, section: Section, *, joined_days_ago: int = 400) -> User:
    """A student of the section whose name, address and number hold the word."""
    student = User.objects.create_user(
        f"{word}@example.com", "secret-word-1", display_name=f"{word.title()} Núñez Peña", role=User.Role.STUDENT
    )
    User.objects.filter(pk=student.pk).update(date_joined=timezone.now() - dt.timedelta(days=joined_days_ago))
    Enrolment.objects.create(section=section, student=student)
    return student


def practise(student: User, client: ClientProfile, word: str, **fields: Any) -> Session:
    """A talk with Claude that has ended: a reply, and one that was stopped and tried again; with a bill for each."""
    sessions.accept_notice(by=student)
    session = sessions.start(by=student, client=client)
    Session.objects.filter(pk=session.pk).update(voice="claude", model=MODEL)
    _say(student, session, word)
    stopped = _say(student, session, word, Turn.Status.STOPPED)
    again = retry(by=student, session_id=session.pk, reply_id=stopped, owner=uuid.uuid4()).turn
    _answer(again, word, Turn.Status.COMPLETE)
    sessions.end(by=student, session=session)
    Session.objects.filter(pk=session.pk).update(**fields)
    session.refresh_from_db()
    return session


def _say(student: User, session: Session, word: str, status: Turn.Status = Turn.Status.COMPLETE) -> uuid.UUID:
    said = {"by": student, "session_id": session.pk, "client_key": uuid.uuid4(), "owner": uuid.uuid4()}
    return _answer(accept(**said, text=f"I am {word}, hello.").turn, word, status)  # type: ignore[arg-type]


def _answer(turn: Turn, word: str, status: Turn.Status) -> uuid.UUID:
    outcome = Outcome(status, f"Good morning, {word}.", Usage(input=900, output=50, cache_read=90), first_text_ms=300)
    finished = finish(turn.pk, turn.fence, outcome)
    assert finished
    return finished.reply.pk


def write_about(student: User, talk: Session, teacher: User, admin: User, word: str) -> None:
    """Something in every other table: about the student, about the talk, and where others keep texts."""
    _of_the_talk(student, talk, teacher, word)
    _of_the_account(student, talk, admin, word)
    _of_operators(student, talk, admin, word)
    _files(student, teacher, word)


def _of_the_talk(student: User, talk: Session, teacher: User, word: str) -> None:
    assert talk.client
    assert talk.section
    first, reply = talk.messages.filter(role="student")[0], talk.messages.filter(role="client")[0]
    work = set_work(teacher, talk.section, talk.client, title="Work")
    version = RubricVersion.freeze(rubrics.create_rubric(by=teacher, value=listening(name=f"For {word[:3]}")))
    Session.objects.filter(pk=talk.pk).update(assignment=work)
    made_with: dict[str, Any] = {"task": work.clients.get(), "number": 1, "prices": [word]}
    Attempt.objects.create(session=talk, assignment=work, student=student, **made_with)
    AssignmentException.objects.create(assignment=work, student=student, granted_by=teacher, reason=word)
    evaluation = _evaluated(talk, version, teacher, word)
    finding = EvaluationFinding.objects.create(evaluation=evaluation, position=0, levels=[word])
    claim = EvaluationClaim.objects.create(finding=finding, message=first, quote=word, says=word)
    scoring = Scoring.objects.create(session=talk)
    revision = ScoringRevision.objects.create(
        scoring=scoring, number=1, version=version, comment=word, evaluation=evaluation, saved_by=teacher
    )
    revision.evidence.add(claim)
    Scoring.objects.filter(pk=scoring.pk).update(latest=revision)
    Mark.objects.create(revision=revision, position=0, comment=word)
    Reflection.objects.create(session=talk, version=version, levels=[None], formulation=word, next_time=word)
    marks = dict.fromkeys(SessionFeedback.MARKS, 7)
    SessionFeedback.objects.create(session=talk, client=talk.client, comment=word, client_sum=35, **marks)
    Nudge.objects.create(session=talk, sent_by=teacher, text=word)
    MarginNote.objects.create(message=first, author=teacher, text=word)
    flag = Flag.objects.create(message=reply, raised_by=student, reason="wrong", comment=word, answer=word)
    Breach.objects.create(session=talk, client=talk.client, reply_id=reply.pk, kind="ai", excerpt=word, model=MODEL)
    alert = SafetyAlert.objects.create(session=talk, message=first, tier=2, comment=word)
    TranscriptReading.objects.create(reader=teacher, session=talk, how="transcript")
    ContentConsent.objects.create(user=student, client=talk.client, note=word)
    paths = {"safety": reverse("safety-alert", args=[alert.pk]), "flagged": reverse("flag", args=[flag.pk])}
    for kind, path in paths.items():
        Notification.objects.create(user=teacher, kind=kind, about=f"it:{word}", names={"student": word}, path=path)
    Turn.objects.filter(session=talk).update(state={"heard": word})
    Session.objects.filter(pk=talk.pk).update(assignment=None)
    try_again(by=student, message=first)


def _evaluated(talk: Session, version: RubricVersion, teacher: User, word: str) -> Evaluation:
    """A draft with its bill, which is the teacher's."""
    draft = Evaluation.objects.create(
        session=talk, version=version, voice="claude", model=MODEL, status="done", asked_by=teacher,
        runs=[word], counts={word: 1}, error=word,
    )  # fmt: skip
    scopes = [Scope("evaluation", draft.pk, "")]
    held = reserve(by=teacher, kind="evaluation", scopes=scopes, price=price_now(MODEL), amount_microusd=900)
    entry = settle(
        reservation=held, usage=Usage(input=700, output=30), outcome="complete", first_text_ms=None, total_ms=9
    )
    Evaluation.objects.filter(pk=draft.pk).update(cost_microusd=entry.cost_microusd)
    return draft


def _of_the_account(student: User, talk: Session, admin: User, word: str) -> None:
    StudentDetails.objects.create(student=student, student_number=f"{word}-77", pronouns=word, programme=word)
    PersonKey.objects.create(user=student, key=f"{word}-88")
    Invitation.objects.create(email=student.email, display_name=word, fingerprint=uuid.uuid4().hex)
    Notification.objects.create(user=student, kind="released", about=word, names={"client": word}, path=f"/{word}")
    NotificationChoice.objects.create(user=student, kind="released")
    chosen = {"subject": word, "learner_level": "beginner", "language": "en"}
    TutorPreference.objects.create(user=student, persona="expert-scholar", customisation=chosen)
    sessions.end(by=student, session=tutoring.talk(by=student))
    for row in (student, talk, student.enrolments.get()):
        LogEntry.objects.log_actions(admin.pk, [row], CHANGE, change_message=f"{word} was changed", single_object=True)
    assert talk.section
    # As the section's own form says that it enrolled them.
    enrolled = [{"added": {"name": "enrolment", "object": str(student.enrolments.get())}}]
    for message in (student.email, enrolled):
        LogEntry.objects.log_actions(admin.pk, [talk.section], CHANGE, change_message=message, single_object=True)
    Browser().force_login(student)


def _of_operators(student: User, talk: Session, admin: User, word: str) -> None:
    budget = Budget.objects.create(
        scope="user", scope_id=student.pk, label=student.display_name, period="month", limit_microusd=9_000_000
    )
    budget.accounts.create(scope_id=student.pk, label=student.display_name, starts_on=timezone.now().date())
    held = Reservation.objects.filter(user=student).order_by("pk")[0]
    scopes = [{"kind": "session", "id": str(talk.pk), "label": word}, {"kind": "section", "id": "s", "label": "S"}]
    Reservation.objects.filter(pk=held.pk).update(scopes=scopes)
    RateWindow.objects.update_or_create(
        name="export_user", key=str(student.pk), defaults={"slots": [], "touched_at": timezone.now()}
    )
    ErrorEntry.objects.create(kind="mail.lost", detail=f"Not mailed to {student.email}.", source=str(student.pk))
    ErrorEntry.objects.create(kind="turn", detail=word, session_uuid=talk.pk)
    text = f"Budget “{student.display_name}”"
    Alert.objects.create(key=uuid.uuid4().hex, kind="budget", severity="warning", text=text)
    for row, query in ((str(student.pk), ""), (str(talk.pk), f"q={word}")):
        AdminReading.objects.create(reader=admin, what="accounts.student", row=row, query=query)
    _look_for(student.email, student.display_name)


def _look_for(*sought: str) -> None:
    """An auditor looks for these in the administration, which writes that down."""
    auditor, _is_new = User.objects.get_or_create(email="looks-on@example.com", defaults={"role": User.Role.AUDITOR})
    desk = Browser()
    desk.force_login(auditor)
    for text in sought:
        desk.get(reverse("admin:accounts_student_changelist"), {"q": text})
        assert text in AdminReading.objects.latest("pk").query


def _files(student: User, teacher: User, word: str) -> None:
    """Files of ended work: their own, a teacher's export, a roster that failed for them; and a roster that waits."""
    for owner, kind, problem in (
        (student, "conversations.export", word),
        (teacher, "conversations.export", "x"),
        (teacher, "accounts.roster", f"{student.email} has another role."),
    ):
        job = Job.objects.create(
            kind=kind, label=f"Work about {student.display_name}", owner=owner, language="en", state="completed",
            finished_at=timezone.now(),
        )  # fmt: skip
        JobProblem.objects.create(job=job, row=1, message=problem)
        jobs.attach(job=job, name="made.csv", content=ContentFile(f"email\n{student.email}\n{word}".encode()))
    RosterFile.objects.create(owner=teacher, name="a.csv", content=ContentFile(student.email.encode("utf-16-le"), "a"))


def texts() -> Iterator[tuple[str, str]]:
    """Everything that the database holds as text, JSON or a key, as (table and column, text)."""
    for model in apps.get_models(include_auto_created=True):
        if model._meta.proxy:
            continue
        names = [field.attname for field in model._meta.concrete_fields if isinstance(field, TEXTS)]
        for row in model._default_manager.values(*names):
            for name, value in row.items():
                yield f"{model._meta.label}.{name}", value if isinstance(value, str) else json.dumps(value, default=str)


def places_of(*words: str) -> set[str]:
    """The columns in which one of these words stands."""
    return {place for place, text in texts() if any(word.lower() in text.lower() for word in words)}


def files_with(folder: Path, word: str) -> list[Path]:
    """The files that hold the word."""
    kinds = [word.encode(), word.encode("utf-16-le")]
    return [path for path in folder.rglob("*") if path.is_file() and any(one in path.read_bytes() for one in kinds)]


def money() -> tuple[int, int, int]:
    """Micro-dollars of all settlements, of what was reserved, and how many settlements there are."""
    entries = LedgerEntry.objects.aggregate(cost=models.Sum("cost_microusd"), count=models.Count("pk"))
    reserved = Reservation.objects.aggregate(sum=models.Sum("amount_microusd"))["sum"]
    return entries["cost"], reserved, entries["count"]


def file_of(job: Job) -> JobFile:
    """The one file that a job made."""
    return job.files.get(purpose=JobFile.Purpose.OUTPUT)


def has_message(word: str) -> bool:
    """Whether a message says the word."""
    return Message.objects.filter(content__contains=word).exists()


def settle_yesterday() -> dt.date:
    """What was settled so far was settled yesterday, and is added up."""
    day = periods.today() - dt.timedelta(days=1)
    LedgerEntry.objects.update(settled_at=periods.bounds(day)[0] + dt.timedelta(hours=12))
    rollups.rebuild_day(day)
    return day


def run(job: Job) -> Job:
    """The job once it has ended, or waits for something."""
    before = None
    while not job.is_ended and before != (job.done, job.checkpoint):
        before = (job.done, job.checkpoint)
        jobs.work(job.pk, job.fence)
        job.refresh_from_db()
    return job


def erase(by: User, student: User) -> Job:
    return privacy.begin_erasure(by=by, student=student, email=student.email, reason=f"Asked for by {student.email}")


def breaches() -> dict[str, list[str]]:
    return {name: finding.breaches for name, finding in audit.run(at_rest=True) if finding.breaches}


def choose(by: User, action: str, *students: User, follow: bool = False, **fields: str) -> Any:
    chosen = {"action": action, "_selected_action": [str(student.pk) for student in students], **fields}
    return signed_in(by).post(reverse("admin:accounts_student_changelist"), chosen, follow=follow)
