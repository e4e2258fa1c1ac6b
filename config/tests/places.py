"""What the routes of the permission table are about: the arguments of their addresses, made in a world."""

from typing import Any

from django.contrib.auth.tokens import default_token_generator
from django.core.files.base import ContentFile
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from accounts.models import Notification, RosterFile
from clients.corrections import add_rule
from clients.tryouts import start_tryout
from config.tests.world import World
from conversations.models import Evaluation, Flag, MarginNote, Message, RubricVersion, SafetyAlert
from monitoring.models import Alert, ErrorEntry, Job


def on_client(world: World) -> list[Any]:
    return [world.client.pk]


def on_rule(world: World) -> list[Any]:
    rule = add_rule(by=world.teacher, client=world.client, text="Never sings.")
    return [rule.pk]


def on_tryout(world: World) -> list[Any]:
    return [start_tryout(by=world.teacher, client=world.client).job_id]


def on_talk(world: World) -> list[Any]:
    return [world.talk.pk]


def on_test(world: World) -> list[Any]:
    return [world.test.pk]


def on_invitation(world: World) -> list[Any]:
    return [world.invitation.pk]


def on_rubric(world: World) -> list[Any]:
    return [world.rubric.pk]


def on_assignment(world: World) -> list[Any]:
    return [world.attempt.assignment_id]


def on_worker(world: World) -> list[Any]:
    return [world.attempt.assignment_id, world.student.pk]


def on_task(world: World) -> list[Any]:
    return [world.attempt.task_id]


def on_attempt(world: World) -> list[Any]:
    return [world.attempt.pk]


def on_job(world: World) -> list[Any]:
    return [world.job_file.job_id]


def on_job_file(world: World) -> list[Any]:
    return [world.job_file.job_id, world.job_file.pk]


def on_token(world: World) -> list[Any]:
    return [world.token]


def on_section(world: World) -> list[Any]:
    return [world.section.pk]


def on_teacher(world: World) -> list[Any]:
    return [world.section.pk, world.section.teachers.get().pk]


def on_roster(world: World) -> list[Any]:
    owner = world.section.teachers.get()
    return [RosterFile.objects.create(owner=owner, name="a.csv", content=ContentFile(b"email\na@b.org\n", "a")).pk]


def on_roster_job(world: World) -> list[Any]:
    owner = world.section.teachers.get()
    return [Job.objects.create(kind="accounts.roster", label="Roster", owner=owner, language="en").pk]


def on_student(world: World) -> list[Any]:
    return [world.section.pk, world.student.pk]


def on_notification(world: World) -> list[Any]:
    return [Notification.objects.create(user=world.student, kind="published", about="assignment:1").pk]


def on_reply(world: World) -> list[Any]:
    return [Message.objects.create(session=world.talk, sequence=1, role=Message.Role.CLIENT, content="Well.").pk]


def on_evaluation(world: World) -> list[Any]:
    version, by = RubricVersion.freeze(world.rubric), world.section.teachers.get()
    return [Evaluation.objects.create(session=world.talk, version=version, voice="scripted", asked_by=by).pk]


def on_said(world: World) -> list[Any]:
    return [Message.objects.create(session=world.talk, sequence=1, role=Message.Role.STUDENT, content="Hello.").pk]


def on_flag(world: World) -> list[Any]:
    flag = Flag.objects.create(message_id=on_reply(world)[0], raised_by=world.student, reason=Flag.Reason.WRONG)
    return [flag.pk]


def on_alert(world: World) -> list[Any]:
    message = Message.objects.create(
        session=world.talk, sequence=1, role=Message.Role.STUDENT, status=Message.Status.ASIDE, content="Help."
    )
    return [SafetyAlert.objects.create(session=world.talk, message=message, tier=2).pk]


def on_operators_alert(world: World) -> list[Any]:
    return [Alert.objects.create(key="budget:1", kind=Alert.Kind.BUDGET, severity="warning", text="Half is spent.").pk]


def on_error(world: World) -> list[Any]:
    return [ErrorEntry.objects.create(kind="provider.overloaded").kind]


def on_note(world: World) -> list[Any]:
    author = world.section.teachers.get()
    return [MarginNote.objects.create(message_id=on_reply(world)[0], author=author, text="Good.").pk]


def on_reset(world: World) -> list[Any]:
    uid = urlsafe_base64_encode(force_bytes(world.student.pk))
    return [uid, default_token_generator.make_token(world.student)]
