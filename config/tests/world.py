"""What the routes of the permission table are about, made once for each test."""

import datetime as dt
from dataclasses import dataclass

from django.core.files.base import ContentFile
from django.utils import timezone

from accounts.models import Invitation, Section, User
from accounts.services import invite
from clients.models import ClientProfile
from conversations import assignments, sessions
from conversations.assignments import Grant
from conversations.models import Attempt, Rubric, Session
from conversations.rubrics import create_rubric
from conversations.scores import CriterionValue, RubricValue
from conversations.tests.assigned import begin_work, set_work
from monitoring import jobs
from monitoring.models import Job, JobFile

DAY = dt.timedelta(days=1)


@dataclass(frozen=True)
class World:
    """A teacher's private client, a student's talk with it, a test, a link, an attempt, a rubric, a job's file."""

    client: ClientProfile
    talk: Session
    test: Session
    token: str
    invitation: Invitation
    student: User
    teacher: User
    section: Section
    job_file: JobFile
    rubric: Rubric
    attempt: Attempt


def make_world(client: ClientProfile, student: User, teacher: User, section: Section) -> World:
    """The world of a section, its teacher, one of its students and the teacher's client."""
    for person in (student, teacher):
        sessions.accept_notice(by=person)
    link = invite(by=teacher, email="new@example.com", display_name="New", role=User.Role.STUDENT, section=section)
    job = Job.objects.create(
        kind="conversations.export",
        label="Export",
        owner=teacher,
        language="en",
        state=Job.State.COMPLETED,
        finished_at=timezone.now(),
    )
    return World(
        client=client,
        talk=sessions.start(by=student, client=client),
        test=sessions.start(by=teacher, client=client),
        token=link.url.rstrip("/").rpartition("/")[2],
        invitation=Invitation.objects.get(email="new@example.com"),
        student=student,
        teacher=teacher,
        section=section,
        attempt=_attempt(teacher, section, student, client),
        rubric=create_rubric(
            by=teacher, value=RubricValue("Listening", "", (CriterionValue("Hears", 10_000, ("a", "b", "c", "d")),))
        ),
        job_file=jobs.attach(job=job, name="report.csv", content=ContentFile(b"made")),
    )


def _attempt(teacher: User, section: Section, student: User, client: ClientProfile) -> Attempt:
    """The student's open attempt at a published assignment of the section, granted an exception."""
    work = set_work(teacher, section, client, due_at=timezone.now() + DAY)
    grant = Grant(due_at=timezone.now() + 2 * DAY)
    assignments.grant_exception(by=teacher, assignment=work, student=student, grant=grant)
    return begin_work(student, work).attempt
