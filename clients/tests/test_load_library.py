"""What `load_library` does to a portal, the first time and at every update."""

import pytest
from django.core.management import call_command
from django.utils import timezone

from clients import library, services
from clients.library import LibraryClient, load_library
from clients.models import ClientFact, ClientProfile

pytestmark = pytest.mark.django_db


def load(capsys: pytest.CaptureFixture[str]) -> str:
    call_command("load_library")
    return capsys.readouterr().out


def test_the_library_becomes_built_in_clients_with_their_facts(capsys: pytest.CaptureFixture[str]) -> None:
    count = len(load_library())
    assert count >= 10
    assert load(capsys) == f"Built-in clients: {count} new, 0 changed, 0 as before, 0 archived.\n"
    for entry in load_library():
        client = ClientProfile.objects.get(slug=entry.slug)
        assert client.is_built_in
        assert client.snapshot() == entry.snapshot
        assert client.content_note == entry.content_note
        client.full_clean()


def test_loading_again_changes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    load(capsys)
    before = list(ClientProfile.objects.order_by("pk").values()), list(ClientFact.objects.order_by("pk").values())
    assert f"0 new, 0 changed, {len(load_library())} as before, 0 archived" in load(capsys)
    assert (
        list(ClientProfile.objects.order_by("pk").values()),
        list(ClientFact.objects.order_by("pk").values()),
    ) == before


def test_an_update_renews_profile_and_facts_but_keeps_what_an_admin_decided(capsys: pytest.CaptureFixture[str]) -> None:
    load(capsys)
    first, second = ClientProfile.objects.exclude(slug="").order_by("slug")[:2]
    ClientProfile.objects.filter(pk=first.pk).update(
        age=119, model="claude-sonnet-5-5", prompt_override="Be kind.", archived_at=timezone.now()
    )
    second.facts.first().delete()  # type: ignore[union-attr]
    assert "0 new, 2 changed" in load(capsys)
    first.refresh_from_db()
    assert first.age != 119
    assert (first.model, first.prompt_override, bool(first.archived_at), first.revision) == (
        "claude-sonnet-5-5", "Be kind.", True, 1,
    )  # fmt: skip
    assert second.snapshot() == next(entry.snapshot for entry in load_library() if entry.slug == second.slug)


def test_a_client_that_left_the_library_is_archived_once(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    load(capsys)
    smaller: tuple[LibraryClient, ...] = library.load_library()[1:]
    gone = library.load_library()[0].slug
    monkeypatch.setattr(services, "load_library", lambda: smaller)
    assert ", 1 archived" in load(capsys)
    assert ClientProfile.objects.get(slug=gone).archived_at
    assert ", 0 archived" in load(capsys)
