"""The page of a client's prompt, its model, and what a conversation costs."""

import pytest
from pytest_django import Settings

from accounts.models import User
from clients.models import ClientProfile
from clients.prompts import written_prompt
from clients.tests.pages import body, next_revision, signed_in, url
from conftest import make_client

pytestmark = pytest.mark.django_db


def test_the_prompt_page_shows_prompt_limits_models_and_costs(teacher: User, client_profile: ClientProfile) -> None:
    text = body(signed_in(teacher).get(url("client-prompt", client_profile)))
    for part in ("You are Maria Delgado", "What holds always", "Written from the profile", "claude-opus-5-5", "$0.00"):
        assert part in text
    assert text.count("More than $0.0100 a conversation") == 2
    assert "the scripted voice speaks" in text


def test_with_a_key_nothing_is_said_about_its_absence(
    teacher: User, client_profile: ClientProfile, settings: Settings
) -> None:
    settings.ANTHROPIC_API_KEY, settings.MODELS = "key", []
    text = body(signed_in(teacher).get(url("client-prompt", client_profile)))
    assert "No key for a model is set" not in text
    assert "No model has a price yet" in text


def test_a_teacher_edits_the_prompt_and_goes_back_to_the_written_one(
    teacher: User, client_profile: ClientProfile
) -> None:
    browser, page = signed_in(teacher), url("client-prompt", client_profile)
    browser.post(page, {"override": "Be kind.", "model": "claude-sonnet-5-5", "revision": "0"})
    client_profile.refresh_from_db()
    assert (client_profile.prompt_override, client_profile.model) == ("Be kind.", "claude-sonnet-5-5")
    text = body(browser.get(page))
    assert "Edited by hand" in text
    assert "Be kind." in text
    browser.post(page, {"override": "Be kinder.", "model": "claude-sonnet-5-5", "revision": "1", "reset": "yes"})
    client_profile.refresh_from_db()
    assert (client_profile.prompt_override, client_profile.model) == ("", "claude-sonnet-5-5")


def test_saving_the_page_as_it_is_makes_no_edit(teacher: User, client_profile: ClientProfile) -> None:
    written = written_prompt(client_profile.snapshot()).replace("\n", "\r\n")
    signed_in(teacher).post(url("client-prompt", client_profile), {"override": written, "model": "", "revision": "0"})
    client_profile.refresh_from_db()
    assert client_profile.prompt_override == ""


def test_a_stale_or_too_long_prompt_is_refused_and_kept(teacher: User, client_profile: ClientProfile) -> None:
    browser, page = signed_in(teacher), url("client-prompt", client_profile)
    browser.post(page, {"override": "First.", "model": "", "revision": "0"})
    refused = browser.post(page, {"override": "Second.", "model": "", "revision": "0"})
    assert "Someone changed this client" in body(refused)
    assert "Second." in body(refused)
    assert next_revision(refused) == "1"
    long = body(browser.post(page, {"override": "x" * 50_000, "model": "", "revision": "1"}))
    assert "at most 20000 characters" in long
    assert "x" * 50_000 in long
    client_profile.refresh_from_db()
    assert client_profile.prompt_override == "First."


def test_a_colleague_reads_the_prompt_of_a_shared_client_but_has_no_button(teacher: User, other_teacher: User) -> None:
    client = make_client(teacher, visibility="shared")
    text = body(signed_in(other_teacher).get(url("client-prompt", client)))
    assert "only the owner may change it" in text
    assert "<textarea" not in text
