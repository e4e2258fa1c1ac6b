"""Who may open what: every route has its row, and a new route without one fails."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import transaction
from django.http import HttpResponse
from django.test import Client as Browser
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from accounts.models import Section, User
from clients.models import ClientProfile
from config.tests.places import (
    on_alert,
    on_assignment,
    on_attempt,
    on_client,
    on_error,
    on_evaluation,
    on_flag,
    on_invitation,
    on_job,
    on_job_file,
    on_note,
    on_notification,
    on_operators_alert,
    on_reply,
    on_reset,
    on_roster,
    on_roster_job,
    on_rubric,
    on_rule,
    on_said,
    on_section,
    on_student,
    on_talk,
    on_task,
    on_teacher,
    on_test,
    on_token,
    on_tryout,
    on_worker,
)
from config.tests.world import World, make_world

pytestmark = pytest.mark.django_db

# The role of an operator ("operator" has every right), of support and of an auditor: people of the admin alone.
DESK = {"caretaker", "support", "auditor"}
ANYONE = {"anonymous", "student", "other_student", "teacher", "other_teacher", "operator", *DESK}
SIGNED_IN = ANYONE - {"anonymous"}
STAFF = {"teacher", "other_teacher", "operator"}
STUDENTS = {"student", "other_student"}


@pytest.fixture
def world(client_profile: ClientProfile, student: User, teacher: User, operator: User, section: Section) -> World:
    return make_world(client_profile, student, teacher, section)


@dataclass(frozen=True)
class Row:
    """How a route is asked, of whom it is, and who gets an answer other than 404 or the sign-in page."""

    allowed: set[str]
    method: str = "get"
    args: Callable[[World], list[Any]] = lambda _world: []
    form: Callable[[World], dict[str, str]] = lambda _world: {}


OWNER = {"teacher", "operator"}
SPEAKER = {"student"}
READERS = {"student", "teacher", "operator"}
SEES_MONEY = {"operator", "caretaker", "auditor"}

TABLE: dict[str, Row] = {
    "favicon": Row(ANYONE),
    "healthz": Row(ANYONE),
    "readyz": Row(ANYONE),
    # Whoever shows the token: monitoring/tests/test_metrics.py.
    "metrics": Row(set()),
    "job": Row(OWNER | {"caretaker"}, args=on_job),
    "job-pause": Row(OWNER | {"caretaker"}, "post", on_job),
    "job-resume": Row(OWNER | {"caretaker"}, "post", on_job),
    "job-cancel": Row(OWNER | {"caretaker"}, "post", on_job),
    # What an export holds is for whoever asked alone.
    "job-file": Row({"teacher"}, args=on_job_file),
    "dashboard-part": Row(DESK | {"operator"}),
    "dashboard-json": Row(SEES_MONEY, args=lambda _world: ["money"]),
    "dashboard-csv": Row(SEES_MONEY, args=lambda _world: ["money", "term"]),
    "dashboard-costs-csv": Row(SEES_MONEY),
    "dashboard-costs-json": Row(SEES_MONEY),
    "dashboard-runbook": Row(SEES_MONEY, args=lambda _world: ["budget"]),
    "dashboard-alert": Row({"operator", "caretaker"}, "post", on_operators_alert),
    "dashboard-error": Row({"operator", "caretaker"}, "post", on_error),
    "home": Row(SIGNED_IN),
    "help": Row(SIGNED_IN),
    "school-logo": Row(set()),
    "login": Row(ANYONE),
    "logout": Row(ANYONE, "post"),
    "profile": Row(SIGNED_IN),
    "budget": Row(SIGNED_IN),
    "notification-list": Row(SIGNED_IN),
    "notifications-read": Row(SIGNED_IN, "post"),
    "notification-settings": Row(SIGNED_IN),
    "notification": Row({"student"}, args=on_notification),
    "password_change": Row(SIGNED_IN),
    "password_change_done": Row(SIGNED_IN),
    "password_reset": Row(ANYONE),
    "password_reset_done": Row(ANYONE),
    "password_reset_confirm": Row(ANYONE, args=on_reset),
    "password_reset_complete": Row(ANYONE),
    "invitation-list": Row(STAFF | {"support"}),
    "invitation-new": Row(STAFF | {"support"}),
    "invitation-reissue": Row(OWNER | {"support"}, "post", on_invitation),
    "invitation-revoke": Row(OWNER | {"support"}, "post", on_invitation),
    "invitation-accept": Row(ANYONE, args=on_token),
    "password-link": Row(STAFF | {"support"}),
    "roster-new": Row(STAFF),
    "roster": Row({"teacher"}, args=on_roster),
    "roster-discard": Row({"teacher"}, "post", on_roster),
    "roster-report": Row(OWNER, args=on_roster_job),
    "section-join": Row(STUDENTS),
    "section-list": Row(STAFF),
    "section-new": Row(STAFF),
    "section": Row(OWNER, args=on_section),
    "section-edit": Row(OWNER, args=on_section),
    "section-archive": Row(OWNER, "post", on_section),
    "section-reopen": Row(OWNER, "post", on_section),
    "section-code": Row(OWNER, "post", on_section),
    "section-sheet": Row(OWNER, args=on_section),
    "section-teacher-add": Row(OWNER, "post", on_section),
    "section-teacher-part": Row(OWNER, "post", on_teacher),
    "section-teacher-remove": Row(OWNER, "post", on_teacher),
    "section-student-remove": Row(OWNER, "post", on_student),
    "section-student-return": Row(OWNER, "post", on_student),
    "set_language": Row(ANYONE, "post", form=lambda _world: {"language": "es"}),
    "client-list": Row(STAFF),
    "client-new": Row(STAFF),
    "client-detail": Row(OWNER, args=on_client),
    "client-edit": Row(OWNER, args=on_client),
    "client-prompt": Row(OWNER, args=on_client),
    "client-bench": Row(OWNER, args=on_client),
    "client-bench-run": Row(OWNER, "post", on_client),
    "client-rule-new": Row(OWNER, "post", on_client, lambda _world: {"text": "Never jokes."}),
    "client-rule-remove": Row(OWNER, "post", on_rule),
    "tryout": Row(OWNER, args=on_tryout),
    "client-duplicate": Row(OWNER, "post", on_client),
    "client-archive": Row(OWNER, "post", on_client),
    "client-restore": Row(OWNER, "post", on_client),
    "client-share": Row(OWNER, "post", on_client),
    "client-open": Row(OWNER, "post", on_client, lambda world: {"section": str(world.section.pk), "open": "on"}),
    "client-delete": Row(OWNER, "post", on_client),
    "section-tutors": Row(OWNER, args=on_section),
    "tutor-preference": Row(SIGNED_IN - DESK),
    "tutor-preference-told": Row(SIGNED_IN - DESK, "post"),
    "client-test": Row(OWNER, "post", on_client),
    "notice": Row(SIGNED_IN),
    "practice": Row(STUDENTS),
    "practice-client": Row(SPEAKER, args=on_client),
    "practice-start": Row(SPEAKER, "post", on_client),
    "session-list": Row(SIGNED_IN),
    "session": Row(READERS, args=on_talk),
    "session-pause": Row(SPEAKER, "post", on_talk),
    "session-resume": Row(SPEAKER, "post", on_talk),
    "session-end": Row(SPEAKER, "post", on_talk),
    "session-nudge": Row(OWNER, args=on_talk),
    "session-hold": Row(OWNER, "post", on_talk),
    "session-release": Row(OWNER, "post", on_talk),
    "session-end-for": Row(OWNER, args=on_talk),
    "session-debrief": Row({"student"}, "post", on_talk),
    "tutor-steps": Row(set(), "post", on_talk),
    "tutor-rate": Row(set(), "post", on_talk),
    "section-tutor-talks": Row(OWNER, args=on_section),
    "tutor-list": Row(SIGNED_IN - DESK),
    "tutor-start": Row(SIGNED_IN - DESK, "post"),
    "section-models": Row(OWNER, args=on_section),
    "wall": Row(OWNER, args=on_section),
    "wall-part": Row(OWNER, args=on_section),
    "wall-hold": Row(OWNER, "post", on_section),
    "wall-release": Row(OWNER, "post", on_section),
    "session-ended": Row(SPEAKER, args=on_talk),
    "session-review": Row(READERS, args=on_talk),
    "session-reflection": Row(SPEAKER, args=on_talk),
    "session-views": Row(READERS, args=on_talk),
    "session-branch": Row(SPEAKER, "post", on_said),
    "session-feedback": Row(SPEAKER, args=on_talk),
    "client-feedback": Row(OWNER, args=on_client),
    "client-breaches": Row(OWNER, args=on_client),
    "client-feedback-csv": Row(OWNER, args=on_client),
    "client-feedback-json": Row(OWNER, args=on_client),
    "message-flag": Row(READERS, args=on_reply),
    "flag-list": Row(STAFF),
    "flag": Row(OWNER, args=on_flag),
    "content-note": Row(SPEAKER, args=on_client),
    "safety": Row(SIGNED_IN),
    "safety-list": Row(STAFF),
    "safety-alert": Row(OWNER, args=on_alert),
    "help-now": Row(SIGNED_IN),
    "session-help": Row(SPEAKER, "post", on_talk),
    "session-model": Row({"teacher"}, "post", on_test),
    "transcript": Row(READERS, args=on_talk),
    "transcript-markdown": Row(READERS, args=on_talk),
    "transcript-text": Row(READERS, args=on_talk),
    "transcript-pdf": Row(READERS, args=on_talk),
    "transcript-csv": Row(READERS, args=on_talk),
    "transcript-json": Row(READERS, args=on_talk),
    "export-new": Row(SIGNED_IN),
    "notes": Row(OWNER, args=on_reply),
    "note-new": Row(OWNER, args=on_reply),
    "note-edit": Row({"teacher"}, args=on_note),
    "note-delete": Row({"teacher"}, args=on_note),
    "section-gradebook": Row(OWNER, args=on_section),
    "gradebook-file": Row(OWNER, args=lambda world: [world.section.pk, "canvas"]),
    "teaching": Row({"teacher", "other_teacher"}),
    "teaching-progress": Row({"teacher", "other_teacher"}),
    "section-progress": Row(OWNER, args=on_section),
    "student-progress": Row(OWNER, args=on_student),
    "my-progress": Row(STUDENTS),
    "test-list": Row(STAFF),
    "rubric-list": Row(STAFF),
    "rubric-new": Row(STAFF),
    "rubric-detail": Row(OWNER, args=on_rubric),
    "rubric-edit": Row(OWNER, args=on_rubric),
    "rubric-copy": Row(OWNER, "post", on_rubric),
    "rubric-archive": Row(OWNER, "post", on_rubric),
    "rubric-restore": Row(OWNER, "post", on_rubric),
    "rubric-delete": Row(OWNER, "post", on_rubric),
    "rubric-calibration": Row(OWNER, args=on_rubric),
    "evaluation-state": Row(OWNER, args=on_evaluation),
    "assignment-evaluate": Row(OWNER, "post", on_assignment),
    "scoring": Row(OWNER, args=on_talk),
    "assignment-list": Row(STAFF),
    "assignment-new": Row(STAFF),
    "assignment-detail": Row(OWNER, args=on_assignment),
    "assignment-edit": Row(OWNER, args=on_assignment),
    "assignment-copy": Row(OWNER, args=on_assignment),
    "assignment-publish": Row(OWNER, "post", on_assignment),
    "assignment-unpublish": Row(OWNER, "post", on_assignment),
    "assignment-archive": Row(OWNER, "post", on_assignment),
    "assignment-restore": Row(OWNER, "post", on_assignment),
    "assignment-delete": Row(OWNER, "post", on_assignment),
    "assignment-preview": Row(OWNER, args=on_assignment),
    "assignment-student": Row(OWNER, args=on_worker),
    "assignment-withdraw": Row(OWNER, "post", on_worker),
    "attempt-reopen": Row(OWNER, "post", on_attempt),
    "student-home": Row(STUDENTS),
    "work": Row(STUDENTS),
    "work-detail": Row(SPEAKER, args=on_assignment),
    "work-start": Row(SPEAKER, "post", on_task),
    "scoring-release": Row(OWNER, "post", on_talk),
    "scoring-withdraw": Row(OWNER, "post", on_talk),
}


def routes(patterns: list[Any], inside: str = "") -> Iterator[str]:
    """The names of all routes outside the admin, which has a table of its own below."""
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            if pattern.namespace != "admin":
                yield from routes(pattern.url_patterns)
        elif isinstance(pattern, URLPattern):
            yield str(pattern.name)


def test_every_route_has_its_row() -> None:
    assert set(routes(get_resolver().url_patterns)) == set(TABLE)


def signed_in(who: str, request: pytest.FixtureRequest) -> Browser:
    """A browser of this member of the cast."""
    browser = Browser()
    if who != "anonymous":
        browser.force_login(request.getfixturevalue(who))
    return browser


def ask(browser: Browser, row: Row, name: str, world: World) -> HttpResponse:
    answer: HttpResponse = getattr(browser, row.method)(reverse(name, args=row.args(world)), row.form(world))
    if answer.streaming:
        b"".join(answer.streaming_content)  # type: ignore[attr-defined]  # a file that nobody reads stays open
    return answer


@pytest.mark.parametrize("name", TABLE)
def test_only_those_in_the_table_get_an_answer(name: str, world: World, request: pytest.FixtureRequest) -> None:
    row = TABLE[name]
    for who in sorted(ANYONE):
        # Undone after each: a button that one person pressed must not change what the next one finds.
        before = transaction.savepoint()
        answer = ask(signed_in(who, request), row, name, world)
        transaction.savepoint_rollback(before)
        sign_in = (reverse("login"), reverse("admin:login"))
        to_sign_in = answer.status_code == 302 and answer["Location"].startswith(sign_in)
        if who in row.allowed:
            assert answer.status_code not in {403, 404, 405, 500}, (who, answer.status_code)
            assert not to_sign_in or name == "logout", who
        elif who == "anonymous":
            assert to_sign_in or answer.status_code == 404
        else:
            assert answer.status_code == 404, (who, answer.status_code)


def admin_routes() -> list[str]:
    """The paths of the admin's pages that need no row of a model."""
    names = ["index", "password_change", "app_list"]
    return [reverse(f"admin:{name}") for name in names[:2]]


# What each role of staff finds there: test_admin_roles.py.
@pytest.mark.parametrize("who", sorted(ANYONE - DESK))
def test_the_admin_is_there_for_staff_alone(who: str, world: World, request: pytest.FixtureRequest) -> None:
    from django.contrib import admin

    browser = signed_in(who, request)
    lists = [
        reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist") for model in admin.site._registry
    ]
    for path in [*admin_routes(), *lists]:
        answer = browser.get(path)
        if who == "operator":
            assert answer.status_code == 200, path
        elif who == "anonymous":
            assert answer.status_code == 302
        else:
            assert answer.status_code == 404, path
