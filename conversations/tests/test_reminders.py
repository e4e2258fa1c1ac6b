"""Students are reminded of what they have not finished and what is due within a day."""

import datetime as dt
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Enrolment, Notification, Section, User
from clients.models import ClientProfile
from conftest import make_client, make_user
from conversations import assignments, reminders
from conversations.models import Assignment, AssignmentException
from conversations.tests.assigned import hand_in, set_work

pytestmark = pytest.mark.django_db

HOUR = dt.timedelta(hours=1)


def due_in(hours: float, teacher: User, section: Section, *clients: ClientProfile, **fields: Any) -> Assignment:
    return set_work(teacher, section, *clients, due_at=timezone.now() + hours * HOUR, **fields)


def reminded() -> set[str]:
    """The names of those who are told by now."""
    reminders.remind()
    found = Notification.objects.filter(kind="due_soon")
    return set(found.values_list("user__display_name", flat=True))


def classmate(section: Section, name: str, **fields: Any) -> User:
    pupil = make_user(name, User.Role.STUDENT, **fields)
    Enrolment.objects.create(section=section, student=pupil)
    return pupil


def test_who_has_not_finished_is_told_once_for_each_due_date(
    teacher: User, student: User, section: Section, client_profile: ClientProfile
) -> None:
    work = due_in(23, teacher, section, client_profile)
    assert reminded() == reminded() == {"Student"}
    row = Notification.objects.get(kind="due_soon")
    assert row.path == f"/work/{work.pk}/"
    assert "First talk" in row.sentence
    Assignment.objects.update(due_at=timezone.now() + 22 * HOUR)
    reminded()
    assert Notification.objects.filter(kind="due_soon", user=student).count() == 2


@pytest.mark.parametrize("hours", [-1, 25])
def test_what_is_due_later_or_was_due_is_not_told(
    teacher: User, section: Section, client_profile: ClientProfile, hours: int
) -> None:
    due_in(hours, teacher, section, client_profile)
    assert reminded() == set()


def test_who_has_finished_with_every_client_is_left_alone(
    teacher: User, student: User, section: Section, client_profile: ClientProfile
) -> None:
    work = due_in(23, teacher, section, client_profile, make_client(teacher, name="Tom Lee"), min_exchanges=3)
    hand_in(student, work, 0)
    hand_in(student, work, 1, exchanges=2)
    assert reminded() == {"Student"}, "one of two, and one too short"
    Notification.objects.all().delete()
    hand_in(student, work, 1)
    assert reminded() == set()


def test_those_who_are_not_in_the_section_or_disabled_are_not_told(
    teacher: User, student: User, other_student: User, section: Section, client_profile: ClientProfile
) -> None:
    due_in(23, teacher, section, client_profile)
    classmate(section, "disabled", is_active=False)
    Enrolment.objects.filter(student=student).update(removed_at=timezone.now())
    assert reminded() == set()


def test_an_exception_moves_the_reminder_for_one_student(
    teacher: User, student: User, section: Section, client_profile: ClientProfile
) -> None:
    work = due_in(23, teacher, section, client_profile)
    classmate(section, "other")
    grant = assignments.Grant(due_at=timezone.now() + 50 * HOUR)
    assignments.grant_exception(by=teacher, assignment=work, student=student, grant=grant)
    assert reminded() == {"Other"}
    Assignment.objects.update(due_at=timezone.now() - HOUR)
    AssignmentException.objects.update(due_at=timezone.now() + 20 * HOUR)
    assert reminded() == {"Other", "Student"}


@pytest.mark.parametrize(
    "field", [{"published_at": None}, {"archived_at": timezone.now()}, {"opens_at": timezone.now() + 5 * HOUR}]
)
def test_what_students_cannot_do_now_is_not_told(
    teacher: User, section: Section, client_profile: ClientProfile, field: dict[str, Any]
) -> None:
    due_in(23, teacher, section, client_profile)
    Assignment.objects.update(**field)
    assert reminded() == set()


@pytest.mark.usefixtures("still")
def test_a_large_section_costs_no_more_questions(
    teacher: User, section: Section, client_profile: ClientProfile
) -> None:
    def asked() -> int:
        with CaptureQueriesContext(connection) as found:
            reminders.remind()
        return len(found)

    due_in(23, teacher, section, client_profile)
    few = asked()
    for number in range(30):
        classmate(section, f"pupil-{number}")
    assert asked() == few
