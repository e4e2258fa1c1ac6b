"""What the buttons of a client do, and what they say about it."""

import pytest
from django.utils import timezone

from accounts.models import Section, User
from clients import services
from clients.models import ClientProfile
from clients.tests.pages import body, signed_in, url
from conftest import make_client

pytestmark = pytest.mark.django_db


def test_a_copy_opens_in_the_form(teacher: User) -> None:
    built_in = make_client(None, slug="built-in")
    response = signed_in(teacher).post(url("client-duplicate", built_in), follow=True)
    copy = ClientProfile.objects.get(owner=teacher)
    assert response.redirect_chain == [(url("client-edit", copy), 302)]
    assert "your own copy" in body(response)


def test_buttons_do_what_they_say_and_say_what_they_did(teacher: User, section: Section) -> None:
    client = make_client(teacher)
    browser = signed_in(teacher)

    def press(name: str, **data: object) -> str:
        text = body(browser.post(url(name, client), data, follow=True))
        client.refresh_from_db()
        return text

    assert "All teachers of the school" in press("client-share", shared="yes")
    assert client.visibility == "shared"
    assert "Only you" in press("client-share")
    assert client.visibility == "private"
    assert "can now practise" in press("client-open", section=section.pk, open="on")
    assert client.openings.current().count() == 1
    assert "no new conversation" in press("client-open", section=section.pk)
    assert client.openings.current().count() == 0
    assert "is archived" in press("client-archive")
    assert client.archived_at
    assert "Restore the client first" in press("client-open", section=section.pk, open="on")
    assert "can be used again" in press("client-restore")
    assert not client.archived_at


@pytest.mark.parametrize("value", ["", "nonsense", "6f1c2f0e-5d0f-4a7e-9d4c-0a8f4f0b7a11"])
def test_a_client_opens_only_to_a_section_that_one_teaches(teacher: User, section: Section, value: str) -> None:
    client = make_client(teacher)
    other = Section.objects.create(name="Other")
    for pk in (value, str(other.pk)):
        assert signed_in(teacher).post(url("client-open", client), {"section": pk, "open": "on"}).status_code == 404
    assert not client.openings.exists()


def test_an_unused_client_is_deleted_and_a_used_one_is_kept_with_the_reason(teacher: User) -> None:
    unused, used = make_client(teacher, "Unused"), make_client(teacher, "Used")
    services.freeze(used)
    browser = signed_in(teacher)
    assert "Unused is deleted." in body(browser.post(url("client-delete", unused), follow=True))
    assert "You can archive the client instead" in body(browser.post(url("client-delete", used), follow=True))
    assert list(ClientProfile.objects.all()) == [used]
    assert url("client-delete", used) not in body(browser.get(url("client-detail", used)))


def test_an_archived_client_offers_restoring_and_nothing_that_starts(teacher: User, section: Section) -> None:
    client = make_client(teacher, archived_at=timezone.now())
    text = body(signed_in(teacher).get(url("client-detail", client)))
    assert url("client-restore", client) in text
    assert url("client-open", client) not in text
    assert "/test/" not in text
    assert url("client-restore", client) in body(signed_in(teacher).get("/clients/?tab=archived"))
