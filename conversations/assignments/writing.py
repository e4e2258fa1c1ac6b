"""Assignments are written, published, copied, archived and deleted."""

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

from django.db import transaction
from django.db.models import F, ProtectedError
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Notification, Section, User
from accounts.services.notifications import tell
from clients.models import ClientProfile
from conversations.assignments.deadlines import ends_of_running, move_deadlines
from conversations.assignments.rules import (
    InUseError,
    NotReadyError,
    NotYoursError,
    StaleEditError,
    changeable,
    must_teach,
)
from conversations.lateness import LateRule
from conversations.models import (
    Assignment,
    AssignmentClient,
    Rubric,
)

MOST_CLIENTS = 20


@dataclass(frozen=True, slots=True)
class TaskValue:
    """One client to talk with, the rubric it is scored by, and how many exchanges are asked for."""

    client: ClientProfile
    rubric: Rubric | None = None
    min_exchanges: int = 0


@dataclass(frozen=True, slots=True)
class AssignmentValue:
    """What a teacher writes; the fields are those of Assignment."""

    title: str
    tasks: Sequence[TaskValue] = ()
    instructions: str = ""
    grading: str = Assignment.Grading.PRACTICE
    opens_at: dt.datetime | None = None
    due_at: dt.datetime | None = None
    late_rule: str = LateRule.MARK
    late_percent: int = 10
    max_attempts: int | None = None
    counted: str = Assignment.Counted.BEST
    time_limit_minutes: int | None = None
    in_order: bool = False
    feedback: str = Assignment.Feedback.END

    def columns(self) -> dict[str, object]:
        """What stands in the assignment's own row."""
        return {field.name: getattr(self, field.name) for field in fields(self) if field.name != "tasks"}


@transaction.atomic
def create_assignment(*, by: User, section: Section, value: AssignmentValue) -> Assignment:
    """A draft that no student sees. Raises NotYoursError or NotReadyError."""
    must_teach(by, section)
    assignment = Assignment.objects.create(section=section, created_by=by, **value.columns())
    _write_tasks(by, assignment, value.tasks)
    return assignment


@transaction.atomic
def edit_assignment(*, by: User, assignment: Assignment, value: AssignmentValue, revision: int) -> Assignment:
    """Change what is set, also after publication; what attempts were made with stays with them.

    Raises NotYoursError, StaleEditError when it has moved since `revision`, NotReadyError, or InUseError for a client
    that is to go although students have talked with it.
    """
    locked = changeable(by, assignment)
    if locked.revision != revision:
        raise StaleEditError(
            _(
                "Someone else changed this assignment after you opened it, so nothing was saved yet. What you wrote is "
                "still here. Save again to replace the other changes."
            )
        )
    ends = ends_of_running(locked)
    for name, column in value.columns().items():
        setattr(locked, name, column)
    locked.revision += 1
    locked.save()
    _write_tasks(by, locked, value.tasks)
    move_deadlines(locked, ends)
    if locked.is_published:
        _must_be_ready(locked)
    return locked


def _write_tasks(by: User, assignment: Assignment, tasks: Sequence[TaskValue]) -> None:
    """Make these the assignment's clients, in this order; a client that stays keeps its attempts."""
    if len(tasks) > MOST_CLIENTS:
        raise NotReadyError(_("An assignment has at most %(most)d clients.") % {"most": MOST_CLIENTS})
    if len({task.client.pk for task in tasks}) < len(tasks):
        raise NotReadyError(_("Each client can stand in an assignment once."))
    before = {task.client_id: task for task in assignment.clients.all()}
    _must_be_usable(by, [task for task in tasks if task.client.pk not in before], before, tasks)
    gone = [task for client, task in before.items() if client not in {task.client.pk for task in tasks}]
    for task in gone:
        try:
            task.delete()
        except ProtectedError as error:
            words = _("Students have talked with %(client)s in this assignment already, so the client must stay.")
            raise InUseError(words % {"client": task.client}) from error
    # Out of the way first: no two may have one position, even for a moment.
    assignment.clients.update(position=F("position") + 1_000)
    for position, value in enumerate(tasks):
        row = before.get(value.client.pk) or AssignmentClient(assignment=assignment, client=value.client)
        row.rubric, row.min_exchanges, row.position = value.rubric, value.min_exchanges, position
        row.save()


def _must_be_usable(
    by: User, added: Sequence[TaskValue], before: Mapping[uuid.UUID, AssignmentClient], tasks: Sequence[TaskValue]
) -> None:
    clients = ClientProfile.objects.visible_to(by).filter(archived_at=None)
    seen = set(clients.filter(pk__in=[task.client.pk for task in added]).values_list("pk", flat=True))
    for task in added:
        if task.client.pk not in seen:
            raise NotReadyError(
                _("%(client)s cannot be used any more. Choose another client.") % {"client": task.client}
            )
    chosen = [
        task.rubric
        for task in tasks
        if task.rubric and (task.client.pk not in before or before[task.client.pk].rubric_id != task.rubric.pk)
    ]
    rubrics = Rubric.objects.visible_to(by).current().filter(pk__in=[rubric.pk for rubric in chosen])
    usable = set(rubrics.values_list("pk", flat=True))
    for rubric in chosen:
        if rubric.pk not in usable:
            raise NotReadyError(_("%(rubric)s cannot be used any more. Choose another rubric.") % {"rubric": rubric})


def missing(assignment: Assignment) -> list[str]:
    """What keeps it from being published, in plain words; empty when nothing does."""
    clients = [task.client for task in assignment.clients.select_related("client")]
    words = [] if clients else [_("Choose at least one client to talk with.")]
    words += [
        _("%(client)s is archived. Choose another client.") % {"client": client}
        for client in clients
        if client.archived_at
    ]
    if assignment.section.archived_at:
        words.append(_("The section is archived."))
    if assignment.late_rule != LateRule.MARK and assignment.due_at is None:
        words.append(_("Set a due date, or choose “accepted and marked as late”."))
    return words


def _must_be_ready(assignment: Assignment) -> None:
    if words := missing(assignment):
        raise NotReadyError(" ".join(words))


@transaction.atomic
def publish(*, by: User, assignment: Assignment) -> Assignment:
    """Let the section's students see it, and tell them. Raises NotYoursError or NotReadyError."""
    locked = changeable(by, assignment)
    _must_be_ready(locked)
    if locked.published_at:
        return locked
    locked.published_at = timezone.now()
    locked.revision += 1
    locked.save(update_fields=["published_at", "revision", "updated_at"])
    tell(
        users=User.objects.filter(enrolments__section=locked.section, enrolments__removed_at=None, is_active=True),
        kind=Notification.Kind.PUBLISHED,
        about=f"assignment:{locked.pk}",
        names={"assignment": locked.title, "section": str(locked.section)},
        path=reverse("work-detail", args=[locked.pk]),
    )
    return locked


@transaction.atomic
def unpublish(*, by: User, assignment: Assignment) -> Assignment:
    """Make it a draft again, as long as nobody has begun. Raises NotYoursError or InUseError."""
    locked = changeable(by, assignment)
    if locked.attempts.exists():
        raise InUseError(_("Students have begun this assignment. You can archive it instead."))
    locked.published_at = None
    locked.revision += 1
    locked.save(update_fields=["published_at", "revision", "updated_at"])
    return locked


@transaction.atomic
def archive_assignment(*, by: User, assignment: Assignment) -> None:
    """Out of the students' lists, nothing deleted; attempts that run go on. Raises NotYoursError."""
    _set_archived(by, assignment, timezone.now())


@transaction.atomic
def restore_assignment(*, by: User, assignment: Assignment) -> None:
    """Back as it was. Raises NotYoursError."""
    _set_archived(by, assignment, None)


def _set_archived(by: User, assignment: Assignment, moment: dt.datetime | None) -> None:
    locked = changeable(by, assignment)
    locked.archived_at = moment
    locked.save(update_fields=["archived_at", "updated_at"])


@transaction.atomic
def delete_unused(*, by: User, assignment: Assignment) -> None:
    """Gone for good, where nobody has begun. Raises NotYoursError or InUseError."""
    locked = changeable(by, assignment)
    try:
        locked.delete()
    except ProtectedError as error:
        raise InUseError(_("Students have begun this assignment. You can archive it instead.")) from error


def _moved(moment: dt.datetime | None, shift: dt.timedelta) -> dt.datetime | None:
    """On the clock of whoever copies: due at five stays due at five when the clocks change in between."""
    return (timezone.localtime(moment) + shift).astimezone(dt.UTC) if moment else None


@transaction.atomic
def copy_assignment(
    *, by: User, assignment: Assignment, section: Section, shift: dt.timedelta = dt.timedelta()
) -> Assignment:
    """A draft for this section with the same clients, rubrics and rules, its dates moved by `shift`.

    Clients and rubrics that are archived, or that the person does not see, stay out: the new draft says what is
    missing when it is to be published. Raises NotYoursError.
    """
    if not by.looks_after_students or not Assignment.objects.visible_to(by).filter(pk=assignment.pk).exists():
        raise NotYoursError(_("You cannot copy this assignment."))
    must_teach(by, section)
    tasks = list(assignment.clients.all())
    clients = ClientProfile.objects.visible_to(by).filter(archived_at=None).in_bulk([task.client_id for task in tasks])
    rubrics = Rubric.objects.visible_to(by).current().in_bulk([task.rubric_id for task in tasks if task.rubric_id])
    columns = {name: getattr(assignment, name) for name in AssignmentValue("").columns()}
    opens, due = (_moved(columns[name], shift) for name in ("opens_at", "due_at"))
    if opens and due and due <= opens:
        # What lay between them is the hour that the clocks skip there.
        due = opens + (columns["due_at"] - columns["opens_at"])
    columns |= {"opens_at": opens, "due_at": due}
    value = AssignmentValue(
        **columns,
        tasks=[
            TaskValue(clients[task.client_id], rubrics.get(task.rubric_id), task.min_exchanges)
            for task in tasks
            if task.client_id in clients
        ],
    )
    copy = create_assignment(by=by, section=section, value=value)
    copy.copied_from = assignment
    copy.save(update_fields=["copied_from"])
    return copy
