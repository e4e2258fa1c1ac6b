"""Staff find the conversations of their sections: by filters, and by what was said, on every database."""

import datetime as dt
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import Enrolment, Section, SectionTeacher, User
from clients.models import ClientProfile
from clients.services import freeze
from conftest import make_client, make_user
from conversations.models import Message, Session, TranscriptReading, found
from conversations.models.found import first_keys, first_keys_saying
from conversations.search import Term, excerpt, terms_of
from conversations.tests.pages import HTMX, add, begin, signed_in, words
from conversations.views.keyset import NEWEST_FIRST, OLDEST_FIRST

pytestmark = [pytest.mark.django_db, pytest.mark.servers]

LINES = (
    "Hello, the rent is due on Friday.",
    "I don't know. My brother has the money, <b>all</b> of it.",
    "Écrivez à ana@example.com – 100 % sûr, c:\\temp and snake_case.",
)


@pytest.fixture
def talk(student: User, client_profile: ClientProfile) -> Session:
    """A conversation of the section in which three lines were said."""
    session = begin(student, client_profile)
    for line in LINES:
        add(session, "student", line)
    return session


def practised(section: Section, client: ClientProfile, number: int, line: str = "", hours: int = 0) -> list[Session]:
    """So many finished conversations of one more student of the section, a minute apart, each with this line."""
    pupil = make_user(f"pupil-{User.objects.count()}", User.Role.STUDENT)
    Enrolment.objects.create(section=section, student=pupil)
    version = freeze(client)
    start = timezone.now() - dt.timedelta(hours=hours)
    made = Session.objects.bulk_create(
        Session(
            student=pupil, client=client, client_version=version, section=section, voice="scripted", model="scripted",
            status="completed", started_at=start - dt.timedelta(minutes=n), last_activity_at=start, ended_at=start,
            last_sequence=1,
        )
        for n in range(number)
    )  # fmt: skip
    Message.objects.bulk_create(
        Message(session=session, sequence=1, role=Message.Role.STUDENT, content=line or "Hello") for session in made
    )
    return made


def students(page: str) -> list[str]:
    """Whose conversations the page lists, in its order."""
    return re.findall(r'<th scope="row"> <a href="[^"]+">([^<]+)</a>', page)


SAID = (
    ("rent", True),
    ("RENT friday", True),
    ("fri", True),
    ("fri rent", connection.vendor == "sqlite"),  # a word that is not the last is whole; SQLite has no words
    ("rent brother", False),  # one message says it all, or none does
    ('"rent is due"', True),
    ('"due is rent"', False),
    ("don't", True),
    ("ana@example.com", True),
    ("écrivez", connection.vendor == "postgresql"),  # SQLite knows the case of A to Z only
    ("100 % sûr", True),
    ("snake_case", True),
    ("snakexcase", False),
    ('money, "', True),
)


def test_what_was_said_is_found(teacher: User, talk: Session) -> None:
    browser = signed_in(teacher)
    for typed, there in SAID:
        page = words(browser.get("/sessions/", {"q": typed}, headers=HTMX))
        assert (students(page) == ["Student"]) == there, typed


HOSTILE = (
    "'",
    "\\",
    "!",
    ":*",
    "&|!()<->",
    "a' | 'b",
    "\\'",
    "%",
    "_",
    "a\0b",
    "\ud800",
    "'':*",
    '"""',
    "<->",
    "😀",
    "()",
)


def test_no_search_is_an_error(teacher: User, talk: Session) -> None:
    browser = signed_in(teacher)
    for typed in (*HOSTILE, "' OR 1=1 --", "foo:* & !bar <2> \\", "x" * 100):
        assert Session.objects.matching(typed).count() in {0, 1}
        assert first_keys_saying(Session.objects.all(), None, typed, NEWEST_FIRST, 5) in ([], [talk.pk])
        sendable = typed.encode("utf-8", "replace").decode()
        # No page takes a NUL.
        assert browser.get("/sessions/", {"q": sendable}).status_code == (400 if "\0" in typed else 200), typed


def test_a_rare_word_is_found_by_the_index_and_a_frequent_one_among_the_newest(
    section: Section, teacher: User, client_profile: ClientProfile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(found, "WINDOW", 4)
    old = practised(section, client_profile, 3, "The zebra is here", hours=9)
    new = practised(section, client_profile, 5, "A usual day")
    everything = Session.objects.all()
    for sections in (None, [section.pk]):
        say = [first_keys_saying(everything, sections, text, NEWEST_FIRST, 3) for text in ("zebr", "usual", "nowhere")]
        assert say == [[one.pk for one in old], [one.pk for one in new[:3]], []]
    assert first_keys_saying(everything, [], "zebra", NEWEST_FIRST, 3) == []


@pytest.mark.parametrize("many", [0, 40])
def test_the_first_of_several_sections_are_the_first_of_all(
    section: Section, client_profile: ClientProfile, monkeypatch: pytest.MonkeyPatch, many: int
) -> None:
    monkeypatch.setattr(found, "MANY", many)
    other = Section.objects.create(name="Other")
    for _ in range(2):
        practised(section, client_profile, 4)
        practised(other, client_profile, 4)
    sections = [section.pk, other.pk]
    newest = list(Session.objects.order_by(*NEWEST_FIRST).values_list("pk", flat=True))
    assert first_keys(Session.objects.all(), sections, NEWEST_FIRST, 6) == newest[:6]
    assert first_keys(Session.objects.all(), sections, OLDEST_FIRST, 6) == newest[:-7:-1]
    assert first_keys(Session.objects.filter(student__in=[]), sections, NEWEST_FIRST, 6) == []


def test_postgresql_asks_the_index_for_words_in_all_messages_and_reads_few_of_them(talk: Session) -> None:
    by_index = connection.vendor == "postgresql"
    if by_index:
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
    for typed in ("zebra fri", '"rent is due"'):
        everywhere = Message.objects.filter(content__says_by_index=typed).order_by()
        assert ("message_words" in everywhere.explain()) == by_index
        assert "message_words" not in Message.objects.filter(content__says=typed).order_by().explain()
        assert everywhere.count() == Message.objects.filter(content__says=typed).count()


def test_a_line_is_shown_with_the_words_marked_and_never_as_markup(teacher: User, talk: Session) -> None:
    page = words(signed_in(teacher).get("/sessions/", {"q": "brother mon"}))
    assert "My <mark>brother</mark> has the <mark>mon</mark>ey, &lt;b&gt;all&lt;/b&gt; of it." in page
    message = Message.objects.get(sequence=talk.last_sequence - 1)
    assert f'href="/sessions/{talk.pk}/transcript/#message-{message.pk}"' in page


@given(st.text(max_size=600), st.text(max_size=30))
def test_a_line_is_a_part_of_what_was_said(text: str, typed: str) -> None:
    pieces = excerpt(text, terms_of(typed))
    shown = "".join(piece for piece, _sought in pieces)
    assert shown.removeprefix("…").removesuffix("…").strip() in " ".join(text.split())
    assert len(shown) <= 182
    assert all(piece for piece, _sought in pieces)


def test_a_line_is_cut_between_words_around_what_was_found() -> None:
    pieces = excerpt("well " * 40 + "the needle is here " + "and more " * 40, [Term("needle")])
    assert ("needle", True) in pieces
    assert pieces[0] == ("…", False)
    assert pieces[1][0].startswith("well")
    assert pieces[-1] == ("…", False)
    assert "".join(piece for piece, _sought in pieces[:-1]).split()[-1] in {"and", "more"}


def test_a_search_is_a_reading_of_each_conversation_it_shows_and_a_list_is_none(teacher: User, talk: Session) -> None:
    browser = signed_in(teacher)
    browser.get("/sessions/")
    browser.get("/sessions/", {"q": "nowhere"})
    assert not TranscriptReading.objects.exists()
    browser.get("/sessions/", {"q": "rent"})
    reading = TranscriptReading.objects.get()
    assert (reading.reader, reading.session, reading.how) == (teacher, talk, "search")


def test_staff_see_the_practice_of_their_sections_alone(
    teacher: User, other_teacher: User, operator: User, talk: Session, client_profile: ClientProfile
) -> None:
    begin(teacher, client_profile)  # a test is no practice
    for reader in (teacher, operator):
        assert students(words(signed_in(reader).get("/sessions/"))) == ["Student"]
    for query in ({}, {"q": "rent"}, {"student": "student"}):
        assert students(words(signed_in(other_teacher).get("/sessions/", query))) == []
    refused = signed_in(other_teacher).get("/sessions/", {"section": str(talk.section_id)})
    assert students(words(refused)) == []


def test_filters_leave_what_fits(teacher: User, section: Section, talk: Session) -> None:
    practised(section, make_client(None, "Walter Haines"), 1, hours=72)
    browser = signed_in(teacher)
    today, older = ["Student"], [User.objects.exclude(pk=talk.student_id).get(role="student").display_name]
    client = ClientProfile.objects.get(name="Maria Delgado").pk
    yesterday = timezone.localdate() - dt.timedelta(days=1)
    cases: list[tuple[dict[str, Any], list[str]]] = [
        ({"status": "open"}, today), ({"status": "completed"}, older), ({"student": "pupil"}, older),
        ({"student": "student@example"}, today), ({"client": client}, today), ({"since": yesterday}, today),
        ({"until": yesterday}, older), ({"scoring": "none"}, today + older), ({"scoring": "released"}, []),
        ({"scoring": "draft"}, []), ({"section": section.pk, "q": "hell"}, today + older), ({"student": "nobody"}, []),
    ]  # fmt: skip
    for query, expected in cases:
        assert students(words(browser.get("/sessions/", query))) == expected, query


def test_a_filter_that_cannot_be_used_says_why_and_keeps_what_was_typed(
    teacher: User, section: Section, talk: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("conversations.session_forms.MOST_STUDENTS", 1)
    practised(section, make_client(None), 1)
    page = words(signed_in(teacher).get("/sessions/", {"student": "example.com", "q": "rent"}))
    assert "Student: more than 1 names or addresses have “example.com” in them. Write more of it." in page
    assert 'value="example.com"' in page
    assert 'value="rent"' in page


def test_pages_hold_together_forth_and_back(teacher: User, section: Section, client_profile: ClientProfile) -> None:
    other = Section.objects.create(name="Other")
    SectionTeacher.objects.create(section=other, teacher=teacher)
    for each in (section, other, section):
        practised(each, client_profile, 20, "the same words")
    expected = [str(key) for key in Session.objects.order_by(*NEWEST_FIRST).values_list("pk", flat=True)]
    browser = signed_in(teacher)

    def pages(url: str, rel: str) -> Iterator[tuple[list[str], str]]:
        """The keys on each page this way, and the address of the newer page."""
        while url:
            page = words(browser.get(f"/sessions/{url}"))
            links = {way: link.replace("&amp;", "&") for way, link in re.findall(r'rel="(\w+)" href="([^"]*)"', page)}
            keys = re.findall(r'<th scope="row"> <a href="/sessions/([0-9a-f-]{36})/transcript/">', page)
            yield keys, links.get("prev", "")
            url = links.get(rel, "")

    for query in ("?status=completed", "?q=same+words"):
        forth = list(pages(query, "next"))
        assert [len(keys) for keys, _newer in forth] == [25, 25, 10]
        assert [key for keys, _newer in forth for key in keys] == expected
        assert [keys for keys, _newer in pages(forth[-1][1], "prev")] == [forth[1][0], forth[0][0]]


@pytest.mark.parametrize("query", [{}, {"q": "same"}, {"q": "same", "student": "pupil", "scoring": "none"}])
def test_the_list_asks_at_most_twelve_questions_however_many_rows(
    teacher: User, section: Section, client_profile: ClientProfile, query: dict[str, str],
    monkeypatch: pytest.MonkeyPatch, django_assert_max_num_queries: Any,
) -> None:  # fmt: skip
    if "student" not in query:
        monkeypatch.setattr(found, "WINDOW", 2)
    practised(section, client_profile, 3, "the same words")
    browser = signed_in(teacher)
    with django_assert_max_num_queries(12) as few:
        browser.get("/sessions/", query)
    practised(section, client_profile, 30, "the same words")
    with django_assert_max_num_queries(len(few)):
        browser.get("/sessions/", query)


def test_a_list_without_anything_teaches_the_first_step(teacher: User) -> None:
    page = words(signed_in(teacher).get("/sessions/"))
    assert "Publish an assignment, or open a client to a section." in page
