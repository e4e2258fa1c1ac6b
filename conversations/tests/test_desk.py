"""Operators, support and auditors see nothing of classes outside the admin, whatever they were before."""

import pytest
from django.db.models import QuerySet
from django.test import Client as Browser
from django.urls import reverse

from accounts.models import Enrolment, Notification, Section, SectionTeacher, User
from clients.models import ClientProfile
from clients.services import NotYoursError, duplicate_client, open_to_section
from clients.tryouts import start_tryout
from config.tests.world import World, make_world
from conversations import assignments, flags, rubrics, safety
from conversations.assignments import AssignmentValue
from conversations.models import (
    Assignment,
    Breach,
    Evaluation,
    Flag,
    MarginNote,
    Message,
    Rubric,
    RubricVersion,
    SafetyAlert,
    Scoring,
    ScoringRevision,
    Session,
)

DESK = ["caretaker", "support", "auditor"]


@pytest.fixture
def world(client_profile: ClientProfile, student: User, teacher: User, section: Section) -> World:
    """A class with a flag, a note, a draft of a scoring and an alert."""
    world = make_world(client_profile, student, teacher, section)
    reply = Message.objects.create(session=world.talk, sequence=1, role=Message.Role.CLIENT, content="Well.")
    said = Message.objects.create(session=world.talk, sequence=2, role=Message.Role.STUDENT, content="Help.")
    Flag.objects.create(message=reply, raised_by=student, reason=Flag.Reason.WRONG)
    MarginNote.objects.create(message=reply, author=teacher, text="Good.")
    SafetyAlert.objects.create(session=world.talk, message=said, tier=2)
    Breach.objects.create(
        session=world.talk, client=world.client, reply_id=reply.pk, kind="helper", excerpt="As an AI", model="m"
    )
    scoring = Scoring.objects.create(session=world.talk)
    version = RubricVersion.freeze(world.rubric)
    ScoringRevision.objects.create(scoring=scoring, number=1, version=version, saved_by=teacher)
    return world


@pytest.fixture
def person(request: pytest.FixtureRequest, section: Section) -> User:
    """One of the desk, who taught the section and studied in it before."""
    user: User = request.getfixturevalue(request.param)
    SectionTeacher.objects.create(section=section, teacher=user)
    Enrolment.objects.create(section=section, student=user)
    return user


everyone_at_the_desk = pytest.mark.parametrize("person", DESK, indirect=True)


@everyone_at_the_desk
def test_the_desk_sees_no_talks_and_nothing_about_them(person: User, world: World) -> None:
    Session.objects.filter(pk=world.talk.pk).update(section=world.section)
    seen: list[QuerySet] = [
        Session.objects.visible_to(person),
        Session.objects.supervised_by(person),
        SafetyAlert.objects.visible_to(person),
        Breach.objects.visible_to(person),
        Flag.objects.visible_to(person),
        MarginNote.objects.visible_to(person),
        Scoring.objects.visible_to(person),
        ScoringRevision.objects.visible_to(person),
        Evaluation.objects.visible_to(person),
        Assignment.objects.editable_by(person),
        Rubric.objects.visible_to(person),
        ClientProfile.objects.visible_to(person),
        ClientProfile.objects.startable_by(person),
    ]
    assert [list(rows) for rows in seen] == [[]] * len(seen)
    assert not world.talk.is_supervised_by(person)


@everyone_at_the_desk
def test_whoever_was_a_student_before_keeps_their_own_talk_and_no_more_of_it(person: User, world: World) -> None:
    Session.objects.filter(pk=world.talk.pk).update(student=person)
    assert Session.objects.visible_to(person).get() == world.talk
    hidden: list[QuerySet] = [
        MarginNote.objects.visible_to(person),
        Breach.objects.visible_to(person),
        SafetyAlert.objects.visible_to(person),
        ScoringRevision.objects.visible_to(person),
    ]
    assert not any(rows.exists() for rows in hidden)


@everyone_at_the_desk
def test_the_desk_sets_no_work_and_writes_nothing_that_classes_use(person: User, world: World) -> None:
    work = world.attempt.assignment
    for refused in (
        lambda: assignments.create_assignment(by=person, section=world.section, value=AssignmentValue("Work")),
        lambda: assignments.copy_assignment(by=person, assignment=work, section=world.section),
        lambda: rubrics.create_rubric(by=person, value=world.rubric.value()),
        lambda: duplicate_client(by=person, client=world.client),
        lambda: open_to_section(by=person, client=world.client, section=world.section),
        lambda: start_tryout(by=person, client=world.client),
    ):
        with pytest.raises((NotYoursError, assignments.NotYoursError, rubrics.NotYoursError)):
            refused()


@everyone_at_the_desk
def test_a_flag_of_ones_own_is_not_dealt_with_by_the_desk(person: User, world: World) -> None:
    flag = Flag.objects.get()
    Flag.objects.update(raised_by=person)
    with pytest.raises(flags.FlagRuleError):
        flags.settle(by=person, flag=flag)


def test_neither_flags_nor_cries_for_help_are_told_to_those_who_no_longer_teach(
    world: World, section: Section, student: User, teacher: User, support: User
) -> None:
    SectionTeacher.objects.create(section=section, teacher=support)
    Session.objects.filter(pk=world.talk.pk).update(section=section, last_sequence=2)
    Flag.objects.all().delete()
    world.talk.refresh_from_db()
    flags.raise_flag(by=student, message=world.talk.messages.get(sequence=1), reason=Flag.Reason.WRONG)
    assert safety.ask_for_help(by=student, session=world.talk)
    told = set(Notification.objects.values_list("user", flat=True))
    assert teacher.pk in told
    assert support.pk not in told


@everyone_at_the_desk
def test_the_front_page_counts_no_safety_alerts_for_the_desk(client: Browser, person: User, world: World) -> None:
    client.force_login(person)
    assert "safety-alerts" not in client.get(reverse("admin:index")).text
