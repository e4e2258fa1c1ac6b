"""Practice: the cards, the preview, the notice, and the start in one click."""

import datetime as dt
from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client as Browser
from django.urls import reverse
from django.utils import timezone

from accounts.models import Enrolment, School, User
from clients.models import ClientOpening, ClientProfile
from conftest import make_client
from conversations import sessions
from conversations.models import NoticeAcceptance, Session
from conversations.tests.pages import HTMX, begin, signed_in, words

pytestmark = pytest.mark.django_db


def start_path(client: ClientProfile) -> str:
    """Where Start posts to."""
    return reverse("practice-start", args=[client.pk])


def ended(user: User, client: ClientProfile, status: str) -> Session:
    """A session that is over."""
    session = begin(user, client)
    session.status, session.ended_at = status, timezone.now()
    session.save()
    return session


# --- The cards --------------------------------------------------------------------------------------------------------


def test_a_student_sees_the_clients_opened_to_them_and_built_in_ones(
    student: User, teacher: User, client_profile: ClientProfile
) -> None:
    make_client(None, "Walter Haines")
    make_client(teacher, "Private Person")
    page = words(signed_in(student).get("/practice/"))
    assert "Maria Delgado" in page
    assert "Walter Haines" in page
    assert "Private Person" not in page
    assert page.count("Not started yet") == 2
    assert f'action="{start_path(client_profile)}"' in page


def test_practice_is_for_students(teacher: User, operator: User, client_profile: ClientProfile) -> None:
    paths = ["/practice/", f"/practice/{client_profile.pk}/"]
    for user in (teacher, operator):
        browser = signed_in(user)
        assert [browser.get(path).status_code for path in paths] == [404, 404]
        assert browser.post(start_path(client_profile)).status_code == 404
    for path in paths:
        assert Browser().get(path)["Location"].startswith("/accounts/login/?next=/practice/")
    assert Browser().post(start_path(client_profile))["Location"].startswith("/accounts/login/")
    assert not Session.objects.exists()


def test_a_card_says_what_the_student_did_last(student: User, client_profile: ClientProfile) -> None:
    done, left = make_client(None, "Done"), make_client(None, "Left")
    ended(student, done, "abandoned")
    ended(student, done, "completed")
    ended(student, left, "abandoned")
    sessions.start(by=student, client=client_profile)
    page = words(signed_in(student).get("/practice/"))
    assert (
        page.count("In progress since") == page.count("Completed on") == page.count("Left unfinished, closed on") == 1
    )
    # What is in progress comes first, and its button goes on.
    assert page.index("Maria Delgado") < page.index("Done") < page.index("Left")
    assert page.count(">Continue<span") == 1


def test_another_students_conversations_leave_no_trace_on_a_card(
    student: User, other_student: User, client_profile: ClientProfile
) -> None:
    Enrolment.objects.create(section=ClientOpening.objects.get().section, student=other_student)
    ended(student, client_profile, "completed")
    assert "Not started yet" in words(signed_in(other_student).get("/practice/"))


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", {"Gentle Ana", "Hard Bob", "Maria Delgado"}),
        ("?q=ana", {"Gentle Ana"}),
        ("?difficulty=demanding", {"Hard Bob"}),
        ("?domain=health", {"Hard Bob"}),
        ("?language=es", {"Gentle Ana"}),
        ("?language=es&difficulty=demanding", set()),
        ("?difficulty=unknown&language=xx", {"Gentle Ana", "Hard Bob", "Maria Delgado"}),
        ("?page=99", {"Gentle Ana", "Hard Bob", "Maria Delgado"}),
    ],
)
def test_filters_stay_in_the_address_and_useless_ones_are_left_out(
    student: User, client_profile: ClientProfile, query: str, found: set[str]
) -> None:
    make_client(None, "Gentle Ana", difficulty="gentle", language="es")
    make_client(None, "Hard Bob", difficulty="demanding", domain="health")
    page = words(signed_in(student).get(f"/practice/{query}"))
    assert {name for name in ("Gentle Ana", "Hard Bob", "Maria Delgado") if f">{name}</a>" in page} == found
    assert ("Nobody fits this search" in page) == (not found)


def test_only_languages_that_somebody_speaks_are_offered(student: User, client_profile: ClientProfile) -> None:
    page = words(signed_in(student).get("/practice/"))
    assert 'value="en"' in page
    assert 'value="fr"' not in page


def test_htmx_gets_the_cards_alone_and_the_whole_page_from_its_history(
    student: User, client_profile: ClientProfile
) -> None:
    browser = signed_in(student)
    part = browser.get("/practice/?q=maria", headers=HTMX)
    assert "<html" not in words(part)
    assert "1 client fits." in words(part)
    assert "HX-Request" in part["Vary"]
    whole = browser.get("/practice/", headers=HTMX | {"HX-History-Restore-Request": "true"})
    assert "<html" in words(whole)


def test_an_empty_practice_page_says_what_to_do(other_student: User) -> None:
    assert "No clients yet" in words(signed_in(other_student).get("/practice/"))


def test_many_cards_are_pages_with_few_queries(student: User, django_assert_max_num_queries: Any) -> None:
    for number in range(30):
        client = make_client(None, f"Person {number:02}")
        if number < 5:
            ended(student, client, "completed")
    browser = signed_in(student)
    with django_assert_max_num_queries(12):
        page = words(browser.get("/practice/?difficulty=moderate"))
    assert "Person 23" in page
    assert "Person 24" not in page
    assert "?difficulty=moderate&amp;page=2" in page


def test_an_open_conversation_is_offered_although_its_client_takes_no_new_ones(
    student: User, client_profile: ClientProfile
) -> None:
    sessions.accept_notice(by=student)
    session = sessions.start(by=student, client=client_profile)
    assert "Still open" not in words(signed_in(student).get("/practice/"))
    ClientOpening.objects.update(closed_at=timezone.now())
    page = words(signed_in(student).get("/practice/"))
    assert "Still open" in page
    assert f"/sessions/{session.pk}/" in page


# --- The preview ------------------------------------------------------------------------------------------------------


def test_the_preview_tells_what_a_student_should_know_before(student: User, client_profile: ClientProfile) -> None:
    client_profile.content_note = "Talks about debt."
    client_profile.save()
    page = words(signed_in(student).get(f"/practice/{client_profile.pk}/"))
    for text in ("A first talk at the advice centre.", "Talks about debt.", "Moderate", "English", "Social work",
                 "You speak first", "Start the conversation", "You have not talked with Maria Delgado yet",
                 "Every message is saved"):  # fmt: skip
        assert text in page


def test_the_preview_shows_own_conversations_and_continues_the_open_one(student: User, section: Any) -> None:
    client = make_client(None, "Ana", opening_line="Hi.", client_speaks_first=True)
    over = ended(student, client, "completed")
    running = sessions.start(by=student, client=client)
    page = words(signed_in(student).get(f"/practice/{client.pk}/"))
    assert "Ana speaks first." in page
    assert "Continue the conversation" in page
    assert reverse("transcript", args=[over.pk]) in page
    assert f'href="/sessions/{running.pk}/"' in page


def test_a_client_that_is_not_open_to_a_student_is_not_there(
    other_student: User, client_profile: ClientProfile
) -> None:
    browser = signed_in(other_student)
    sessions.accept_notice(by=other_student)
    assert browser.get(f"/practice/{client_profile.pk}/").status_code == 404
    assert browser.post(start_path(client_profile)).status_code == 404


# --- The start and the notice -----------------------------------------------------------------------------------------


def test_a_start_is_one_post_and_leads_into_the_chat(student: User, client_profile: ClientProfile) -> None:
    sessions.accept_notice(by=student)
    browser = signed_in(student)
    answer = browser.post(start_path(client_profile))
    session = Session.objects.get()
    assert answer["Location"] == f"/sessions/{session.pk}/"
    assert browser.post(start_path(client_profile))["Location"] == f"/sessions/{session.pk}/"
    assert browser.get(start_path(client_profile)).status_code == 405


def test_whoever_has_not_accepted_the_notice_lands_in_the_chat_with_one_click_on_it(
    student: User, client_profile: ClientProfile, school: School
) -> None:
    browser = Browser(enforce_csrf_checks=True)
    browser.force_login(student)
    browser.get("/practice/")
    token = browser.cookies["csrftoken"].value
    asked = browser.post(start_path(client_profile), {"csrfmiddlewaretoken": token}, follow=True)
    assert asked.redirect_chain == [(f"/notice/?next={quote(start_path(client_profile), safe='')}", 302)]
    page = words(asked)
    for text in ("An AI speaks", "What is stored", "Who can read it", "What it is not for", "help@school.example"):
        assert text in page
    assert not Session.objects.exists()
    entered = browser.post("/notice/", {"csrfmiddlewaretoken": token, "next": start_path(client_profile)}, follow=True)
    session = Session.objects.get()
    assert [url for url, _status in entered.redirect_chain] == [start_path(client_profile), f"/sessions/{session.pk}/"]
    assert f'data-socket="/ws/sessions/{session.pk}/"' in words(entered)


def test_the_notice_is_for_everyone_who_is_signed_in(teacher: User) -> None:
    assert Browser().get("/notice/")["Location"].startswith("/accounts/login/")
    page = words(signed_in(teacher).get("/notice/"))
    assert "Students and other teachers cannot." in page


def test_an_accepted_notice_says_when_and_leads_on(student: User) -> None:
    browser = signed_in(student)
    assert browser.post("/notice/", {"next": "/practice/"})["Location"] == "/practice/"
    assert NoticeAcceptance.objects.filter(user=student).exists()
    page = words(browser.get("/notice/?next=/practice/"))
    assert "You accepted this on" in page
    assert 'href="/practice/"' in page
    assert "I understand" not in page


@pytest.mark.parametrize(
    "next_url", ["https://evil.example/", "//evil.example/x", "javascript:alert(1)", "", "\\\\evil"]
)
def test_the_notice_leads_nowhere_else(student: User, next_url: str) -> None:
    assert signed_in(student).post("/notice/", {"next": next_url})["Location"] == "/"


def test_the_notice_repeats_no_other_post_than_a_start(student: User, client_profile: ClientProfile) -> None:
    sessions.accept_notice(by=student)
    session = sessions.start(by=student, client=client_profile)
    answer = signed_in(student).post("/notice/", {"next": f"/sessions/{session.pk}/end/"})
    assert answer.status_code == 302
    assert signed_in(student).post("/notice/", {"next": "/no/such/page/"}).status_code == 302


def test_a_start_that_a_rule_refuses_says_so_on_the_practice_page(
    student: User, client_profile: ClientProfile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The opening is closed between the page's look and the verb's."""
    sessions.accept_notice(by=student)
    before = NoticeAcceptance.needed_by

    def close_meanwhile(user: User) -> bool:
        ClientOpening.objects.update(closed_at=timezone.now() - dt.timedelta(seconds=1))
        return before(user)

    monkeypatch.setattr(NoticeAcceptance, "needed_by", close_meanwhile)
    answer = signed_in(student).post(start_path(client_profile), follow=True)
    assert answer.redirect_chain == [("/practice/", 302)]
    assert "You cannot start a conversation with this client now." in words(answer)
