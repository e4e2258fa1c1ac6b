"""A made-up school is whole, comes out the same for the same seed, and never lands beside real people."""

import uuid
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction

from accounts.models import Enrolment, Notification, Section, User
from conversations.models import Attempt, Scoring, Session
from monitoring import audit


def make_school(**options: object) -> str:
    out = StringIO()
    asked = {"students": 20, "sections": 4, "sessions": 60, "yes": True, **options}
    call_command("make_school", stdout=out, **asked)
    return out.getvalue()


@pytest.mark.servers
def test_a_made_up_school_is_as_large_as_asked_for_and_its_books_are_in_order(prices: None) -> None:
    said = make_school()
    assert User.objects.filter(role=User.Role.STUDENT).count() == 20
    assert Section.objects.count() == 4
    assert Session.objects.count() == 60
    assert "20 students" in said
    found = {name: finding.breaches for name, finding in audit.run(at_rest=True) if finding.breaches}
    assert not found
    # What a student did stands where they were asked to do it.
    for attempt in Attempt.objects.select_related("session", "assignment"):
        assert attempt.session.section_id == attempt.assignment.section_id
        assert attempt.session.assignment_id == attempt.assignment_id
        assert attempt.session.started_at >= attempt.assignment.opens_at  # type: ignore[operator]
        assert Enrolment.objects.filter(section=attempt.assignment.section_id, student=attempt.student_id).exists()
    for scoring in Scoring.objects.select_related("latest__version").prefetch_related("latest__marks"):
        assert scoring.latest is not None
        assert len(scoring.latest.rows()) == len(scoring.latest.version.value.criteria)
    assert all(notification.sentence for notification in Notification.objects.all())
    with pytest.raises(CommandError, match="must be empty"):
        make_school()
    assert User.objects.filter(role=User.Role.STUDENT).count() == 20


def keys_of(seed: int) -> set[uuid.UUID]:
    with transaction.atomic():
        make_school(seed=seed, sessions=5)
        keys = set(Session.objects.values_list("pk", flat=True))
        transaction.set_rollback(True)
    return keys


def test_the_same_seed_gives_the_same_school(prices: None) -> None:
    assert keys_of(7) == keys_of(7) != keys_of(8)


def test_it_does_not_make_people_up_in_a_real_installation(db: None) -> None:
    with pytest.raises(CommandError, match="--yes"):
        make_school(yes=False)
    assert not User.objects.exists()
