"""What operators do with conversations in the admin, without reading a word of them; and who does read, is written."""

import re
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.core.exceptions import PermissionDenied
from django.test import Client as Browser
from django.urls import reverse
from django.utils import timezone

from accounts.models import Section, User
from clients.models import ClientProfile
from conversations import flags, sessions
from conversations.models import (
    Assignment,
    EvaluationClaim,
    Flag,
    Message,
    Rubric,
    RubricVersion,
    Scoring,
    Session,
    TranscriptReading,
    Turn,
)
from conversations.tests.conftest import orphan
from conversations.tests.evaluated import drafted, talked
from conversations.tests.pages import add, begin, free_money, signed_in, words
from conversations.turns.finish import Outcome, finish
from conversations.turns.recover import release
from monitoring import pricing
from monitoring.models import LedgerEntry

pytestmark = pytest.mark.django_db

SECRET = "I have not slept since my sister left."


@pytest.fixture
def talk(student: User, client_profile: ClientProfile) -> Session:
    """An open conversation."""
    return begin(student, client_profile)


@pytest.fixture
def running(student: User, talk: Session) -> Turn:
    """A turn that a process owns, with half a sentence of its reply."""
    accepted = orphan(student, talk, uuid.uuid4(), "Half a sen")
    return Turn.objects.get(pk=accepted.turn.pk)


@pytest.fixture
def desk(caretaker: User) -> Browser:
    """The browser of somebody with the role of an operator."""
    return signed_in(caretaker)


def chosen(browser: Browser, model: str, action: str, *rows: Any, **more: str) -> str:
    """The page after an action on these rows."""
    data = {"action": action, "_selected_action": [str(row.pk) for row in rows], **more}
    return words(browser.post(reverse(f"admin:conversations_{model}_changelist"), data, follow=True))


# --- Conversations and turns -----------------------------------------------------------------------------------------


def test_an_operator_ends_conversations_after_being_asked(desk: Browser, talk: Session, running: Turn) -> None:
    assert "Students cannot go on in them" in chosen(desk, "session", "end", talk)
    talk.refresh_from_db()
    assert talk.is_open
    assert "1 conversation is ended." in chosen(desk, "session", "end", talk, confirmed="yes")
    talk.refresh_from_db()
    running.refresh_from_db()
    assert talk.status == "completed"
    assert running.stop_requested_at
    assert LogEntry.objects.get().change_message == "Ended."
    assert "0 conversations are ended." in chosen(desk, "session", "end", talk, confirmed="yes")


def test_a_stuck_turn_is_released_with_what_had_arrived_and_its_money_settled(
    desk: Browser, talk: Session, running: Turn
) -> None:
    asked = chosen(desk, "turn", "release", running)
    assert "Half a sen" not in asked
    assert f"{talk.student} · {talk.client}, " in asked
    assert "1 turn is released." in chosen(desk, "turn", "release", running, confirmed="yes")
    reply = Message.objects.get(pk=running.reply_id)
    assert (reply.status, reply.content) == ("interrupted", "Half a sen")
    running.refresh_from_db()
    assert (running.status, running.error, running.reservation.state) == ("interrupted", "released", "settled")
    entry = LogEntry.objects.get()
    assert entry.change_message == "Released."
    assert str(talk.student) not in entry.object_repr
    assert "0 turns are released." in chosen(desk, "turn", "release", running, confirmed="yes")


def test_whoever_still_works_on_a_released_turn_writes_nothing_more(caretaker: User, running: Turn) -> None:
    assert release(by=caretaker, turn=running)
    late = Outcome(Turn.Status.COMPLETE, "Half a sentence.", pricing.Usage())
    assert finish(running.pk, running.fence, late) is None
    assert Message.objects.get(pk=running.reply_id).content == "Half a sen"
    assert LedgerEntry.objects.count() == 1


def test_a_turn_that_ends_first_stays_as_it_ended(caretaker: User, running: Turn) -> None:
    done = Outcome(Turn.Status.COMPLETE, "Half a sentence.", pricing.Usage())
    assert finish(running.pk, running.fence, done)
    assert not release(by=caretaker, turn=running)
    assert Message.objects.get(pk=running.reply_id).content == "Half a sentence."


def test_who_only_reads_ends_and_releases_nothing(auditor: User, talk: Session, running: Turn) -> None:
    browser = signed_in(auditor)
    chosen(browser, "session", "end", talk, confirmed="yes")
    chosen(browser, "turn", "release", running, confirmed="yes")
    calls: list[Callable[[], object]] = [
        lambda: sessions.end_by_operator(by=auditor, session=talk),
        lambda: release(by=auditor, turn=running),
    ]
    for call in calls:
        with pytest.raises(PermissionDenied):
            call()
    talk.refresh_from_db()
    running.refresh_from_db()
    assert talk.is_open
    assert running.is_running


def test_more_rows_than_one_can_look_over_are_refused(
    desk: Browser, talk: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitoring.admin.confirmation.ROWS_AT_MOST", 0)
    assert "Choose 0 rows at most" in chosen(desk, "session", "end", talk)


# --- Texts -----------------------------------------------------------------------------------------------------------


def texts_of(talk: Session, teacher: User) -> dict[str, Any]:
    """Rows of every kind that holds somebody's words, by model."""
    assert talk.client
    said = add(talk, "client", SECRET)
    asked = add(talk, "student", "Why?")
    turn = Turn.objects.create(
        session=talk, message=asked, reservation=free_money(talk.student), status="failed", partial_text=SECRET
    )
    return {
        "message": said,
        "turn": turn,
        "nudge": talk.nudges.create(sent_by=teacher, text=SECRET),
        "marginnote": said.notes.create(author=teacher, text=SECRET),
        "flag": Flag.objects.create(message=said, raised_by=talk.student, reason="other", comment=SECRET),
        "breach": talk.breaches.create(client=talk.client, reply_id=said.pk, kind="ai", excerpt=SECRET, model="m"),
    }


def test_words_are_shown_to_who_may_read_transcripts_and_that_is_written_down(
    operator: User, teacher: User, talk: Session
) -> None:
    browser = signed_in(operator)
    for number, (model, row) in enumerate(texts_of(talk, teacher).items(), 1):
        assert SECRET not in words(browser.get(reverse(f"admin:conversations_{model}_changelist"))), model
        assert SECRET in words(browser.get(reverse(f"admin:conversations_{model}_change", args=[row.pk]))), model
        readings = TranscriptReading.objects.filter(reader=operator, session=talk, how="admin")
        assert readings.count() == number, model


def test_operators_see_turns_and_conversations_without_a_word_of_them(
    desk: Browser, teacher: User, talk: Session
) -> None:
    for model, row in {"turn": texts_of(talk, teacher)["turn"], "session": talk}.items():
        page = words(desk.get(reverse(f"admin:conversations_{model}_change", args=[row.pk])))
        assert row.get_status_display() in page
        assert SECRET not in page + words(desk.get(reverse(f"admin:conversations_{model}_changelist")))
        assert "Read the transcript" not in page
    assert not TranscriptReading.objects.exists()
    assert desk.get(reverse("admin:conversations_evaluationclaim_changelist")).status_code == 403


def test_a_conversation_leads_only_to_lists_that_open(
    desk: Browser, operator: User, auditor: User, talk: Session
) -> None:
    for browser, lists in (
        (desk, {"turn"}),
        (signed_in(operator), {"message", "turn", "transcriptreading"}),
        (signed_in(auditor), {"message", "turn", "transcriptreading"}),
    ):
        page = browser.get(reverse("admin:conversations_session_change", args=[talk.pk])).content.decode()
        ways = re.findall(r'href="(/admin/conversations/(\w+)/\?session__id__exact=[^"]+)"', page)
        assert {model for _way, model in ways} == lists
        assert {browser.get(way).status_code for way, _model in ways} == {200}


def test_nobody_searches_through_what_was_said_by_the_address_of_a_list(operator: User, auditor: User) -> None:
    asked = [
        (f"conversations_{model._meta.model_name}", text)
        for model, one in admin.site._registry.items()
        for text in getattr(one, "texts", ())
    ]
    assert {("conversations_message", "content"), ("conversations_evaluationclaim", "quote")} <= set(asked)
    asked += [("monitoring_job", "input"), ("monitoring_job", "checkpoint"), ("clients_clienttryout", "talks")]
    for browser in (signed_in(operator), signed_in(auditor)):
        browser.raise_request_exception = False
        for model, field in asked:
            answer = browser.get(reverse(f"admin:{model}_changelist"), {f"{field}__icontains": "sister"})
            assert answer.status_code == 400, (model, field)


def test_the_name_of_a_claim_tells_no_word_of_it(
    student: User, operator: User, client_profile: ClientProfile, rubric: Rubric
) -> None:
    drafted(talked(student, client_profile), RubricVersion.freeze(rubric), operator, 3)
    EvaluationClaim.objects.update(quote="What brings you here?")
    claim, browser = EvaluationClaim.objects.get(), signed_in(operator)
    pages = {
        page: words(browser.get(reverse(f"admin:conversations_evaluationclaim_{page}", args=[claim.pk])))
        for page in ("history", "change")
    }
    assert "What brings" not in pages["history"]
    assert "What brings" in pages["change"]
    assert TranscriptReading.objects.get().reader == operator


# --- Lists -----------------------------------------------------------------------------------------------------------


def test_lists_are_in_the_order_of_their_conversations_and_unusual_rows_by_time(operator: User, talk: Session) -> None:
    browser = signed_in(operator)
    first, second = add(talk, "student", "One"), add(talk, "client", "Two", status="failed")
    third = add(talk, "client", "Three", status="failed")
    Message.objects.filter(pk=third.pk).update(created_at=timezone.now())
    address = reverse("admin:conversations_message_changelist")
    assert shown(browser, address) == [first.pk, second.pk, third.pk]
    assert shown(browser, address, status__exact="failed") == [third.pk, second.pk]
    assert shown(browser, address, role="student") == [first.pk]
    assert shown(browser, address, o="5") == [first.pk, second.pk, third.pk]
    assert shown(browser, address, q="nobody") == []
    assert shown(browser, address, q="  ") == [first.pk, second.pk, third.pk]


def shown(browser: Browser, address: str, **filters: str) -> list[Any]:
    """The keys of the rows of a list."""
    return [row.pk for row in browser.get(address, filters).context["cl"].result_list]


def test_turns_are_found_by_their_error_or_their_student(operator: User, running: Turn, talk: Session) -> None:
    browser, address = signed_in(operator), reverse("admin:conversations_turn_changelist")
    assert shown(browser, address, q="released") == []
    release(by=operator, turn=running)
    assert shown(browser, address, q="released") == [running.pk]
    assert shown(browser, address, q="Student") == [running.pk]
    assert shown(browser, address, status__exact="interrupted") == [running.pk]


def test_pages_show_what_belongs_to_a_row_and_nobody_changes_it_there(
    operator: User, student: User, section: Section, client_profile: ClientProfile, rubric: Rubric
) -> None:
    browser = signed_in(operator)
    work = Assignment.objects.create(section=section, created_by=operator, title="First talk")
    work.clients.create(client=client_profile, rubric=rubric, position=1)
    work.exceptions.create(student=student, extra_attempts=2, granted_by=operator)
    scoring = Scoring.objects.create(session=begin(student, client_profile))
    version = RubricVersion.freeze(rubric)
    state = scoring.revisions.create(number=1, version=version, comment=SECRET, saved_by=operator)
    state.marks.create(position=0, level=3, comment="Well asked.")
    pages = {
        ("assignment", work.pk): ["Maria Delgado", str(student)],
        ("scoringrevision", state.pk): [SECRET, "Well asked."],
        ("rubric", rubric.pk): [rubric.criteria.all()[0].name],
    }
    for (model, pk), said in pages.items():
        address = reverse(f"admin:conversations_{model}_change", args=[pk])
        page = words(browser.get(address))
        assert [word for word in said if word not in page] == []
        assert browser.post(address, {}).status_code == 403


def test_a_flag_that_somebody_else_dealt_with_meanwhile_is_said(
    operator: User, teacher: User, talk: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    flag = texts_of(talk, teacher)["flag"]
    settle = flags.settle

    def too_late(*, by: User, flag: Flag) -> Flag:
        settle(by=teacher, flag=flag)
        return settle(by=by, flag=flag)

    monkeypatch.setattr(flags, "settle", too_late)
    page = chosen(signed_in(operator), "flag", "settle", flag)
    assert "Teacher has dealt with this flag already." in page
    assert "0 flags are marked as dealt with." in page


def test_rubrics_are_archived_and_brought_back(operator: User, teacher: User) -> None:
    browser, rubric = signed_in(operator), Rubric.objects.create(owner=teacher, name="Listening")
    assert "1 rubric is archived." in chosen(browser, "rubric", "archive", rubric)
    rubric.refresh_from_db()
    assert rubric.archived_at
    assert "1 rubric can be used again." in chosen(browser, "rubric", "restore", rubric)
    assert [entry.change_message for entry in LogEntry.objects.order_by("pk")] == ["Archived.", "Restored."]


def test_flags_lead_to_the_reply_who_may_deal_with_them(
    operator: User, auditor: User, teacher: User, talk: Session
) -> None:
    flag = texts_of(talk, teacher)["flag"]
    pages = reverse("admin:conversations_flag_changelist"), reverse("admin:conversations_flag_change", args=[flag.pk])
    for looker, led in ((operator, True), (auditor, False)):
        for address in pages:
            assert (reverse("flag", args=[flag.pk]) in signed_in(looker).get(address).content.decode()) is led
