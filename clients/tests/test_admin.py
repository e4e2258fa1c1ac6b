"""What operators can and cannot do with clients in the admin."""

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from accounts.models import Section, User
from bench.standin import running_standin
from clients import services
from clients.models import ClientProfile
from conftest import make_client, make_user
from monitoring.models import LedgerEntry

pytestmark = pytest.mark.django_db

LIST = "/admin/clients/clientprofile/"
CHECK = f"{LIST}check-voice/"


@pytest.fixture
def browser(operator: User) -> Client:
    """Signed in as the operator."""
    browser = Client()
    browser.force_login(operator)
    return browser


def body(response: Any) -> str:
    text: str = response.content.decode()
    return text


def fields_of(response: Any) -> dict[str, Any]:
    """What a browser would send back from an admin form that nobody changed."""
    form = response.context["adminform"].form
    data = {form.add_prefix(name): form[name].value() for name in form.fields}
    for formset in response.context["inline_admin_formsets"]:
        inline = formset.formset
        data |= {
            inline.management_form.add_prefix(name): value for name, value in inline.management_form.initial.items()
        }
        for row in inline.forms:
            data |= {row.add_prefix(name): row[name].value() for name in row.fields}
    return {
        key: ("" if value is None else value)
        for key, value in data.items()
        if value is not False and not key.endswith("DELETE")
    }


@pytest.mark.parametrize("model", ["clientprofile", "clientversion", "clientopening"])
def test_lists_open_search_and_filter(browser: Client, client_profile: ClientProfile, model: str) -> None:
    services.freeze(client_profile)
    page = browser.get(f"/admin/clients/{model}/", {"q": "maria"})
    assert page.status_code == 200
    assert "Maria Delgado" in body(page)
    assert "Maria Delgado" not in body(browser.get(f"/admin/clients/{model}/", {"q": "nobody"}))


def test_clients_are_archived_and_restored_by_action_but_never_deleted(browser: Client, teacher: User) -> None:
    first, second = make_client(teacher, "One"), make_client(teacher, "Two", archived_at=timezone.now())
    for action, words in (("archive", "1 client is archived."), ("restore", "2 clients can be used again.")):
        chosen = {"action": action, "_selected_action": [first.pk, second.pk]}
        assert words in body(browser.post(LIST, chosen, follow=True))
        assert ClientProfile.objects.exclude(archived_at=None).count() == (2 if action == "archive" else 0)
    assert "delete_selected" not in body(browser.get(LIST))
    assert browser.post(f"{LIST}{first.pk}/delete/", {"post": "yes"}).status_code == 403


def test_a_change_here_makes_a_teachers_open_form_stale(browser: Client, client_profile: ClientProfile) -> None:
    page = f"{LIST}{client_profile.pk}/change/"
    data = fields_of(browser.get(page)) | {"name": "Changed here"}
    response = browser.post(page, data)
    assert response.status_code == 302, response.context["errors"]
    client_profile.refresh_from_db()
    assert (client_profile.name, client_profile.revision, client_profile.facts.count()) == ("Changed here", 1, 2)


def test_a_client_keeps_an_owner_since_one_without_would_count_as_built_in(
    browser: Client, client_profile: ClientProfile
) -> None:
    page = f"{LIST}{client_profile.pk}/change/"
    response = browser.post(page, fields_of(browser.get(page)) | {"owner": ""})
    assert response.status_code == 200
    assert "owner" in response.context["adminform"].form.errors


def test_a_built_in_client_gets_a_model_but_is_not_rewritten(browser: Client) -> None:
    built_in = make_client(None, slug="built-in")
    page = f"{LIST}{built_in.pk}/change/"
    data = fields_of(browser.get(page)) | {"name": "Rewritten", "model": "claude-sonnet-5-5", "owner": ""}
    assert browser.post(page, data).status_code == 302
    built_in.refresh_from_db()
    assert (built_in.name, built_in.model, built_in.owner) == ("Maria Delgado", "claude-sonnet-5-5", None)
    assert 'name="facts-0-topic"' not in body(browser.get(page))


def test_versions_can_only_be_read(browser: Client, client_profile: ClientProfile) -> None:
    version = services.freeze(client_profile)
    base = "/admin/clients/clientversion/"
    page = browser.get(f"{base}{version.pk}/change/")
    assert "You are Maria Delgado" in body(page)
    assert 'name="_save"' not in body(page)
    assert browser.get(f"{base}add/").status_code == 403
    assert browser.post(f"{base}{version.pk}/delete/", {"post": "yes"}).status_code == 403


def test_an_opening_can_be_closed(browser: Client, client_profile: ClientProfile, section: Section) -> None:
    opening = client_profile.openings.get()
    page = f"/admin/clients/clientopening/{opening.pk}/change/"
    data = {
        "client": client_profile.pk, "section": section.pk, "opened_by": "",
        "closed_at_0": "2026-11-20", "closed_at_1": "10:00:00",
    }  # fmt: skip
    assert browser.post(page, data).status_code == 302
    assert not client_profile.openings.current().exists()


def test_the_list_links_to_the_page_that_tries_the_voice(browser: Client) -> None:
    assert reverse("admin:clients_check_voice") == CHECK
    assert CHECK in body(browser.get(LIST))
    page = body(browser.get(CHECK))
    assert "ANTHROPIC_API_KEY is not set" in page
    assert "It works" not in page
    assert not LedgerEntry.objects.exists()


def test_without_a_key_the_button_tries_the_scripted_voice(browser: Client) -> None:
    page = body(browser.post(CHECK))
    assert "It works" in page
    assert "scripted" in page


def test_with_a_key_the_button_tries_the_chosen_model(browser: Client, operator: User, settings: Settings) -> None:
    with running_standin(text="I got a fine.", ttft=1, delay=1) as api:
        settings.ANTHROPIC_API_KEY, settings.ANTHROPIC_BASE_URL = "key", api.url
        page = body(browser.post(CHECK, {"model": "claude-sonnet-5-5"}))
        assert "It works" in page
        assert f"claude-sonnet-5-5, {api.url}" in page
        assert LedgerEntry.objects.get().user_id == operator.pk
        api.modes(fault="401")
        page = body(browser.post(CHECK, {"model": "claude-sonnet-5-5"}))
        assert "It does not work" in page
        assert "The key was refused" in page
        calls = len(api.requests())
        assert "It works" not in body(browser.post(CHECK, {"model": "unheard-of"}))
        assert len(api.requests()) == calls


def test_who_writes_clients_or_keeps_models_answering_tries_the_voice(
    teacher: User, auditor: User, support: User, caretaker: User, client: Client
) -> None:
    for user, status in [(teacher, 404), (auditor, 403), (support, 403), (caretaker, 200)]:
        client.force_login(user)
        assert client.get(CHECK).status_code == status
    client.force_login(make_user("clerk", User.Role.ADMIN))
    assert client.get(CHECK).status_code == 200
    client.force_login(auditor)
    assert CHECK not in client.get(reverse("admin:clients_clientprofile_changelist")).text
    client.logout()
    assert client.get(CHECK).status_code == 302


def test_the_list_says_which_clients_are_built_in(browser: Client, teacher: User) -> None:
    make_client(None, "Walter Haines")
    make_client(teacher, "Maria Delgado")
    shown = re.findall(r'class="field-use">([^<]+)<', body(browser.get(LIST)))
    assert sorted(shown) == ["built-in", "only me"]
