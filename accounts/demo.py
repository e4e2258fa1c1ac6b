"""The people of the demo: one of each role, a section, and a password that the README prints."""

import datetime as dt
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.models import School, Section, Term, User
from accounts.services import RuleBrokenError, add_teacher, enrol

DEMO_PASSWORD = "demo"  # noqa: S105  refused outside the demo and off loopback
DEMO_PEOPLE = {
    User.Role.STUDENT: ("student@example.com", "Alex Romero"),
    User.Role.TEACHER: ("teacher@example.com", "Jordan Whitaker"),
    User.Role.ADMIN: ("admin@example.com", "Sam Okafor"),
}


class DemoOnlyError(RuleBrokenError):
    """Demo people were asked for outside the demo."""

    sentence = "Demo accounts exist only in the demo (DEMO=true)."


@dataclass(frozen=True, slots=True)
class DemoPeople:
    """One of each role, and the section in which they meet."""

    student: User
    teacher: User
    admin: User
    section: Section


@transaction.atomic
def create_demo_people() -> DemoPeople:
    """The demo's people, made or found again with their known password. Raises DemoOnlyError outside the demo."""
    if not settings.DEMO:
        raise DemoOnlyError
    School.objects.get_or_create(pk=1, defaults={"name": "Demo School", "support_contact": "help@example.com"})
    student, teacher, admin = (_person(role) for role in DEMO_PEOPLE)
    section = Section.objects.filter(course_code="SW 210", name="Interviewing skills").first()
    if section is None:
        section = Section.objects.create(course_code="SW 210", name="Interviewing skills", term=_term())
    add_teacher(by=admin, section=section, teacher=teacher)
    enrol(by=admin, section=section, student=student)
    return DemoPeople(student=student, teacher=teacher, admin=admin, section=section)


def _person(role: User.Role) -> User:
    email, name = DEMO_PEOPLE[role]
    user, _made = User.objects.get_or_create(email=email, defaults={"display_name": name, "role": role})
    user.role, user.is_demo, user.is_active = role, True, True
    user.is_superuser = role == User.Role.ADMIN
    if not user.check_password(DEMO_PASSWORD):
        user.set_password(DEMO_PASSWORD)
    user.save()
    return user


def _term() -> Term:
    today = timezone.localdate()
    dates = {"starts_on": today - dt.timedelta(weeks=4), "ends_on": today + dt.timedelta(weeks=12)}
    return Term.objects.get_or_create(name="Demo term", defaults=dates)[0]
