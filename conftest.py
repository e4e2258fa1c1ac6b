"""The fixed cast that every test may call on, and what CI must not skip."""

import datetime as dt
import os
import shutil
import time
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from django.apps import apps
from django.db import connection
from django.utils import timezone, translation
from pytest_django import DjangoAssertNumQueries
from pytest_django.plugin import DjangoDbBlocker, blocking_manager_key

from accounts import calendar
from accounts.models import Enrolment, School, Section, SectionTeacher, User
from clients import tutors
from clients.models import ClientFact, ClientOpening, ClientProfile
from conversations import gauges, section_models
from monitoring import audit, budgets, dashboard, limits, providers
from monitoring.models import ModelPrice, price

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


SEEDS = ("monitoring.migrations.0002_prices", "monitoring.migrations.0004_limits")

# The machine may be busy: what a property promises is its truth, not its speed.
hypothesis.settings.register_profile("rapport", deadline=None)
hypothesis.settings.load_profile("rapport")


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
    """A test that commits is followed by an emptied database: give it back the rows that migrations seed."""
    yield
    marker = item.get_closest_marker("django_db")
    committed = "transactional_db" in getattr(item, "fixturenames", ()) or (marker and marker.kwargs.get("transaction"))
    if committed and nextitem:
        with item.config.stash[blocking_manager_key].unblock():
            for migration in SEEDS:
                import_module(migration).seed(apps, None)
            connection.close()


@pytest.fixture(autouse=True)
def nothing_kept() -> None:
    """Forget what a process keeps, rows for some seconds and the last request's language and time zone."""
    translation.deactivate()
    timezone.deactivate()
    calendar.forget()
    budgets.forget()
    dashboard.forget()
    gauges.ended_between.forget()
    limits.forget()
    price.forget()
    tutors.forget()
    providers.forget()
    section_models.forget()


@pytest.fixture
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    """The monotonic clock stands: what a process keeps for some seconds is read once, however slow the machine."""
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now)


@pytest.fixture
def django_assert_max_num_queries(
    still: None, django_assert_max_num_queries: DjangoAssertNumQueries
) -> DjangoAssertNumQueries:
    """As always, with clocks that stand: see `still`."""
    return django_assert_max_num_queries


@pytest.fixture
def media(settings: Any, tmp_path: Path) -> Path:
    """The folder of this test in which files lie that are kept."""
    folder = tmp_path / "media"
    settings.MEDIA_ROOT = folder
    return folder


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip what needs Chromium where there is none, and leave to PostgreSQL what SQLite cannot do.

    CI sets RAPPORT_REQUIRE_SERVERS, runs on both, and then nothing is skipped.
    """
    if connection.vendor == "sqlite":
        left = [item for item in items if item.get_closest_marker("several_writers")]
        config.hook.pytest_deselected(items=left)
        items[:] = [item for item in items if item not in left]
    if CHROMIUM or os.environ.get("RAPPORT_REQUIRE_SERVERS"):  # noqa: TID251
        return
    for item in items:
        if item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.skip(reason="Chromium is not installed"))


def make_user(name: str, role: str, **fields: object) -> User:
    """A saved user `name`@example.com with the password `secret-word-1`."""
    return User.objects.create_user(
        f"{name}@example.com", "secret-word-1", display_name=name.replace("-", " ").title(), role=role, **fields
    )


def make_client(owner: User | None, name: str = "Maria Delgado", **fields: object) -> ClientProfile:
    """A saved client with two facts, one said easily and one only with trust."""
    profile = ClientProfile.objects.create(
        owner=owner,
        name=name,
        **{
            "age": 34,
            "reason": "She may lose the flat.",
            "background": "Maria has two children and works nights in a bakery. " * 5,
            "traits": ["warm", "anxious"],
            "scenario": "A first talk at the advice centre.",
            "issues": ["housing"],
            **fields,
        },
    )
    behind = "I am two months behind with the rent."
    ClientFact.objects.create(client=profile, topic="rent", text=behind, keywords=["rent"])
    ClientFact.objects.create(
        client=profile, topic="brother", depth="real", unlock=60, position=1, text="I gave the money to my brother.",
        keywords=["brother"],
    )  # fmt: skip
    return profile


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Before the test database is dropped, end what threads of event loops still hold open on PostgreSQL."""
    with django_db_blocker.unblock():
        # Django asks SQLite about JSON once a process; a test that counts queries must not be the one to see it.
        assert connection.features.supports_json_field
    yield
    if connection.vendor == "postgresql":
        others = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        with django_db_blocker.unblock(), connection.cursor() as cursor:
            cursor.execute(f"SELECT pg_terminate_backend(pid) {others}")


@pytest.fixture
def audited(request: pytest.FixtureRequest, transactional_db: None) -> Iterator[None]:
    """The auditor looks at what the test left, at rest; `@pytest.mark.unaudited(reason)` excuses a test.

    Named by `usefixtures`, it is made before the engine and asks after that has stopped, while the rows are there.
    """
    yield
    if request.node.get_closest_marker("unaudited"):
        return
    found = {name: finding.breaches for name, finding in audit.run(at_rest=True) if finding.breaches}
    assert not found, f"the auditor found breaches: {found}"


@pytest.fixture
def prices(db: None) -> None:
    """The price of the default model; tests that use threads start on an emptied database, without the seeded rows."""
    amounts = {"input": 100_000, "output": 500_000, "cache_write": 125_000, "cache_read": 10_000}
    since = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    for model in ("claude-haiku-5-5", "claude-sonnet-5-5"):
        ModelPrice.objects.get_or_create(model=model, valid_from=since, from_input=0, defaults=amounts)


@pytest.fixture
def school(db: None) -> School:
    """The school of the installation."""
    school = School(name="Test School", support_contact="help@school.example")
    school.save()
    return school


@pytest.fixture
def teacher(db: None) -> User:
    """Teaches `section` and owns `client_profile`."""
    return make_user("teacher", User.Role.TEACHER)


@pytest.fixture
def other_teacher(db: None) -> User:
    """Teaches nothing that the others see."""
    return make_user("other-teacher", User.Role.TEACHER)


@pytest.fixture
def student(db: None) -> User:
    """Enrolled in `section`."""
    return make_user("student", User.Role.STUDENT)


@pytest.fixture
def other_student(db: None) -> User:
    """Enrolled nowhere."""
    return make_user("other-student", User.Role.STUDENT)


@pytest.fixture
def operator(db: None) -> User:
    """Runs the portal from the admin, with every right."""
    return User.objects.create_superuser("operator@example.com", "secret-word-1", display_name="Operator")


@pytest.fixture
def caretaker(db: None) -> User:
    """Has the role of an operator, and no right beyond it."""
    return make_user("caretaker", User.Role.OPERATOR)


@pytest.fixture
def support(db: None) -> User:
    """Helps people with their accounts."""
    return make_user("support", User.Role.SUPPORT)


@pytest.fixture
def auditor(db: None) -> User:
    """Looks at everything in the admin, and is written down for it."""
    return make_user("auditor", User.Role.AUDITOR)


@pytest.fixture
def section(teacher: User, student: User) -> Section:
    """One section with its teacher and student."""
    section = Section.objects.create(name="Interviewing", course_code="SW 101")
    SectionTeacher.objects.create(section=section, teacher=teacher)
    Enrolment.objects.create(section=section, student=student)
    return section


@pytest.fixture
def client_profile(teacher: User, section: Section) -> ClientProfile:
    """The teacher's client, opened to `section`."""
    profile = make_client(teacher)
    ClientOpening.objects.create(client=profile, section=section, opened_by=teacher)
    return profile
