"""Questions whose answer is data, asked of a real server that speaks the Messages protocol."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel

from bench.standin import StandIn, running_standin
from clients.tests.provider import MODEL
from clients.voices import structured
from clients.voices.base import Fault
from clients.voices.structured import Answer, Failure, Question
from monitoring.models import Breaker, Reservation

# The breakers are read in a thread of their own.
pytestmark = pytest.mark.django_db(transaction=True)


class Sums(BaseModel):
    """A small answer."""

    why: str
    sum: int | None


QUESTION = Question("Add up.", "1 and 2", Sums, MODEL, 100)
HELD = Reservation(state="held")
RIGHT = '{"why": "one and two", "sum": 3}'


@pytest.fixture
def api(settings: Any) -> Iterator[StandIn]:
    """A provider that answers rightly, and clocks that tick fast enough for a test."""
    settings.BACKOFF_FIRST_SECONDS, settings.BACKOFF_MAX_SECONDS = 0.01, 0.02
    settings.REPLY_FIRST_TEXT_SECONDS = settings.REPLY_SILENCE_SECONDS = 60.0
    with running_standin(text=RIGHT, ttft=1, delay=1) as standin:
        settings.ANTHROPIC_API_KEY, settings.ANTHROPIC_BASE_URL = "test-key", standin.url
        yield standin


def ask(reservation: Reservation = HELD) -> Answer[Sums]:
    """The answer to the question."""
    return structured.ask_all([QUESTION], [reservation])[0]


def test_an_answer_comes_as_a_value_with_what_it_used(api: StandIn) -> None:
    answer = ask()
    assert answer.value == Sums(why="one and two", sum=3)
    assert (answer.outcome, answer.calls, answer.error, answer.failure) == ("complete", 1, None, None)
    assert answer.usage.input > 0
    assert answer.usage.output > 0
    assert not answer.usage.estimated
    body = api.requests()[-1]["body"]
    shape = body["output_config"]["format"]["schema"]
    assert list(shape["properties"]) == ["why", "sum"]
    assert shape["additionalProperties"] is False
    assert body["thinking"] == {"type": "disabled"}
    assert body["output_config"]["effort"] == "low"


def test_several_are_asked_at_once_and_answered_in_order(api: StandIn) -> None:
    api.modes(delay=30)
    other = Question("Add up.", "2 and 2", Sums, MODEL, 100)
    answers = structured.ask_all([QUESTION, other, QUESTION], [HELD] * 3)
    assert [answer.value for answer in answers] == [Sums(why="one and two", sum=3)] * 3
    assert api.stats()["max_active"] == 3
    assert structured.ask_all([], []) == []


@pytest.mark.parametrize(
    ("modes", "failure"),
    [
        ({"fault": "refusal"}, Failure.REFUSED),
        ({"fault": "max_tokens"}, Failure.TRUNCATED),
        ({"text": "I would say three."}, Failure.INVALID),
        ({"text": json.dumps({"why": "no", "sum": "many"})}, Failure.INVALID),
    ],
)
def test_what_is_no_answer_is_told_apart_and_billed(api: StandIn, modes: dict[str, str], failure: Failure) -> None:
    api.modes(**modes)
    answer = ask()
    assert (answer.value, answer.failure, answer.error, answer.outcome) == (None, failure, None, str(failure))
    assert answer.usage.total_input > 0
    assert answer.calls == 1


@pytest.mark.parametrize(
    ("fault", "kind", "calls"),
    [
        ("401", Fault.AUTHENTICATION, 1),
        ("400", Fault.INVALID_REQUEST, 1),
        ("529", Fault.OVERLOADED, 3),
        ("500", Fault.SERVER, 3),
        ("429-spend", Fault.SPEND_CAP, 1),
    ],
)
def test_a_provider_that_fails_is_asked_so_often_and_its_fault_is_in_the_answer(
    api: StandIn, fault: str, kind: Fault, calls: int
) -> None:
    api.modes(fault=fault)
    answer = ask()
    assert answer.error
    assert (answer.error.fault, answer.calls, answer.outcome) == (kind, calls, "failed")
    assert answer.usage.total_input + answer.usage.output == 0
    assert api.stats()["requests"] == calls


def test_a_moment_of_trouble_is_got_over(api: StandIn) -> None:
    api.next(fault="529")
    answer = ask()
    assert (answer.value is not None, answer.calls) == (True, 2)


def test_an_answer_that_breaks_off_is_billed_by_estimate_and_never_believed(api: StandIn) -> None:
    api.modes(fault="eof", at=3)
    answer = ask()
    assert answer.error
    assert (answer.value, answer.error.fault, answer.usage.estimated) == (None, Fault.CONNECTION, True)
    assert answer.usage.total_input > 0


def test_an_answer_that_does_not_come_in_time_is_given_up(api: StandIn, settings: Any) -> None:
    settings.JOB_DEAD_SECONDS = 0.5
    api.modes(fault="pings", at=2, every=50)
    answer = ask()
    assert answer.error
    assert answer.error.fault is Fault.TIMEOUT
    assert answer.total_ms < 20_000


def test_counts_that_never_came_are_estimated(api: StandIn) -> None:
    api.modes(fault="no-usage")
    answer = ask()
    assert answer.value
    assert answer.usage.estimated
    assert answer.usage.output > 0


def test_a_model_that_is_left_alone_is_not_asked(api: StandIn) -> None:
    api.modes(fault="529")
    for _ask in range(2):
        ask()
    assert Breaker.objects.get().state == Breaker.State.OPEN
    asked = api.stats()["requests"]
    answer = ask()
    assert (answer.calls, answer.outcome, api.stats()["requests"]) == (0, "failed", asked)


def test_an_older_model_is_not_sent_what_it_does_not_know(api: StandIn) -> None:
    arguments = Question("Add up.", "1 and 2", Sums, "claude-haiku-4-5", 100).arguments()
    assert set(arguments["output_config"]) == {"format"}


def test_nothing_is_asked_without_a_held_reservation(api: StandIn) -> None:
    for state in ("settled", "released"):
        with pytest.raises(ValueError, match="reservation"):
            ask(Reservation(state=state))
    assert api.stats()["requests"] == 0
