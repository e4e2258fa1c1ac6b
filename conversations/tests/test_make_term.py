"""A made-up term is whole, comes out the same for the same seed, goes on where it was broken off, and harms nobody."""

import datetime as dt
import re
from io import StringIO
from random import Random
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.urls import resolve, reverse
from django.utils import timezone

from accounts.models import Enrolment, Notification, Section, User
from conversations.management.commands import make_term as command
from conversations.management.term import bulk, plan, rhythm
from conversations.management.term.bulk import Maker
from conversations.management.term.notebook import Notebook
from conversations.models import Attempt, Message, Scoring, ScoringRevision, Session, Turn
from monitoring import audit, figures, periods
from monitoring.models import BudgetAccount, LedgerEntry

# A term of one week has a few days by then.
THURSDAY = dt.datetime(2026, 10, 15, 12, tzinfo=dt.UTC)
SIZES = {"students": 12, "sections": 2, "sessions": 40, "weeks": 1}


def make_term(**options: object) -> str:
    out = StringIO()
    call_command("make_term", stdout=out, **{**SIZES, "yes": True, **options})
    return out.getvalue()


def breaches() -> dict[str, list[str]]:
    return {name: finding.breaches for name, finding in audit.run(at_rest=True) if finding.breaches}


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several batches where there are few conversations, and a line for each."""
    monkeypatch.setattr(plan, "BATCH", 10)
    monkeypatch.setattr(plan, "TESTS_SHARE", 0.3)
    monkeypatch.setattr(bulk, "GATHERED", 50)
    monkeypatch.setattr(command, "SECONDS_BETWEEN_LINES", 0)


@pytest.mark.servers
def test_a_made_up_term_is_as_large_as_asked_for_and_its_books_are_in_order(
    prices: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    # More goes wrong than in a real term, so that a small one has all of it.
    monkeypatch.setattr(timezone, "now", lambda: THURSDAY)
    monkeypatch.setattr("conversations.management.term.talks.FAILED", 0.1)
    monkeypatch.setattr("conversations.management.term.talks.STOPPED", 0.2)
    monkeypatch.setattr("conversations.management.term.talks.INTERRUPTED", 0.3)
    said = make_term()
    assert User.objects.filter(role=User.Role.STUDENT).count() == 12
    assert Section.objects.count() == 2
    assert Session.objects.count() == 40
    assert "12 students" in said
    assert "Ready after" in said
    assert not breaches()
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
    # Notifications lead where real ones do, so that they go with what they are about.
    released = Notification.objects.filter(kind=Notification.Kind.RELEASED)
    assert set(released.values_list("about", "path")) == {
        (
            f"scoring:{state.scoring_id}:{state.number}:{state.released_at:%Y%m%dT%H%M%S%f}",
            reverse("transcript", args=[state.scoring.session_id]),
        )
        for state in ScoringRevision.objects.select_related("scoring").filter(released_at__isnull=False)
    }
    published = Notification.objects.filter(kind=Notification.Kind.PUBLISHED)
    assert {resolve(path).url_name for path in published.values_list("path", flat=True)} == {"work-detail"}
    # As in a real one, replies fail and are tried again, with several models, and all of it was paid for.
    assert set(Turn.objects.values_list("status", flat=True)) == {"complete", "failed", "stopped", "interrupted"}
    assert Turn.objects.filter(retry_of__isnull=False).exists()
    assert Session.objects.values("model").distinct().count() > 1
    cost = sum(LedgerEntry.objects.values_list("cost_microusd", flat=True))
    assert sum(BudgetAccount.objects.filter(budget__period="day").values_list("spent_microusd", flat=True)) == cost
    first = LedgerEntry.objects.earliest("settled_at").settled_at
    kept = figures.usage_between(periods.day_of(first), periods.today())
    assert kept[()]["cost_microusd"] == cost
    with pytest.raises(CommandError, match="must be empty"):
        make_term()
    assert User.objects.filter(role=User.Role.STUDENT).count() == 12


def test_nothing_happens_ahead_of_time_in_the_first_minutes_of_a_term() -> None:
    begins = dt.datetime(2026, 10, 12, tzinfo=rhythm.ZONE)
    now = begins + dt.timedelta(minutes=5)
    hours = rhythm.Rhythm(begins, begins + dt.timedelta(weeks=1), now)
    assert all(hours.moment(Random(seed), begins, now) <= now for seed in range(20))


class BrokenOffError(Exception):
    """Stands for whatever ends a process in the middle."""


def break_off_after(monkeypatch: pytest.MonkeyPatch, batches: int) -> None:
    """End the next run once so many batches are written, in the middle of one more."""
    whole = Notebook.write
    written: list[str] = []

    def write(self: Notebook, name: str, value: Any) -> None:
        if name.startswith("batch/"):
            if len(written) == batches:
                raise BrokenOffError
            written.append(name)
        whole(self, name, value)

    monkeypatch.setattr(Notebook, "write", write)


def test_what_was_broken_off_goes_on_and_comes_out_the_same_for_the_same_seed(
    prices: None, small_batches: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = timezone.now()
    monkeypatch.setattr(timezone, "now", lambda: now)
    with transaction.atomic():
        make_term(seed=7)
        whole = set(Message.objects.values_list("pk", flat=True))
        transaction.set_rollback(True)
    with monkeypatch.context() as patch:
        break_off_after(patch, 2)
        with pytest.raises(BrokenOffError):
            make_term(seed=7)
    assert 0 < Session.objects.count() < 40
    with pytest.raises(CommandError, match="--resume"):
        make_term(seed=7)
    said = make_term(resume=True, seed=1, sessions=5)
    assert re.search(r"40 of 40 conversations, [\d,]+ messages a second, 0 seconds left", said)
    assert not breaches()
    with pytest.raises(CommandError, match="nothing to resume"):
        make_term(resume=True)
    assert set(Message.objects.values_list("pk", flat=True)) == whole
    # Another seed makes other keys.
    assert Maker(7, now).key() == Maker(7, now).key() != Maker(8, now).key()


DEFINITIONS = """
    SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid), convalidated FROM pg_constraint
    UNION ALL SELECT tablename, indexname, indexdef, true FROM pg_indexes WHERE schemaname = 'public'
"""


def definitions() -> list[tuple[Any, ...]]:
    """All constraints and indexes, without casts: PostgreSQL writes them in another way once it has read its own."""
    with connection.cursor() as cursor:
        cursor.execute(DEFINITIONS)
        rows = [(*names, re.sub(r"::[a-z ]+(\[\])?|[()]", "", text), valid) for *names, text, valid in cursor]
    return sorted(rows)


@pytest.mark.servers
@pytest.mark.django_db(transaction=True)
def test_what_is_set_aside_while_tables_are_filled_is_put_back_even_after_a_break(
    prices: None, small_batches: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "SET_ASIDE_FROM", 1)
    postgresql = connection.vendor == "postgresql"
    before = definitions() if postgresql else []
    with monkeypatch.context() as patch:
        break_off_after(patch, 2)
        with pytest.raises(BrokenOffError):
            make_term()
    assert not postgresql or 20 < len(definitions()) < len(before)
    make_term(resume=True)
    assert not postgresql or definitions() == before
    assert Session.objects.count() == 40
    assert not breaches()


def test_it_does_not_make_people_up_in_a_real_installation(db: None) -> None:
    with pytest.raises(CommandError, match="--yes"):
        make_term(yes=False)
    assert not User.objects.exists()


def test_what_it_cannot_make_it_refuses_at_once(prices: None) -> None:
    with pytest.raises(CommandError, match="at least one"):
        make_term(sections=0)
    if connection.vendor == "sqlite":
        with pytest.raises(CommandError, match="SQLite takes at most"):
            make_term(sessions=400_000)
    assert not User.objects.exists()
