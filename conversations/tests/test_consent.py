"""Nobody is led into a conversation about hard things without having read what it is about."""

import pytest

from accounts.models import Section, User
from clients.models import ClientProfile
from conversations import assignments, consent, sessions
from conversations.models import ContentConsent, Session
from conversations.sessions import ConsentNeededError
from conversations.tests.assigned import set_work
from conversations.tests.pages import begin, signed_in, words

pytestmark = pytest.mark.django_db

NOTE = "Talks about debt."


@pytest.fixture
def noted(client_profile: ClientProfile) -> ClientProfile:
    """The teacher's client with a content note."""
    client_profile.content_note = NOTE
    client_profile.save()
    return client_profile


def test_a_conversation_begins_only_once_the_student_has_agreed(student: User, noted: ClientProfile) -> None:
    sessions.accept_notice(by=student)
    with pytest.raises(ConsentNeededError):
        sessions.start(by=student, client=noted)
    consent.give(by=student, client=noted)
    consent.give(by=student, client=noted)
    assert sessions.start(by=student, client=noted).is_open
    assert ContentConsent.objects.count() == 1


def test_another_note_is_asked_about_anew_but_not_in_a_talk_that_is_open(student: User, noted: ClientProfile) -> None:
    consent.give(by=student, client=noted)
    talk = begin(student, noted)
    noted.content_note = "Talks about debt and a death."
    noted.save()
    assert sessions.start(by=student, client=noted) == talk
    sessions.end(by=student, session=talk)
    with pytest.raises(ConsentNeededError):
        sessions.start(by=student, client=noted)


def test_a_teacher_who_tests_is_not_asked(teacher: User, noted: ClientProfile) -> None:
    assert begin(teacher, noted).kind == "test"


def test_the_tick_on_the_clients_page_is_the_consent(student: User, noted: ClientProfile) -> None:
    sessions.accept_notice(by=student)
    browser = signed_in(student)
    page = words(browser.get(f"/practice/{noted.pk}/"))
    assert "I have read this and want to talk with Maria Delgado" in page
    answer = browser.post(f"/practice/{noted.pk}/start/", {"agree": "yes"})
    assert answer["Location"] == f"/sessions/{Session.objects.get().pk}/"
    assert "I have read this" not in words(browser.get(f"/practice/{noted.pk}/"))


def test_a_start_from_a_card_asks_first_and_then_goes_on_by_itself(student: User, noted: ClientProfile) -> None:
    sessions.accept_notice(by=student)
    browser = signed_in(student)
    start = f"/practice/{noted.pk}/start/"
    asked = browser.post(start, follow=True)
    path = f"/clients/{noted.pk}/content-note/"
    assert asked.redirect_chain[-1][0].startswith(path)
    assert NOTE in words(asked)
    assert "Tick this to begin" in words(browser.post(path, {"next": start}))
    assert not Session.objects.exists()
    entered = browser.post(path, {"next": start, "agree": "yes"}, follow=True)
    assert entered.redirect_chain[0] == (start, 307)
    assert entered.redirect_chain[-1] == (f"/sessions/{Session.objects.get().pk}/", 302)


def test_set_work_asks_too_and_names_who_gives_another_client(
    student: User, teacher: User, section: Section, noted: ClientProfile
) -> None:
    sessions.accept_notice(by=student)
    task = set_work(teacher, section, noted).clients.get()
    with pytest.raises(ConsentNeededError):
        assignments.start_attempt(by=student, task=task)
    browser = signed_in(student)
    asked = words(browser.post(f"/work/tasks/{task.pk}/start/", follow=True))
    assert "ask for another client: Teacher. You need not say why" in asked
    form = {"next": f"/work/tasks/{task.pk}/start/", "agree": "yes"}
    browser.post(f"/clients/{noted.pk}/content-note/", form, follow=True)
    assert Session.objects.get().assignment == task.assignment


def test_a_client_who_is_not_open_to_a_student_has_no_note_for_them(other_student: User, noted: ClientProfile) -> None:
    assert signed_in(other_student).get(f"/clients/{noted.pk}/content-note/").status_code == 404


def test_what_is_no_path_leads_nowhere_else(student: User, noted: ClientProfile) -> None:
    browser = signed_in(student)
    for elsewhere in ("9", "admin:index", "//evil.example/", "https://evil.example"):
        answer = browser.post(f"/clients/{noted.pk}/content-note/", {"next": elsewhere, "agree": "yes"})
        assert (answer.status_code, answer["Location"]) == (302, f"/practice/{noted.pk}/")
