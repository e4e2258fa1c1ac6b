"""Downloads are limited for each person, and the page that refuses says when to try again."""

import pytest

from accounts.models import User
from clients.models import ClientProfile
from conversations.models import Session
from conversations.tests.pages import begin, signed_in, words
from monitoring import limits
from monitoring.models import RateLimit, RateWindow

pytestmark = pytest.mark.django_db


@pytest.fixture
def talk(student: User, client_profile: ClientProfile) -> Session:
    """A conversation of the student, where three downloads a minute are allowed."""
    RateLimit.objects.filter(name=RateLimit.Name.EXPORTS_PER_PERSON).update(count=3, seconds=60)
    limits.forget()
    return begin(student, client_profile)


def path(session: Session, ending: str) -> str:
    """Where the transcript's file is."""
    return f"/sessions/{session.pk}/transcript{ending}"


def test_files_of_every_kind_count_together_and_the_refusal_names_the_wait(student: User, talk: Session) -> None:
    browser = signed_in(student)
    for ending in (".md", ".txt", ".md"):
        assert browser.get(path(talk, ending)).status_code == 200
    answer = browser.get(path(talk, ".txt"))
    assert answer.status_code == 429
    wait = int(answer.headers["Retry-After"])
    assert 55 <= wait <= 61
    assert f"You can download the next one in {wait} seconds." in words(answer)
    assert "Content-Disposition" not in answer.headers


def test_reading_the_page_and_the_downloads_of_others_are_not_refused(
    student: User, teacher: User, talk: Session
) -> None:
    browser = signed_in(student)
    for _ in range(4):
        browser.get(path(talk, ".md"))
    assert browser.get(path(talk, "/")).status_code == 200
    assert signed_in(teacher).get(path(talk, ".md")).status_code == 200


def test_what_a_person_may_not_read_is_not_counted(other_student: User, talk: Session) -> None:
    browser = signed_in(other_student)
    assert {browser.get(path(talk, ".md")).status_code for _ in range(5)} == {404}
    assert not RateWindow.objects.exists()
