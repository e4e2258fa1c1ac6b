"""The access log: whoever reads what a student said is written down, and the admin shows it to those who may ask."""

import re
from collections.abc import Callable

import pytest
from django.urls import reverse

from accounts.models import User
from clients.models import ClientProfile
from conversations.models import MarginNote, Rubric, Session, TranscriptReading, Turn
from conversations.readings import log_reading
from conversations.rubrics import sync_built_in_rubrics
from conversations.tests.pages import add, begin, free_money, signed_in, words

pytestmark = pytest.mark.django_db

SAID = "My sister wept all night"

How = TranscriptReading.How
# Every route that shows staff what a student said, and how that is called.
ROUTES: list[tuple[str, Callable[[Session], str], How]] = [
    ("transcript", lambda talk: reverse("transcript", args=[talk.pk]), How.TRANSCRIPT),
    ("note", lambda talk: reverse("note-new", args=[talk.messages.get(sequence=1).pk]), How.TRANSCRIPT),
    ("edited note", lambda _: reverse("note-edit", args=[MarginNote.objects.get().pk]), How.TRANSCRIPT),
    ("text", lambda talk: reverse("transcript-text", args=[talk.pk]), How.EXPORT),
    ("markdown", lambda talk: reverse("transcript-markdown", args=[talk.pk]), How.EXPORT),
    ("csv", lambda talk: reverse("transcript-csv", args=[talk.pk]), How.EXPORT),
    ("json", lambda talk: reverse("transcript-json", args=[talk.pk]), How.EXPORT),
    ("search", lambda _: reverse("session-list") + "?q=sister", How.SEARCH),
    ("live", lambda talk: reverse("session", args=[talk.pk]), How.LIVE),
    (
        "scoring",
        lambda talk: f"{reverse('scoring', args=[talk.pk])}?rubric={Rubric.objects.filter(owner=None)[0].pk}",
        How.SCORING,
    ),
]
IN_THE_ADMIN: list[tuple[str, Callable[[Session], str]]] = [
    ("message", lambda talk: reverse("admin:conversations_message_change", args=[talk.messages.get(sequence=1).pk])),
    ("turn", lambda _: reverse("admin:conversations_turn_change", args=[Turn.objects.get().pk])),
]


@pytest.fixture
def talk(student: User, teacher: User, client_profile: ClientProfile) -> Session:
    """A conversation in which the student said one thing, with a note, and a reply that broke off."""
    sync_built_in_rubrics()
    session = begin(student, client_profile)
    line = add(session, "student", SAID)
    MarginNote.objects.create(message=line, author=teacher, text="Listen.")
    Turn.objects.create(
        session=session, message=line, reservation=free_money(student), status="failed", partial_text="I am sorr"
    )
    return session


def test_every_page_that_shows_what_was_said_writes_one_reading_down(teacher: User, talk: Session) -> None:
    browser = signed_in(teacher)
    for name, path, how in ROUTES:
        TranscriptReading.objects.all().delete()
        page = browser.get(path(talk))
        shown = re.sub(r"</?mark>", "", page.content.decode())
        assert SAID in shown, name
        reading = TranscriptReading.objects.get()
        assert (reading.reader, reading.session, reading.how) == (teacher, talk, how), name


def test_reading_in_the_admin_is_written_down(operator: User, talk: Session) -> None:
    browser = signed_in(operator)
    for name, path in IN_THE_ADMIN:
        TranscriptReading.objects.all().delete()
        page = words(browser.get(path(talk)))
        assert SAID in page or "I am sorr" in page, name
        reading = TranscriptReading.objects.get()
        assert (reading.reader, reading.session, reading.how) == (operator, talk, How.ADMIN), name
    TranscriptReading.objects.all().delete()
    for wordless in ("", "message/", "turn/", f"session/{talk.pk}/change/"):
        assert SAID not in words(browser.get(f"/admin/conversations/{wordless}"))
    assert not TranscriptReading.objects.exists()


def test_reading_ones_own_is_nobodys_business(student: User, talk: Session) -> None:
    browser = signed_in(student)
    for ending in ("/", ".txt"):
        assert SAID in browser.get(f"/sessions/{talk.pk}/transcript{ending}").content.decode()
    assert not TranscriptReading.objects.exists()
    assert "that is written down" in words(browser.get(f"/sessions/{talk.pk}/transcript/"))


def test_the_form_of_a_scoring_that_is_refused_shows_the_words_again(teacher: User, talk: Session) -> None:
    path = ROUTES[-1][1](talk)
    page = signed_in(teacher).post(path, {"number": "7", "fingerprint": "x"}).content.decode()
    assert SAID in page
    assert TranscriptReading.objects.get().how == How.SCORING


def test_the_admin_finds_readings_by_who_read_and_whose_it_was(
    operator: User, teacher: User, student: User, talk: Session
) -> None:
    log_reading(by=teacher, session=talk, how=How.TRANSCRIPT)
    browser = signed_in(operator)
    path = "/admin/conversations/transcriptreading/"
    rows = 'class="field-read_at'
    for word in ("teacher@", "Student", "student@example", str(talk.pk), str(teacher.pk), str(student.pk), " "):
        assert rows in words(browser.get(path, {"q": word})), word
    for word in ("nobody", str(operator.pk)):
        assert rows not in words(browser.get(path, {"q": word})), word
    assert rows in words(browser.get(path, {"how__exact": "transcript"}))
    assert rows not in words(browser.get(path, {"how__exact": "live"}))
    session_page = words(browser.get(f"/admin/conversations/session/{talk.pk}/change/"))
    link = f"{path}?session__id__exact={talk.pk}"
    assert link in session_page
    assert rows in words(browser.get(link))
