"""Notes in the margin of a transcript, and what else stands beside it."""

import datetime as dt
import re
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Notification, Section, SectionTeacher, User
from accounts.services import RuleBrokenError
from clients.models import ClientProfile
from conftest import make_user
from conversations.models import MarginNote, Message, Nudge, Session
from conversations.notes import add_note, change_note, delete_note
from conversations.tests.pages import HTMX, add, begin, signed_in, words
from conversations.views import transcripts
from conversations.views.margin import figures

pytestmark = pytest.mark.django_db


@pytest.fixture
def talk(student: User, client_profile: ClientProfile) -> Session:
    """Four words of the student, one of the client."""
    session = begin(student, client_profile)
    add(session, "student", "How are you today?")
    add(session, "client", "Fine.", response_ms=1_500, token_count=3)
    return session


@pytest.fixture
def line(talk: Session) -> Message:
    """What the student said."""
    return talk.messages.get(sequence=1)


def transcript(user: User, talk: Session, query: str = "") -> str:
    """The transcript as this person reads it."""
    return words(signed_in(user).get(f"/sessions/{talk.pk}/transcript/{query}"))


def test_a_note_is_written_changed_and_deleted_without_scripts(teacher: User, talk: Session, line: Message) -> None:
    browser = signed_in(teacher)
    place = f"/sessions/{talk.pk}/transcript/#message-{line.pk}"
    assert f'href="/messages/{line.pk}/notes/new/"' in transcript(teacher, talk)
    assert "How are you today?" in words(browser.get(f"/messages/{line.pk}/notes/new/"))
    assert browser.post(f"/messages/{line.pk}/notes/", {"text": "An <i>open</i> question"})["Location"] == place
    assert "An &lt;i&gt;open&lt;/i&gt; question" in transcript(teacher, talk)
    note = MarginNote.objects.get()
    assert "An &lt;i&gt;open&lt;/i&gt; question" in words(browser.get(f"/notes/{note.pk}/"))
    assert browser.post(f"/notes/{note.pk}/", {"text": "Changed", "shared": "on"})["Location"] == place
    assert "shared with the student" in transcript(teacher, talk)
    question = words(browser.get(f"/notes/{note.pk}/delete/"))
    assert "The student may have read it already." in question
    assert browser.post(f"/notes/{note.pk}/delete/")["Location"] == place
    assert not MarginNote.objects.exists()


def test_with_scripts_the_margin_alone_is_sent(teacher: User, line: Message) -> None:
    browser = signed_in(teacher)
    form = words(browser.get(f"/messages/{line.pk}/notes/new/", headers=HTMX))
    assert form.lstrip().startswith(f'<div class="margin" id="margin-{line.pk}">')
    assert "How are you today?" not in form
    saved = words(browser.post(f"/messages/{line.pk}/notes/", {"text": "Good"}, headers=HTMX))
    assert "<form" not in saved
    assert "Good" in saved
    edit = words(browser.get(f"/notes/{MarginNote.objects.get().pk}/", headers=HTMX))
    assert "Good</textarea>" in edit
    assert "<form" not in words(browser.get(f"/messages/{line.pk}/notes/", headers=HTMX))


def test_what_cannot_be_kept_is_said_and_stays_in_the_form(teacher: User, line: Message) -> None:
    for text, why in (("  ", "Write something first."), ("x" * 2_001, "at most 2000 characters")):
        page = words(signed_in(teacher).post(f"/messages/{line.pk}/notes/", {"text": text}))
        assert why in page
        assert text.strip() in page
    assert not MarginNote.objects.exists()


def test_students_read_shared_notes_alone_and_are_told_once_a_day(student: User, teacher: User, line: Message) -> None:
    private = add_note(by=teacher, message=line, text="Weak opening")
    add_note(by=teacher, message=line, text="Well asked", shared=True)
    add_note(by=teacher, message=line, text="Once more", shared=True)
    page = transcript(student, line.session)
    assert "Well asked" in page
    assert "Weak opening" not in page
    assert "Add a note" not in page
    told = Notification.objects.get()
    assert (told.user, told.kind, told.path) == (student, "commented", f"/sessions/{line.session_id}/transcript/")
    assert told.sentence == "Teacher commented on your conversation with Maria Delgado"
    assert told.about == f"session:{line.session_id}:{timezone.now().date()}"
    Notification.objects.all().delete()
    change_note(by=teacher, note=private, text="A start", shared=True)
    assert Notification.objects.count() == 1
    Notification.objects.all().delete()
    change_note(by=teacher, note=private, text="A good start", shared=True)
    assert not Notification.objects.exists()


def test_colleagues_read_all_notes_and_change_their_own(
    teacher: User, line: Message, other_teacher: User, section: Section
) -> None:
    colleague = make_user("colleague", User.Role.TEACHER)
    SectionTeacher.objects.create(section=section, teacher=colleague)
    note = add_note(by=teacher, message=line, text="For teachers")
    page = transcript(colleague, line.session)
    assert "For teachers" in page
    assert f"/notes/{note.pk}/" not in page
    for outsider in (colleague, other_teacher):
        assert signed_in(outsider).get(f"/notes/{note.pk}/").status_code == 404
        with pytest.raises(RuleBrokenError):
            change_note(by=outsider, note=note, text="x", shared=True)
        with pytest.raises(RuleBrokenError):
            delete_note(by=outsider, note=note)
    with pytest.raises(RuleBrokenError):
        add_note(by=other_teacher, message=line, text="x")
    assert signed_in(other_teacher).get(f"/messages/{line.pk}/notes/new/").status_code == 404


def test_who_no_longer_teaches_the_section_changes_nothing(teacher: User, line: Message) -> None:
    note = add_note(by=teacher, message=line, text="Mine")
    SectionTeacher.objects.all().delete()
    with pytest.raises(RuleBrokenError):
        delete_note(by=teacher, note=note)
    assert signed_in(teacher).post(f"/notes/{note.pk}/delete/").status_code == 404


def test_a_note_that_is_deleted_meanwhile_is_said(teacher: User, line: Message, monkeypatch: Any) -> None:
    note = add_note(by=teacher, message=line, text="Mine")
    monkeypatch.setattr("conversations.views.notes._own", lambda _user, _pk: note)
    note.message.session.student  # noqa: B018  read before the row goes
    MarginNote.objects.all().delete()
    page = words(signed_in(teacher).post(f"/notes/{note.pk}/", {"text": "New words"}))
    assert "This note is not yours, or it was deleted." in page
    assert "New words" in page


def test_nudges_stand_where_they_were_sent(
    student: User, teacher: User, talk: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = timezone.now()
    for number in range(3, 7):
        add(talk, "student", f"line {number}")
    for message in talk.messages.all():
        message.created_at = start + dt.timedelta(minutes=message.sequence)
        message.save()
    for minute in (0.5, 2.5, 4.5, 9):
        sent_at = start + dt.timedelta(minutes=minute)
        Nudge.objects.create(session=talk, sent_by=teacher, text=f"at {minute}", sent_at=sent_at)
    monkeypatch.setattr(transcripts, "PAGE_SIZE", 2)
    read = [re.findall(r">(at [\d.]+|line \d|Fine\.)<", transcript(student, talk, f"?page={n}")) for n in (1, 2, 3)]
    assert read == [["at 0.5", "Fine."], ["at 2.5", "line 3", "line 4"], ["at 4.5", "line 5", "line 6", "at 9"]]


def test_staff_see_what_the_conversation_comes_to(
    student: User, teacher: User, talk: Session, monkeypatch: Any
) -> None:
    add(talk, "client", "An attempt that was replaced", "superseded", response_ms=9_000)
    add(talk, "system", "Time is nearly up.")
    talk.cost_microusd = 2_100
    talk.save()
    for size in (200, 1):  # on one page, and read on its own
        monkeypatch.setattr(transcripts, "PAGE_SIZE", size)
        page = transcript(teacher, talk)
        for text in ("80 %", "1.5 s", "$0.0021", "Words of the student (4 of 5)"):
            assert text in page
    assert "80 %" not in transcript(student, talk)


def test_nothing_said_has_no_shares() -> None:
    none = figures([])
    assert (none.student_share, none.words, none.reply_seconds) == (None, 0, None)


def test_a_transcript_asks_the_same_questions_however_many_notes(
    teacher: User, talk: Session, django_assert_max_num_queries: Any
) -> None:
    browser = signed_in(teacher)
    path = f"/sessions/{talk.pk}/transcript/"
    with django_assert_max_num_queries(12) as few:
        browser.get(path)
    for number in range(30):
        message = add(talk, "student", f"line {number}")
        add_note(by=teacher, message=message, text="Note", shared=True)
        Nudge.objects.create(session=talk, sent_by=teacher, text="Word")
    with django_assert_max_num_queries(len(few)):
        browser.get(path)
