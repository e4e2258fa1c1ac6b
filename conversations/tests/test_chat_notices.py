"""What a student reads of limits, budgets and faults, as the pages have it before anything moves."""

import re
from typing import Any

import pytest

from accounts.models import User
from clients.models import ClientProfile
from conversations import sessions
from conversations.models import Session
from conversations.tests.pages import add, begin, signed_in, words
from conversations.turns.accept import most_that_a_reply_costs
from monitoring import breakers, providers
from monitoring.models import Budget

pytestmark = pytest.mark.django_db

CANNOT_ANSWER = "Clients cannot answer just now."
USED_UP = "used up"


@pytest.fixture
def claude(settings: Any, prices: None) -> Any:
    """The settings of a portal with a model behind it."""
    settings.ANTHROPIC_API_KEY = "test-key"
    settings.FALLBACK_MODELS = []
    return settings


@pytest.fixture
def talk(claude: Any, student: User, client_profile: ClientProfile) -> Session:
    """A practice session that a model speaks in."""
    return begin(student, client_profile)


def chat_page(talk: Session) -> str:
    return words(signed_in(talk.student).get(f"/sessions/{talk.pk}/"))


def line(page: str, name: str) -> str:
    """The text of a line above the box; "" when it is hidden."""
    found = re.search(rf'id="{name}"( hidden)?>.*?id="{name}-text">(.*?)</span>', page)
    assert found
    return "" if found[1] else found[2]


def leave_alone(model: str) -> None:
    """What so many faults in a row do."""
    for _ in range(5):
        breakers.failed(provider=providers.configured().provider, model=model, fault="overloaded")


def test_nothing_is_said_while_all_is_well(talk: Session) -> None:
    page = chat_page(talk)
    assert line(page, "allowance") == line(page, "service") == ""
    assert 'data-exhausted=""' in page
    assert 'id="allowance-again" hidden' in page


def test_a_used_up_budget_is_told_before_anybody_types(talk: Session) -> None:
    Budget.objects.create(scope="user", period="day", limit_microusd=0)
    page = chat_page(talk)
    assert USED_UP in line(page, "allowance")
    assert 'data-exhausted="yes"' in page
    assert 'id="allowance-again">' in page


def test_a_budget_that_is_nearly_used_up_is_told_and_stops_nobody(talk: Session) -> None:
    Budget.objects.create(scope="user", period="day", limit_microusd=most_that_a_reply_costs(talk) + 1)
    page = chat_page(talk)
    assert "nearly used up" in line(page, "allowance")
    assert 'data-exhausted=""' in page


def test_a_scripted_client_costs_nothing_and_no_budget_is_spoken_of(
    student: User, client_profile: ClientProfile
) -> None:
    Budget.objects.create(scope="user", period="day", limit_microusd=0)
    assert line(chat_page(begin(student, client_profile)), "allowance") == ""


def test_a_model_that_does_not_answer_is_told_in_the_chat_and_before_it(talk: Session) -> None:
    leave_alone(talk.model)
    assert CANNOT_ANSWER in line(chat_page(talk), "service")
    assert CANNOT_ANSWER in words(signed_in(talk.student).get("/practice/"))


def test_where_another_model_stands_in_replies_are_only_slower(talk: Session, claude: Any) -> None:
    claude.FALLBACK_MODELS = ["claude-sonnet-5-5"]
    leave_alone(talk.model)
    assert "Replies may take longer than usual" in line(chat_page(talk), "service")


def test_a_used_up_budget_is_reason_enough(talk: Session) -> None:
    leave_alone(talk.model)
    Budget.objects.create(scope="user", period="day", limit_microusd=0)
    page = chat_page(talk)
    assert USED_UP in line(page, "allowance")
    assert line(page, "service") == ""


@pytest.mark.parametrize("with_key", [True, False])
def test_a_scripted_conversation_needs_no_model(
    settings: Any, student: User, client_profile: ClientProfile, with_key: bool
) -> None:
    talk = begin(student, client_profile)
    settings.ANTHROPIC_API_KEY = "test-key" if with_key else ""
    leave_alone(settings.MODEL_DEFAULT)
    assert line(chat_page(talk), "service") == ""
    assert (CANNOT_ANSWER in words(signed_in(student).get("/practice/"))) == with_key


def test_a_line_that_stood_in_for_a_reply_says_why_and_can_be_tried_again(talk: Session) -> None:
    add(talk, "student", "Hello")
    add(talk, "client", "Can you give me a second?", "failed", fault="overloaded")
    page = chat_page(talk)
    assert "Can you give me a second?" in page
    assert "Maria Delgado cannot answer just now: the service that speaks for them is overloaded." in page
    assert 'data-status="failed"' in page


def test_afterwards_a_line_that_stood_in_is_not_taken_for_a_reply(talk: Session) -> None:
    add(talk, "student", "Hello")
    add(talk, "client", "Can you give me a second?", "failed", fault="overloaded")
    add(talk, "client", "", "failed")
    sessions.end(by=talk.student, session=talk)
    browser = signed_in(talk.student)
    page = words(browser.get(f"/sessions/{talk.pk}/transcript/"))
    assert "This line stood in for the reply." in page
    assert "try again in a minute" not in page
    assert "Maria Delgado could not answer this time. Your message is kept." in page
    for ending in ("md", "txt"):
        file = browser.get(f"/sessions/{talk.pk}/transcript.{ending}").getvalue().decode()
        assert file.count("not a reply: Maria Delgado could not answer, and this line stood in") == 1
        assert "(failed)" in file
