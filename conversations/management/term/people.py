"""The people of the school, its terms and sections, who teaches and is enrolled where, and who was invited."""

import datetime as dt
import itertools
from dataclasses import dataclass, field

from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX, make_password

from accounts.models import (
    Enrolment,
    Invitation,
    School,
    Section,
    SectionTeacher,
    StudentDetails,
    TeacherDetails,
    Term,
    User,
)
from accounts.models.section import CODE_LENGTH, CODE_LETTERS
from conversations.management.term import rhythm
from conversations.management.term.bulk import Maker
from conversations.management.term.words import COURSES, name_of_person
from conversations.models import NoticeAcceptance
from conversations.models.notice import NOTICE_VERSION

BUSY_SHARE = 0.15
# Of the sections that have ended, and are archived, before the term is over.
ARCHIVED_SHARE = 0.03
# The first section is a lecture that this share of all students is in.
LECTURE_SHARE = 0.15


@dataclass(slots=True)
class Course:
    """A section as its work is made from: the students who have not left it, and the clients opened to it."""

    id: str
    name: str
    current: bool
    begins: dt.datetime
    ends: dt.datetime
    staff: list[str] = field(default_factory=list)
    present: list[str] = field(default_factory=list)
    opened: list[str] = field(default_factory=list)
    places: int = 0

    @property
    def lead(self) -> str:
        """The teacher who leads it."""
        return self.staff[0]


@dataclass(frozen=True, slots=True)
class Cast:
    """Everybody, by key."""

    admins: list[str]
    teachers: list[str]
    students: list[str]
    courses: list[Course]


def make_people(maker: Maker, *, students: int, sections: int, weeks: int, password: str) -> Cast:
    """Write the school with its term, people and sections.

    With the password everyone signs in but the few students who have not come yet, without one nobody.
    """
    school = School.current()
    school.name, school.time_zone = "Riverside College", rhythm.ZONE.key
    school.save()
    hashed = make_password(password) if password else "made up"
    teachers = max(2, sections // 4)
    cast = Cast(
        _people(maker, User.Role.ADMIN, 3, hashed),
        _people(maker, User.Role.TEACHER, teachers, hashed),
        _people(maker, User.Role.STUDENT, students, hashed),
        _courses(maker, sections, weeks),
    )
    _staff(maker, cast)
    _enrol(maker, cast)
    _invite(maker, cast)
    maker.write()
    return cast


def _people(maker: Maker, role: User.Role, number: int, hashed: str) -> list[str]:
    keys = [maker.key() for _person in range(number)]
    for place, pk in enumerate(keys, start=1):
        has_come = role != User.Role.STUDENT or maker.rng.random() > 0.04
        maker.add(
            User,
            id=pk,
            email=f"{role}{place}@example.com",
            display_name=name_of_person(maker.rng),
            role=role.value,
            password=hashed if has_come else f"{UNUSABLE_PASSWORD_PREFIX}nobody",
            is_staff=role == User.Role.ADMIN,
            is_superuser=role == User.Role.ADMIN,
            is_active=role != User.Role.STUDENT or maker.rng.random() > 0.01,
            date_joined=maker.now - dt.timedelta(days=maker.rng.randrange(30, 700)),
        )
        maker.add(NoticeAcceptance, user_id=pk, version=NOTICE_VERSION, accepted_at=maker.now - dt.timedelta(days=29))
        if role == User.Role.STUDENT:
            maker.add(
                StudentDetails, student_id=pk, student_number=f"{place:07}", programme=maker.rng.choice(COURSES)[1]
            )
        elif role == User.Role.TEACHER:
            maker.add(TeacherDetails, teacher_id=pk, department=maker.rng.choice(COURSES)[1])
    return keys


def _courses(maker: Maker, number: int, weeks: int) -> list[Course]:
    """The sections of the term, which is in its last week."""
    today = maker.now.astimezone(rhythm.ZONE).date()
    first = today - dt.timedelta(days=today.weekday(), weeks=weeks - 1)
    last = first + dt.timedelta(days=7 * weeks - 1)
    term = Term.objects.create(name="Autumn term", starts_on=first, ends_on=last)
    Term.objects.create(
        name="Spring term", starts_on=last + dt.timedelta(weeks=6), ends_on=last + dt.timedelta(weeks=21)
    )
    midnights = [dt.datetime.combine(day, dt.time(), rhythm.ZONE) for day in (first, last + dt.timedelta(days=1))]
    begins, ends = (midnight.astimezone(dt.UTC) for midnight in midnights)
    courses = []
    for place in range(number):
        code, subject = maker.rng.choice(COURSES)
        name = f"{subject}, group {place}" if place else "First-year lecture"
        current = place == 0 or maker.rng.random() > ARCHIVED_SHARE
        course = Course(maker.key(), name, current, begins, ends if current else begins + (ends - begins) * 0.8)
        courses.append(course)
        maker.add(
            Section,
            id=course.id,
            name=name,
            course_code=code,
            term_id=term.pk,
            archived_at=None if course.current else course.ends,
            join_code="".join(maker.rng.choices(CODE_LETTERS, k=CODE_LENGTH))
            if course.current and maker.rng.random() < 0.6
            else "",
        )
    return courses


def _staff(maker: Maker, cast: Cast) -> None:
    """One lead each, the first teacher of many; and up to three assistants."""
    busy, others = cast.teachers[0], cast.teachers[1:]
    for place, course in enumerate(cast.courses):
        lead = busy if place == 0 or maker.rng.random() < BUSY_SHARE else maker.rng.choice(others)
        assistants = [teacher for teacher in maker.rng.choices(others, k=maker.rng.randrange(4)) if teacher != lead]
        course.staff = list(dict.fromkeys([lead, *assistants]))
        for number, teacher in enumerate(course.staff):
            part = SectionTeacher.Part.ASSISTANT if number else SectionTeacher.Part.LEAD
            maker.add(SectionTeacher, section_id=course.id, teacher_id=teacher, part=part.value)


def _enrol(maker: Maker, cast: Cast) -> None:
    """Each student in some sections of very different sizes, a few of which they have left."""
    weights = list(itertools.accumulate(maker.rng.lognormvariate(0, 0.7) for _course in cast.courses))
    for student in cast.students:
        taken = maker.rng.choices(cast.courses, cum_weights=weights, k=maker.rng.choice((1, 2, 2, 3, 3, 4)))
        if maker.rng.random() < LECTURE_SHARE:
            taken.append(cast.courses[0])
        for course in {course.id: course for course in taken}.values():
            removed = maker.rng.random() < 0.04
            course.places += 1
            if not removed:
                course.present.append(student)
            enrolled = course.begins - dt.timedelta(days=maker.rng.random() * 10)
            left = enrolled + dt.timedelta(days=30)
            maker.add(
                Enrolment,
                section_id=course.id,
                student_id=student,
                enrolled_at=enrolled,
                removed_at=left if removed else None,
            )


def _invite(maker: Maker, cast: Cast) -> None:
    """Links to newcomers: most were used, some expired or were revoked, some still wait."""
    for course in cast.courses:
        for _link in range(maker.rng.randrange(10, 70) + course.places // 10):
            made = maker.now - dt.timedelta(days=maker.rng.random() * 20) if course.current else course.begins
            fate = maker.rng.random()
            maker.add(
                Invitation,
                id=maker.key(),
                email=f"invited{maker.rng.getrandbits(40):x}@example.com",
                display_name=name_of_person(maker.rng),
                section_id=course.id,
                fingerprint=f"{maker.rng.getrandbits(256):064x}",
                invited_by_id=course.lead,
                created_at=made,
                expires_at=made + dt.timedelta(days=14),
                used_at=made + dt.timedelta(days=1) if fate < 0.7 else None,
                revoked_at=made + dt.timedelta(days=2) if fate > 0.95 else None,
            )
