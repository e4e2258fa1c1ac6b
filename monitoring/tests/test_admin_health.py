"""What operators see of health in the admin, and the one thing they can do about it."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client as Browser
from django.urls import reverse

from accounts.models import User
from conftest import make_user
from monitoring import breakers, errors
from monitoring.alerts import raise_alert
from monitoring.models import Alert, Breaker, ErrorEntry, ErrorKind

pytestmark = pytest.mark.django_db

LIST = "admin:monitoring_breaker_changelist"


@pytest.fixture
def down(settings: Any) -> Breaker:
    """The default model does not answer."""
    settings.ANTHROPIC_API_KEY = "test-key"
    for _ in range(5):
        breakers.failed(provider="api.anthropic.com", model=settings.MODEL_DEFAULT, fault="overloaded")
    return Breaker.objects.get()


@pytest.fixture
def desk(client: Browser, operator: User) -> Browser:
    client.force_login(operator)
    return client


@pytest.fixture
def lesser(db: None) -> User:
    """A school admin, who may look at it."""
    return make_user("lesser", User.Role.ADMIN)


def try_again(browser: Browser, row: Breaker) -> str:
    data = {"action": "try_again_now", "_selected_action": [str(row.pk)]}
    return browser.post(reverse(LIST), data, follow=True).text


def test_lists_open_with_their_filters_and_nothing_can_be_changed(desk: Browser, down: Breaker) -> None:
    rows: dict[str, tuple[Any, dict[str, str]]] = {
        "breaker": (down, {"state__exact": "open"}),
        "alert": (Alert.objects.get(), {"kind__exact": "breaker", "severity__exact": "critical", "q": "haiku"}),
        "errorentry": (ErrorEntry.objects.get(), {"kind": "breaker.overloaded", "severity__exact": "critical"}),
    }
    for model, (row, filters) in rows.items():
        assert str(row.pk) in desk.get(reverse(f"admin:monitoring_{model}_changelist"), filters).text
        page = reverse(f"admin:monitoring_{model}_change", args=[row.pk])
        assert desk.get(page).status_code == 200
        assert desk.post(page, {}).status_code == 403
        assert desk.post(reverse(f"admin:monitoring_{model}_delete", args=[row.pk])).status_code == 403
        assert desk.get(reverse(f"admin:monitoring_{model}_add")).status_code == 403


def test_rows_have_names_for_people(down: Breaker) -> None:
    entry = errors.record(kind="provider.server", source="turn")
    assert (str(entry), str(down)) == ("provider.server turn", "claude-haiku-5-5 does not answer")
    assert "claude-haiku-5-5" in str(Alert.objects.get())


def test_an_operator_has_a_model_tried_again_at_once_and_it_is_written_down(desk: Browser, down: Breaker) -> None:
    assert "1 model is tried again with the next reply." in try_again(desk, down)
    down.refresh_from_db()
    assert down.state == "closed"
    assert LogEntry.objects.get().change_message == "To be tried again now."


def test_an_admin_without_every_right_sees_it_and_cannot_close_it(client: Browser, lesser: User, down: Breaker) -> None:
    client.force_login(lesser)
    assert "try_again_now" not in client.get(reverse(LIST)).text
    try_again(client, down)
    down.refresh_from_db()
    assert down.state == "open"


def test_the_overview_says_how_the_models_are_and_what_was_told_last(desk: Browser, settings: Any) -> None:
    assert "All models answer." in desk.get(reverse("admin:index")).text
    raise_alert(key="budget:1", kind="budget", severity="warning", text="<b>Half</b> is spent.")
    page = desk.get(reverse("admin:index")).text
    assert "&lt;b&gt;Half&lt;/b&gt; is spent." in page


def test_the_overview_says_when_no_model_answers(desk: Browser, down: Breaker, settings: Any) -> None:
    assert "No model answers." in desk.get(reverse("admin:index")).text
    settings.FALLBACK_MODELS = ["claude-opus-5-5"]
    assert "A model does not answer" in desk.get(reverse("admin:index")).text
    settings.ANTHROPIC_API_KEY = ""
    assert "All models answer." in desk.get(reverse("admin:index")).text


def test_the_overview_keeps_health_from_staff_who_may_not_see_it(client: Browser, down: Breaker) -> None:
    client.force_login(make_user("helper", User.Role.SUPPORT))
    page = client.get(reverse("admin:index")).text
    assert "speaking-status" not in page
    assert "last-alerts" not in page


def test_alerts_and_kinds_of_errors_are_marked_as_seen_to(
    client: Browser, caretaker: User, auditor: User, down: Breaker
) -> None:
    kind = ErrorEntry.objects.get().kind
    marked = {"alert": (Alert.objects.get(), "1 alert is seen to."), "errorentry": (ErrorEntry.objects.get(), "1 kind")}
    for who, may in ((auditor, False), (caretaker, True)):
        client.force_login(who)
        for model, (row, said) in marked.items():
            data = {"action": "acknowledge", "_selected_action": [str(row.pk)]}
            page = client.post(reverse(f"admin:monitoring_{model}_changelist"), data, follow=True).text
            assert (said in page) is may
        assert ErrorKind.objects.filter(kind=kind, acknowledged_by=caretaker).exists() is may
        assert Alert.objects.filter(acknowledged_by=caretaker).exists() is may
    assert {entry.change_message for entry in LogEntry.objects.all()} == {"Seen to."}


def test_errors_are_found_by_their_kind_and_by_their_conversation(desk: Browser, down: Breaker) -> None:
    address = reverse("admin:monitoring_errorentry_changelist")
    for words, count in (("breaker.over", 1), ("provider", 0), (str(ErrorEntry.objects.get().pk), 0)):
        assert desk.get(address, {"q": words}).context["cl"].result_count == count
