"""Background work that comes twice at once, as queues deliver it now and then, leaves the same rows as once."""

import datetime as dt
import uuid
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Barrier
from typing import Any

import pytest
from celery import current_app
from django.apps import apps
from django.conf import settings as project
from django.core import mail
from django.core.files.base import ContentFile
from django.db import connection, models, transaction
from django.utils import timezone

from accounts.models import Notification, RosterFile, User
from accounts.services.notifications import tell
from clients.models import ClientProfile
from config.tests.world import World, make_world
from conversations import sessions
from conversations.models import Assignment, AssignmentException, Evaluation, RubricVersion, Session
from conversations.tests.conftest import another, orphan
from conversations.tests.distress import DISTRESS, alert_of
from monitoring import heartbeats, jobs, reports
from monitoring.alerts import raise_alert
from monitoring.models import (
    ErrorEntry,
    HealthReport,
    Heartbeat,
    Job,
    ModelPrice,
    RateWindow,
    Reservation,
    RetentionRule,
    RetentionRun,
)
from monitoring.services import reserve
from monitoring.tests import books
from monitoring.tests.ledger import ago, settled

OURS = ("accounts.", "clients.", "conversations.", "monitoring.")


def ours() -> set[str]:
    """The names of all tasks of the project."""
    current_app.loader.import_default_modules()
    return {name for name in current_app.tasks if name.startswith(OURS)}


def test_every_repeated_task_exists_and_is_not_piled_up_while_no_worker_runs() -> None:
    for name, entry in project.CELERY_BEAT_SCHEDULE.items():
        assert entry["task"] in ours(), name
        assert entry["options"]["expires"] > 0, name
    scheduled = {entry["task"] for entry in project.CELERY_BEAT_SCHEDULE.values()}
    assert ours() - scheduled == {"monitoring.work"}, "a task that nothing sends"


def nothing(_world: World) -> None:
    """It needs none."""


def waiting_mail(world: World) -> None:
    names = {"assignment": "First talk", "section": "SW 101", "client": "Maria", "due": "2026-11-22T09:30:00+00:00"}
    tell(users=[world.student, world.teacher], kind=Notification.Kind.PUBLISHED, about="assignment:9", names=names)


def old_roster(world: World) -> None:
    RosterFile.objects.create(owner=world.teacher, name="a.csv", content=ContentFile(b"email\n", "a"))
    RosterFile.objects.update(created_at=ago(days=2))


def held(kind: str) -> Reservation:
    reservation = reserve(
        by=None, kind=kind, scopes=[], price=ModelPrice.objects.in_force("claude-haiku-5-5"), amount_microusd=5
    )
    Reservation.objects.filter(pk=reservation.pk).update(created_at=ago(hours=1))
    return reservation


def forgotten_trial(_world: World) -> None:
    held("trial")


def dead_turn(world: World) -> None:
    orphan(world.student, world.talk, uuid.uuid4(), "Half a sen")


def overdue(world: World) -> None:
    Session.objects.filter(pk=world.talk.pk).update(deadline_at=ago(minutes=1))


def unacknowledged(world: World) -> None:
    alert_of(world.talk, DISTRESS, dt.timedelta(hours=5))


def idle(world: World) -> None:
    another(world.student)
    Session.objects.update(last_activity_at=ago(days=1))


def due_soon(world: World) -> None:
    Notification.objects.all().delete()
    for model in (Assignment, AssignmentException):
        model.objects.update(due_at=timezone.now() + dt.timedelta(hours=5))


@transaction.atomic
def forgotten_evaluation(world: World) -> None:
    version = RubricVersion.freeze(world.rubric)
    Evaluation.objects.create(
        session=world.talk, version=version, voice="claude", model="claude-haiku-5-5", asked_by=world.teacher,
        reservation=held("evaluation"),
    )  # fmt: skip


def disagreeing_books(_world: World) -> None:
    entry = settled(ago(minutes=5), cost_microusd=0)
    type(entry).objects.filter(pk=entry.pk).update(cost_microusd=7)


def dead_process(_world: World) -> None:
    heartbeats.beat(uuid.uuid4(), Heartbeat.Kind.WEB)
    Heartbeat.objects.update(beat_at=ago(days=2))


def failing_check(_world: World) -> None:
    """Something that was in order, is not, and has not been for so long that an alert is due."""
    reports.check_health()
    HealthReport.objects.update(since=ago(minutes=9), seen_at=ago(minutes=1))


def fresh_alert(_world: World) -> None:
    raise_alert(key="one", kind="slow", severity="warning", text="Slow.")


def used(_world: World) -> None:
    for hours in (2, 30):
        settled(ago(hours=hours), first_text_ms=900)


def stale_window(_world: World) -> None:
    RateWindow.objects.create(name="message_user", key="x", touched_at=ago(days=2))


def retention(world: World) -> None:
    RetentionRule.objects.create(kind="errors", days=30)
    counts = {"errors": {"days": 30, "found": 1, "deleted": 0}}
    RetentionRun.objects.create(by=None, is_trial=True, counts=counts, finished_at=timezone.now())
    ErrorEntry.objects.create(kind="old", at=ago(days=90))


def job_to_do(world: World) -> list[Any]:
    job = books.ask(world.teacher)
    return [str(job.pk), job.fence]


def stale_job(world: World) -> None:
    job = books.ask(world.teacher)
    Job.objects.filter(pk=job.pk).update(state=Job.State.RUNNING, fence=1, worker="dead")
    books.silence(job)


# What each task needs to have something to do, and its arguments. A new task needs its row.
STATES: dict[str, Callable[[World], list[Any] | None]] = {
    "accounts.mail_notifications": waiting_mail,
    "accounts.clear_rosters": old_roster,
    "clients.release_forgotten_trials": forgotten_trial,
    "conversations.recover_turns": dead_turn,
    "conversations.close_overdue": overdue,
    "conversations.pass_on_safety_alerts": unacknowledged,
    "conversations.abandon_idle": idle,
    "conversations.remind_of_due_work": due_soon,
    "conversations.settle_forgotten_evaluations": forgotten_evaluation,
    "monitoring.pulse": nothing,
    "monitoring.check_health": failing_check,
    "monitoring.audit_books": disagreeing_books,
    "monitoring.clear_heartbeats": dead_process,
    "monitoring.mail_alerts": fresh_alert,
    "monitoring.roll_up": used,
    "monitoring.clear_windows": stale_window,
    "monitoring.retain": retention,
    "monitoring.work": job_to_do,
    "monitoring.resume_jobs": stale_job,
}


def test_every_task_is_tried_twice() -> None:
    assert set(STATES) == ours()


Rows = Counter[tuple[str, ...]]


@dataclass
class Done:
    """What was done: the rows that there are now and were not before, those that are gone, and the mails sent."""

    new: Rows
    gone: Rows
    mails: int


# Keys and lengths of time differ whenever something is done, and so does what is made of keys.
UNCOMPARED = {"key", "input", "scopes", "about", "names", "path", "text", "content", "file", "worked_ms", "total_ms"}


def rows_now() -> Rows:
    """What there is now, each row without what differs from run to run."""
    rows: Rows = Counter()
    for model in apps.get_models():
        if model.__module__.startswith(OURS):
            fields = [field for field in model._meta.concrete_fields if field.name not in UNCOMPARED]
            found = model._default_manager.values_list(*(field.attname for field in fields))
            rows.update((model._meta.label, *map(_comparable, fields, row)) for row in found)
    return rows


def _comparable(field: models.Field, value: Any) -> str:
    """The value, or of a key or a moment whether there is one."""
    if isinstance(field, models.AutoField | models.UUIDField | models.DateTimeField | models.ForeignKey):
        return str(value is not None)
    return str(value)


@pytest.mark.servers
@pytest.mark.several_writers
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("media", "prices", "operator")
@pytest.mark.parametrize("name", STATES)
def test_a_task_that_is_delivered_twice_at_once_leaves_the_rows_of_one(
    name: str,
    client_profile: ClientProfile,
    student: User,
    teacher: User,
    section: Any,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(jobs, "_handlers", dict(jobs._handlers))
    jobs.register("test.book", books.book)
    settings.MAIL_CONFIGURED = True
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    assert name in ours()
    task = current_app.tasks[name]

    def prepare() -> list[Any]:
        sessions.accept_notice(by=student)
        return STATES[name](make_world(client_profile, student, teacher, section)) or []

    def done_by(deliver: Callable[..., None]) -> Done:
        arguments = prepare()
        mail.outbox.clear()
        before = rows_now()
        deliver(*arguments)
        after = rows_now()
        return Done(after - before, before - after, len(mail.outbox))

    with transaction.atomic():
        once = done_by(task)
        transaction.set_rollback(True)
    assert once.new or once.gone, "it had nothing to do"
    gate = Barrier(2)

    def at_the_same_moment(*arguments: Any) -> None:
        try:
            gate.wait(60)
            task(*arguments)
        finally:
            connection.close()

    def twice(*arguments: Any) -> None:
        with ThreadPoolExecutor(2) as pool:
            for delivered in [pool.submit(at_the_same_moment, *arguments) for _ in range(2)]:
                delivered.result()

    assert done_by(twice) == once
