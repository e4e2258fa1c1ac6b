"""What each role of staff may open and do in the admin: every model, action and page has its row, or a test fails.

Whoever adds one to the admin adds it here and in `accounts/roles.py`. See docs/roles.md.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from django.contrib import admin
from django.contrib.messages.storage.cookie import CookieStorage
from django.core.exceptions import PermissionDenied
from django.db.models import Model, UUIDField
from django.http import Http404, HttpRequest
from django.test import RequestFactory
from django.urls import URLPattern, URLResolver, get_resolver, resolve, reverse

from accounts.models import School, User
from accounts.roles import MODELS
from clients.models import ClientProfile
from config.tests.world import World, make_world
from conversations.models import Message
from monitoring.models import Budget

pytestmark = pytest.mark.django_db

# One letter each: [o]perator, school [a]dmin, [s]upport, a[u]ditor, and [r]oot, who has every right.
STAFF = {"o": "caretaker", "a": "school_admin", "s": "support", "u": "auditor", "r": "operator"}
OUTSIDERS = ["teacher", "student"]


@dataclass(frozen=True)
class Row:
    """Who sees the rows of a model beside auditors and root, who see all of them, and who does what with them."""

    sees: str
    adds: str = ""
    changes: str = ""
    deletes: str = ""


TABLE: dict[str, Row] = {
    "accounts.user": Row("oas", adds="asr", changes="asr"),
    "accounts.student": Row("oas", adds="asr", changes="asr"),
    "accounts.teacher": Row("oas", adds="asr", changes="asr"),
    "accounts.school": Row("oas", changes="ar"),  # there is one already
    "accounts.term": Row("oas", adds="ar", changes="ar", deletes="ar"),
    "accounts.section": Row("oas", adds="ar", changes="ar"),
    "accounts.enrolment": Row("as", adds="asr", changes="asr"),
    "accounts.invitation": Row("as"),
    "accounts.personkey": Row("as"),
    "accounts.sectionkey": Row("as"),
    "accounts.rosterfile": Row("a"),
    "accounts.notification": Row("a"),
    "accounts.notificationchoice": Row("as"),
    "clients.clientprofile": Row("oa", adds="ar", changes="ar"),
    "clients.clientversion": Row("oa"),
    "clients.clientrule": Row("oa"),
    "clients.clienttryout": Row("oa"),
    "clients.clientopening": Row("oa", adds="ar", changes="ar", deletes="ar"),
    "clients.personatext": Row("oa", adds="oar", changes="oar"),
    "clients.sectionpersonas": Row("oa"),
    "clients.tutorpreference": Row("a"),
    "conversations.session": Row("oa"),
    "conversations.turn": Row("oa"),
    "conversations.tutortalk": Row("a"),
    "conversations.message": Row("a"),
    "conversations.noticeacceptance": Row("a"),
    "conversations.contentconsent": Row("a"),
    "conversations.transcriptreading": Row("a"),
    "conversations.flag": Row("a"),
    "conversations.safetyalert": Row("a"),
    "conversations.breach": Row("a"),
    "conversations.nudge": Row("a"),
    "conversations.marginnote": Row("a"),
    "conversations.reflection": Row("a"),
    "conversations.sessionfeedback": Row("a"),
    "conversations.evaluation": Row("a"),
    "conversations.evaluationclaim": Row("a"),
    "conversations.scoring": Row("a"),
    "conversations.scoringrevision": Row("a"),
    "conversations.assignment": Row("a"),
    "conversations.attempt": Row("a"),
    "conversations.rubric": Row("a"),
    "conversations.rubricversion": Row("a"),
    "conversations.sectionmodels": Row("oa"),
    "monitoring.modelprice": Row("oa", adds="or"),
    "monitoring.provider": Row("oa", adds="or", changes="or"),
    "monitoring.budget": Row("oa", adds="or", changes="or", deletes="or"),
    "monitoring.budgetaccount": Row("oa"),
    "monitoring.ledgerentry": Row("oa"),
    "monitoring.reservation": Row("oa"),
    "monitoring.hourlyusage": Row("oa"),
    "monitoring.dailyusage": Row("oa"),
    "monitoring.dailyuserusage": Row("oa"),
    "monitoring.hourlylatency": Row("oa"),
    "monitoring.rolledup": Row("o"),
    "monitoring.ratelimit": Row("oa", changes="or"),
    "monitoring.ratewindow": Row("o"),
    "monitoring.heartbeat": Row("o"),
    "monitoring.healthreport": Row("o"),
    "monitoring.breaker": Row("oa"),
    "monitoring.alert": Row("oa"),
    "monitoring.errorentry": Row("o"),
    "monitoring.errorkind": Row("o"),
    "monitoring.job": Row("oa"),
    "monitoring.jobproblem": Row("a"),
    "monitoring.jobfile": Row("a"),
    "monitoring.retentionrule": Row("oa", changes="or"),
    "monitoring.retentionrun": Row("oa"),
    "monitoring.erasure": Row("oa"),
    "monitoring.adminreading": Row("a"),
}

# Who is offered each action; where "delete the chosen rows" has no row, nobody is.
ACTIONS: dict[str, str] = {
    "accounts.term delete_selected": "ar",
    "clients.clientopening delete_selected": "ar",
    "accounts.user disable": "oasr",
    "accounts.user enable": "oasr",
    "accounts.user make_password_link": "asr",
    "accounts.student disable": "oasr",
    "accounts.student enable": "oasr",
    "accounts.student make_password_link": "asr",
    "accounts.student export_everything": "ar",
    "accounts.student erase_everything": "ar",
    "accounts.teacher disable": "oasr",
    "accounts.teacher enable": "oasr",
    "accounts.teacher make_password_link": "asr",
    "accounts.teacher transfer": "ar",
    "accounts.enrolment remove": "asr",
    "accounts.enrolment give_back": "asr",
    "accounts.invitation reissue": "asr",
    "accounts.invitation revoke": "asr",
    "clients.clientprofile archive": "ar",
    "clients.clientprofile restore": "ar",
    "conversations.session end": "oar",
    "conversations.turn release": "oar",
    "conversations.rubric archive": "ar",
    "conversations.rubric restore": "ar",
    "conversations.flag settle": "ar",
    "monitoring.budget set_limit": "or",
    "monitoring.budget raise_limit": "or",
    "monitoring.budgetaccount begin_anew": "or",
    "monitoring.reservation release": "or",
    "monitoring.dailyusage rebuild": "or",
    "monitoring.breaker try_again_now": "or",
    "monitoring.alert acknowledge": "or",
    "monitoring.errorentry acknowledge": "or",
}

# Pages of the admin that are not those that every model has, and who gets an answer.
PAGES: dict[str, str] = {
    "index": "oasur",
    "password_change": "oasur",
    "password_change_done": "oasur",
    "clients_check_voice": "oar",
    "clients_persona_prompt": "oaur",
    "monitoring_rebuild_days": "or",
    "monitoring_person_budgets": "oaur",
    "monitoring_person_limit": "or",
    "monitoring_person_anew": "or",
}
# What those of them are about that need more than their name.
ABOUT: dict[str, Callable[[World], list[Any]]] = {
    "monitoring_person_budgets": lambda world: [world.student.pk],
    "monitoring_person_limit": lambda world: [world.student.pk, "day"],
    "monitoring_person_anew": lambda world: [world.student.pk, "day"],
}
# Whose right to change no form and no action of their own list asks for, and what does.
ASKED_ELSEWHERE = {
    "monitoring.job": "the job's page in the portal, where it is paused, resumed and cancelled",
    "monitoring.errorkind": "the action of the list of errors, and the dashboard",
}
# Their rows have no pages of their own: everybody is sent to the list, which asks who they are.
SENT_TO_THE_LIST = {"monitoring.retentionrule"}
# Django's own: they answer by the rights of the model that they are asked about, or show nothing.
DJANGOS = {"login", "logout", "jsi18n", "autocomplete", "view_on_site", "app_list"}
OF_EVERY_MODEL = ("changelist", "add", "change", "delete", "history")


def label_of(model: type[Model]) -> str:
    return model._meta.label_lower


def routes(patterns: list[Any]) -> Iterator[str]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns)
        elif isinstance(pattern, URLPattern) and pattern.name:
            yield pattern.name


def test_every_model_of_the_admin_has_its_row_here_and_its_rights() -> None:
    registered = {label_of(model) for model in admin.site._registry}
    assert set(TABLE) == registered, f"add to or take from TABLE: {sorted(set(TABLE) ^ registered)}"
    inlines = {label_of(inline.model) for one in admin.site._registry.values() for inline in one.inlines}
    missing = sorted((registered | inlines) - set(MODELS))
    assert not missing, f"say in accounts/roles.py who may do what with: {missing}"


def test_every_action_of_the_admin_has_its_row() -> None:
    found = {
        action
        for model, one in admin.site._registry.items()
        for action in (f"{label_of(model)} {name}" for name in names_of(one))
        if action in ACTIONS or not action.endswith(" delete_selected")
    }
    assert set(ACTIONS) == found, f"add to or take from ACTIONS: {sorted(set(ACTIONS) ^ found)}"


def names_of(one: admin.ModelAdmin) -> list[str]:
    return [name for _function, name, _words in one._get_base_actions()]  # type: ignore[attr-defined]


def test_every_other_page_of_the_admin_has_its_row() -> None:
    (inside,) = [one for one in get_resolver().url_patterns if getattr(one, "namespace", "") == "admin"]
    assert isinstance(inside, URLResolver)
    of_models = {
        f"{model._meta.app_label}_{model._meta.model_name}_{page}"
        for model in admin.site._registry
        for page in OF_EVERY_MODEL
    }
    found = set(routes(inside.url_patterns)) - of_models
    assert found - DJANGOS == set(PAGES), f"add to or take from PAGES: {sorted((found - DJANGOS) ^ set(PAGES))}"


def test_a_right_to_change_is_given_where_something_asks_for_it() -> None:
    inlines = {label_of(inline.model) for one in admin.site._registry.values() for inline in one.inlines}
    asked = {action.split()[0] for action in ACTIONS} | {label for label, row in TABLE.items() if row.changes}
    given = {label for label, may in MODELS.items() if any("change" in verbs for verbs in may)}
    assert given <= asked | inlines | set(ASKED_ELSEWHERE), "nothing asks for these rights in accounts/roles.py"


@pytest.fixture
def school_admin(db: None) -> User:
    return User.objects.create_user("head@example.com", "secret-word-1", display_name="Head", role=User.Role.ADMIN)


@pytest.fixture
def world(client_profile: ClientProfile, school: School, world_people: None, request: pytest.FixtureRequest) -> World:
    people = (request.getfixturevalue(name) for name in ("student", "teacher", "section"))
    made = make_world(client_profile, *people)
    Message.objects.create(session=made.talk, sequence=1, role=Message.Role.CLIENT, content="Well.")
    for scope in (Budget.Scope.SITE, Budget.Scope.USER):
        Budget.objects.create(scope=scope, period=Budget.Period.DAY, limit_microusd=10_000_000)
    return made


@pytest.fixture
def world_people(caretaker: User, school_admin: User, support: User, auditor: User, operator: User) -> None:
    """All of the staff."""


def ask(user: User, path: str, method: str = "get") -> int:
    """The status of a page of the admin, asked by its route and checks; nothing is drawn, so that many can be asked."""
    request: HttpRequest = getattr(RequestFactory(), method)(path)
    request.user, request.resolver_match = user, resolve(path)
    request._messages = CookieStorage(request)  # type: ignore[attr-defined]
    request._dont_enforce_csrf_checks = True  # type: ignore[attr-defined]
    match = request.resolver_match
    try:
        status: int = match.func(request, *match.args, **match.kwargs).status_code
    except PermissionDenied:
        return 403
    except Http404:
        return 404
    return status


def key_of(model: type[Model], world: World) -> Any:
    """The key of a row of that model; where the world has none, of one that does not exist."""
    if model is User:
        return world.student.pk  # staff are changed by root alone
    row = model._default_manager.first()
    missing = uuid4() if isinstance(model._meta.pk, UUIDField) else 999_999
    return row.pk if row else missing


def paths_of(model: type[Model], world: World) -> dict[str, str]:
    base = f"admin:{model._meta.app_label}_{model._meta.model_name}_"
    key = key_of(model, world)
    return {
        "list": reverse(f"{base}changelist"),
        "add": reverse(f"{base}add"),
        **{page: reverse(f"{base}{page}", args=[key]) for page in ("change", "delete", "history")},
    }


def page_of(name: str, world: World) -> str:
    """The path of one of PAGES."""
    return reverse(f"admin:{name}", args=ABOUT[name](world) if name in ABOUT else [])


def wrong_answers(letter: str, user: User, world: World) -> Iterator[str]:
    """What the admin answers otherwise than the table says."""
    for model in admin.site._registry:
        row, paths = TABLE[label_of(model)], paths_of(model, world)
        sees = row.sees + "ur"
        asked = [
            ("list", "get", sees),
            ("add", "get", row.adds),
            ("change", "get", sees),
            ("change", "post", row.changes),
            ("delete", "get", row.deletes),
        ]
        for page, method, who in asked:
            status = ask(user, paths[page], method)
            if page == "change" and label_of(model) in SENT_TO_THE_LIST and status == 302:
                continue
            if (status == 403) == (letter in who) or status >= 404:
                yield f"{label_of(model)}: {method} {page} answered {status}"
        if letter not in sees and ask(user, paths["history"]) == 200:
            yield f"{label_of(model)}: history was shown"


@pytest.mark.parametrize("letter", STAFF)
def test_each_role_opens_and_changes_what_the_table_says(
    letter: str, world: World, request: pytest.FixtureRequest
) -> None:
    assert list(wrong_answers(letter, request.getfixturevalue(STAFF[letter]), world)) == []


@pytest.mark.parametrize("letter", STAFF)
def test_each_role_is_offered_the_actions_that_the_table_says(letter: str, request: pytest.FixtureRequest) -> None:
    asked = RequestFactory().get("/")
    asked.user = request.getfixturevalue(STAFF[letter])
    for model, one in admin.site._registry.items():
        expected = {name for name in names_of(one) if letter in ACTIONS.get(f"{label_of(model)} {name}", "")}
        assert set(one.get_actions(asked)) == expected, label_of(model)


@pytest.mark.parametrize("letter", STAFF)
def test_each_role_gets_the_other_pages_that_the_table_says(
    letter: str, world: World, request: pytest.FixtureRequest
) -> None:
    user = request.getfixturevalue(STAFF[letter])
    for name, who in PAGES.items():
        assert (ask(user, page_of(name, world)) == 200) == (letter in who), name


@pytest.mark.parametrize("who", OUTSIDERS)
def test_for_teachers_and_students_none_of_it_exists(who: str, world: World, request: pytest.FixtureRequest) -> None:
    user = request.getfixturevalue(who)
    for model in admin.site._registry:
        assert {ask(user, path) for path in paths_of(model, world).values()} == {404}, label_of(model)
    assert {ask(user, page_of(name, world)) for name in PAGES} == {404}


def test_the_front_page_names_only_what_a_role_may_open(request: pytest.FixtureRequest, school: School) -> None:
    for letter, name in STAFF.items():
        asked = RequestFactory().get("/")
        asked.user = request.getfixturevalue(name)
        shown = {label_of(one["model"]) for app in admin.site.get_app_list(asked) for one in app["models"]}
        assert shown == {label for label, row in TABLE.items() if letter in row.sees + "ur"}
