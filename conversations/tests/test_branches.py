"""Trying again from something one said: a branch of its own, and the conversation it comes from stays as it was."""

import uuid

import pytest
from django.db import transaction
from django.urls import reverse

from accounts.models import Section, User
from clients.models import ClientProfile
from conversations import assignments, branches, exports, rubrics, sessions
from conversations.branches import BranchRuleError, comparison, try_again
from conversations.coaching.gate import Gate, feedback_open
from conversations.live.database import in_database
from conversations.models import Attempt, Message, NoticeAcceptance, Rubric, Session, Turn
from conversations.progress import figures_of
from conversations.reflections import rubric_for
from conversations.rubrics import MarkValue
from conversations.safety import SetAsideError
from conversations.tests.assigned import begin_work, set_work
from conversations.tests.conftest import OpenChat
from conversations.tests.pages import begin, look_back, signed_in, words
from conversations.turns.accept import accept
from conversations.turns.finish import Outcome, finish
from monitoring import audit
from monitoring.pricing import Usage, most_tokens, most_tokens_of_prose

pytestmark = pytest.mark.django_db

SAID = ("Hello, how are you?", "It sounds like the rent weighs on you.", "You only have yourself to blame.")
ANSWERS = ("Tired.", "It does.", "I see.")
FELT = "It sounds like you feel alone with it."
NOT_SAID = "You should just pay it."


@transaction.atomic
def talk_through(student: User, talk: Session, *texts: str) -> None:
    """Say these, each answered; whole at once, since an engine ends the turns of processes that there are not."""
    for text, answer in zip(texts, ANSWERS, strict=False):
        accepted = accept(by=student, session_id=talk.pk, client_key=uuid.uuid4(), text=text, owner=uuid.uuid4())
        assert finish(accepted.turn.pk, accepted.turn.fence, Outcome(Turn.Status.COMPLETE, answer, Usage()))


def ended(student: User, talk: Session, *, looked_back: bool = True) -> Session:
    talk_through(student, talk, *SAID)
    sessions.end(by=student, session=talk)
    talk.refresh_from_db()
    if looked_back:
        look_back(talk)
    return talk


def said(talk: Session, text: str) -> Message:
    return talk.messages.get(content=text)


@pytest.fixture
def free(student: User, client_profile: ClientProfile) -> Session:
    """A free conversation of three exchanges, ended and looked back on."""
    return ended(student, begin(student, client_profile))


def breaches() -> set[str]:
    return {name for name, finding in audit.run(at_rest=True) if finding.breaches}


def test_a_branch_begins_just_before_the_message_and_costs_nothing_again(student: User, free: Session) -> None:
    before = list(free.messages.order_by("sequence").values())
    branch = try_again(by=student, message=said(free, SAID[2]))
    copies = list(branch.messages.order_by("sequence"))
    assert [(row.role, row.content) for row in copies] == [
        ("student", SAID[0]), ("client", ANSWERS[0]), ("student", SAID[1]), ("client", ANSWERS[1])
    ]  # fmt: skip
    assert [row.created_at for row in copies] == [row["created_at"] for row in before[:4]]
    assert {(row.client_key, row.reply_to_id, row.token_count, row.cost_microusd) for row in copies} == {
        (None, None, 0, 0)
    }
    assert (branch.kind, branch.assignment, branch.section, branch.exchanges) == ("practice", None, free.section, 0)
    assert (branch.client_version, branch.status, branch.last_sequence) == (free.client_version, "active", 4)
    assert branch.said_tokens == sum(
        most_tokens(one) + most_tokens_of_prose(two) for one, two in zip(SAID[:2], ANSWERS[:2], strict=True)
    )
    with pytest.raises(SetAsideError):
        accept(by=student, session_id=branch.pk, client_key=uuid.uuid4(), text="I hate myself.", owner=uuid.uuid4())
    assert (branches.lines_copied(branch), branch.messages.count()) == (4, 6)
    # What was said then stays as it is.
    assert list(free.messages.order_by("sequence").values()) == before
    assert not breaches()


def test_from_the_first_message_nothing_is_copied_but_what_the_client_opened_with(
    student: User, client_profile: ClientProfile
) -> None:
    client_profile.client_speaks_first, client_profile.opening_line = True, "Are you the one I should see?"
    client_profile.save()
    talk = ended(student, begin(student, client_profile))
    branch = try_again(by=student, message=said(talk, SAID[0]))
    assert [row.content for row in branch.messages.all()] == ["Are you the one I should see?"]


def test_pressed_again_it_is_the_same_branch_and_never_the_free_conversation(student: User, free: Session) -> None:
    message = said(free, SAID[1])
    branch = try_again(by=student, message=message)
    assert try_again(by=student, message=message) == branch
    assert try_again(by=student, message=said(free, SAID[2])) != branch
    assert free.client
    ordinary = sessions.start(by=student, client=free.client)
    assert ordinary.branch_of is None
    assert sessions.start(by=student, client=free.client) == ordinary
    sessions.end(by=student, session=branch)
    assert try_again(by=student, message=message) != branch


def test_only_ones_own_words_to_a_client_can_be_tried_again(
    student: User, other_student: User, teacher: User, free: Session
) -> None:
    message = said(free, SAID[1])
    aside = said(free, SAID[0])
    Message.objects.filter(pk=aside.pk).update(status=Message.Status.ASIDE)
    for who, what in (
        (other_student, message),
        (teacher, message),
        (student, said(free, ANSWERS[0])),
        (student, aside),
    ):
        with pytest.raises(BranchRuleError, match="Only what you said"):
            try_again(by=who, message=what)
        assert signed_in(who).post(reverse("session-branch", args=[what.pk])).status_code == 404


def test_whoever_has_yet_to_look_back_talks_on_or_may_not_start_is_told_why(
    student: User, client_profile: ClientProfile, section: Section
) -> None:
    talk = begin(student, client_profile)
    talk_through(student, talk, SAID[0])
    message = said(talk, SAID[0])

    def refused(why: str) -> None:
        with pytest.raises(BranchRuleError, match=why):
            try_again(by=student, message=message)

    refused("still going on")
    sessions.end(by=student, session=talk)
    refused("Look back")
    answer = signed_in(student).post(reverse("session-branch", args=[message.pk]), follow=True)
    assert "Look back on the conversation first" in words(answer)
    look_back(talk)
    NoticeAcceptance.objects.all().delete()
    refused("accept the notice")
    assert "/notice/" in signed_in(student).post(reverse("session-branch", args=[message.pk]))["Location"]
    sessions.accept_notice(by=student)
    client_profile.content_note = "About debts."
    client_profile.save()
    refused("has changed")
    client_profile.content_note = ""
    client_profile.openings.all().delete()
    client_profile.save()
    refused("cannot start a conversation with this client")
    page = words(signed_in(student).get(reverse("session-review", args=[talk.pk])))
    assert page.count("You cannot start a conversation with this client now.") == 1
    assert "Try again from here" not in page
    section.enrolments.all().delete()
    refused("left the section")
    assert not Session.objects.exclude(branch_of=None).exists()


def test_graded_work_is_tried_again_only_after_its_end_and_stays_what_it_was(
    teacher: User, student: User, section: Section, client_profile: ClientProfile, rubric: Rubric
) -> None:
    work = set_work(teacher, section, client_profile, rubric=rubric, grading="graded", feedback="live")
    attempt = begin_work(student, work)
    talk_through(student, attempt, *SAID)
    message = said(attempt, SAID[2])
    with pytest.raises(BranchRuleError, match="graded work"):
        try_again(by=student, message=message)
    sessions.end(by=student, session=attempt)
    look_back(attempt)
    # Known from the assignment alone is enough.
    client_profile.openings.all().delete()
    branch = try_again(by=student, message=message)
    assert rubric_for(branch) == rubric_for(attempt)
    talk_through(student, branch, "What would help you most?")
    sessions.end(by=student, session=branch)
    (standing,) = assignments.standings([work], [student])
    assert [one.session_id for one in standing.tasks[0].attempts] == [attempt.pk]
    assert not Attempt.objects.filter(session=branch).exists()
    assert Session.objects.get(pk=attempt.pk).exchanges == 3
    # A second attempt is open: what it would be practised for comes first.
    begin_work(student, work)
    look_back(branch)
    for one in (message, said(branch, "What would help you most?")):
        with pytest.raises(BranchRuleError, match="attempt at it open"):
            try_again(by=student, message=one)


def test_where_a_teacher_releases_feedback_a_branch_waits_for_it(
    teacher: User, student: User, section: Section, client_profile: ClientProfile, rubric: Rubric
) -> None:
    work = set_work(teacher, section, client_profile, rubric=rubric, feedback="release")
    attempt = ended(student, begin_work(student, work))
    with pytest.raises(BranchRuleError, match="released"):
        try_again(by=student, message=said(attempt, SAID[1]))
    rubrics.score(by=teacher, session=attempt, marks=[MarkValue(3), MarkValue(3)])
    rubrics.release(by=teacher, session=attempt, number=1)
    branch = try_again(by=student, message=said(attempt, SAID[1]))
    assert branch.is_open
    # Neither a branch nor a branch of it tells what the teacher has taken back.
    deeper = try_again(by=student, message=said(ended(student, branch), SAID[2]))
    ended(student, deeper)
    rubrics.withdraw(by=teacher, session=attempt)
    for one in (attempt, branch, deeper):
        assert feedback_open(Session.objects.get(pk=one.pk), student) is Gate.RELEASE


def test_a_branch_of_practice_may_begin_while_the_talk_goes_on_if_feedback_comes_with_it(
    teacher: User, student: User, section: Section, client_profile: ClientProfile
) -> None:
    attempt = begin_work(student, set_work(teacher, section, client_profile, feedback="live"))
    talk_through(student, attempt, SAID[0])
    assert "Try again from here" in words(signed_in(student).get(reverse("transcript", args=[attempt.pk])))
    assert try_again(by=student, message=said(attempt, SAID[0])).branch_of == said(attempt, SAID[0])
    assert Session.objects.get(pk=attempt.pk).is_open


def test_every_page_that_shows_a_branch_says_that_it_is_one(student: User, teacher: User, free: Session) -> None:
    page = signed_in(student)
    transcript = words(page.get(reverse("transcript", args=[free.pk])))
    message = said(free, SAID[2])
    assert reverse("session-branch", args=[message.pk]) in transcript
    answer = page.post(reverse("session-branch", args=[message.pk]))
    branch = Session.objects.get(branch_of=message)
    assert answer["Location"] == reverse("session", args=[branch.pk])
    chat = words(page.get(answer["Location"]))
    assert "Practice branch: you try again from a moment of your conversation of" in chat
    assert chat.count("message-copied") == 4
    assert chat.index(ANSWERS[1]) < chat.index("You try again from here.")
    assert "Last time you said" in chat
    assert SAID[2] in chat
    talk_through(student, branch, "What would help you most?")
    assert "Last time you said" not in words(page.get(answer["Location"]))
    watching = signed_in(teacher)
    follows = words(watching.get(answer["Location"]))
    assert "From here on it is tried again." in follows
    assert "practice branch" in words(watching.get(reverse("wall", args=[branch.section_id])))
    tiles = watching.get(reverse("wall-part", args=[branch.section_id])).json()["tiles"]
    assert [tile["branch"] for tile in tiles if tile["id"] == str(branch.pk)] == [True]
    for browser in (page, watching):
        assert words(browser.get(reverse("session-list"))).count("Practice branch") == 1
        assert "tries again" in browser.get(reverse("transcript-text", args=[branch.pk])).content.decode()
        read = words(browser.get(reverse("transcript", args=[branch.pk])))
        assert "tries again from a moment" in read if browser is watching else "you try again from a moment" in read
        assert read.index(ANSWERS[1]) < read.index('class="branch-point"') < read.index("What would help")
    assert "Practice branch" in words(page.get(reverse("practice-client", args=[branch.client_id])))
    (told,) = exports.talks(
        list(exports.exportable(Session.objects.filter(pk=branch.pk))), by=teacher, choice=exports.Choice()
    )
    assert (told.title, told.data["kind"]) == ("Practice branch with Maria Delgado", "branch")


def test_after_a_branch_its_end_is_set_beside_how_it_went_the_first_time(student: User, free: Session) -> None:
    branch = try_again(by=student, message=said(free, SAID[2]))
    talk_through(student, branch, FELT, "What would help you most?")
    sessions.end(by=student, session=branch)
    branch.refresh_from_db()
    found = comparison(branch)
    assert found
    # The first time there was one message from there on, so one of this time stands beside it.
    ways = (said(free, SAID[2]), said(branch, FELT))
    then, now = (Turn.objects.get(message=message).state for message in ways)
    assert found.after == 1
    assert found.trust == then["trust"] - then["change"]
    assert (found.then.said, found.then.trust) == (1, then["trust"])
    assert (found.now.said, found.now.trust) == (2, now["trust"])
    assert found.now.trust > found.then.trust  # type: ignore[operator]
    assert now["trust"] != Turn.objects.filter(session=branch).latest("accepted_at").state["trust"]
    assert found.now.outcome == branch.get_outcome_display()
    page = words(signed_in(student).get(reverse("session-ended", args=[branch.pk])))
    assert "Then and now" in page
    assert "Trust after 1 message" in page
    # A branch tries again what was looked back on, so its feedback opens at once.
    assert "Look back" not in page
    assert feedback_open(branch, student) is Gate.OPEN
    assert f"Trust just before: {found.trust} %." in page
    # Only what was said here counts as said here.
    assert "<dd>13</dd>" in page
    assert comparison(free) is None


def test_copied_words_count_where_they_were_said(student: User, free: Session) -> None:
    branch = try_again(by=student, message=said(free, SAID[2]))
    talk_through(student, branch, "Oh.")
    both = figures_of(Session.objects.filter(pk__in=[free.pk, branch.pk]).order_by())
    assert (both.sessions, both.turns) == (2, 4)
    assert both.student_characters == sum(map(len, SAID)) + len("Oh.")


@pytest.mark.servers
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("audited")
async def test_the_client_goes_on_from_what_was_copied(
    open_chat: OpenChat, student: User, client_profile: ClientProfile
) -> None:
    free = await in_database(lambda: ended(student, begin(student, client_profile)))
    branch = await in_database(lambda: try_again(by=student, message=said(free, SAID[2])))
    chat = await open_chat(student, branch, resume=True)
    shown = [await chat.frame() for _ in range(4)]
    assert [frame["text"] for frame in shown] == [SAID[0], ANSWERS[0], SAID[1], ANSWERS[1]]
    await chat.say(NOT_SAID)
    done = (await chat.until("done"))[-1]
    assert done["sequence"] == 6
    turn = await Turn.objects.aget(session=branch)
    before = await Turn.objects.aget(session=free, message__content=SAID[1])
    assert turn.state["trust"] - turn.state["change"] == before.state["trust"]
