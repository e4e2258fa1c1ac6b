"""`manage.py try_personas`: what a model makes of the personas, in figures."""

from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from bench.standin import StandIn, running_standin
from clients.tests.provider import PATIENCE
from monitoring.models import LedgerEntry, ModelPrice, Reservation

pytestmark = pytest.mark.django_db

ASKS = "Which one do you mean?"
ANSWERS = "You asked well. I assume you mean the first interview. What would you lose by it?"


@pytest.fixture
def api(settings: Any, prices: None) -> Iterator[StandIn]:
    """A model that answers."""
    settings.REPLY_FIRST_TEXT_SECONDS = PATIENCE
    with running_standin(text=ANSWERS, ttft=1, delay=0) as api:
        settings.ANTHROPIC_API_KEY, settings.ANTHROPIC_BASE_URL = "test-key", api.url
        yield api


def tried(*names: str, **options: Any) -> str:
    out = StringIO()
    call_command("try_personas", *names, stdout=out, **options)
    return out.getvalue()


def test_the_table_names_the_model_and_says_for_each_criterion_how_often_it_was_met(api: StandIn) -> None:
    table = tried("guiding-challenger")
    assert "Model: claude-haiku-5-5" in table
    assert "Guiding challenger: 5 conversations" in table
    # "words", which this persona keeps to in all five; the Spanish one is asked in English.
    assert "5/5  Words of the median reply, at most 120" in table
    assert "Most clarifying replies one after another, at most 2" in table
    assert "Clarifying replies taken back: 0; shown although they were one too many: 0." in table
    # The stand-in's fifteen replies are billed, and nothing is left held.
    assert LedgerEntry.objects.count() == 15
    assert not Reservation.objects.filter(state="held").exists()
    asked = api.requests()[-1]["body"]
    assert "Guiding challenger" in asked["system"][0]["text"]
    assert [message["role"] for message in asked["messages"]] == ["user", "assistant"] * 2 + ["user"]


def test_all_five_are_tried_with_twenty_five_conversations(api: StandIn) -> None:
    table = tried()
    assert table.count("5 conversations") == 5
    assert "Cost: $" in table


def test_a_tutor_that_only_asks_back_is_told_to_answer_and_then_taken_back(api: StandIn) -> None:
    api.modes(text=ASKS)
    table = tried("expert-scholar", show=True)
    # Four English conversations of three lines: the third reply of each is one too many, asked again and no better.
    assert "Clarifying replies taken back: 4; shown although they were one too many: 4." in table
    assert f"    tutor:   {ASKS}" in table
    told = [
        request["body"]["messages"][-1]["content"][1]["text"]
        for request in api.requests()
        if len(request["body"]["messages"][-1]["content"]) == 2
    ]
    assert len(told) == 8
    assert all("Ask none now" in words for words in told)
    assert sum("was taken back" in words for words in told) == 4


def test_a_second_attempt_that_answers_is_what_is_shown(api: StandIn) -> None:
    for text in (ASKS, ASKS, ASKS, ANSWERS):
        api.next(text=text)
    table = tried("encouraging-coach")
    assert "Clarifying replies taken back: 1; shown although they were one too many: 0." in table


def test_the_script_is_no_measure_of_a_persona() -> None:
    with pytest.raises(CommandError, match="ANTHROPIC_API_KEY is not set"):
        tried()


def test_what_goes_wrong_is_said(api: StandIn) -> None:
    with pytest.raises(CommandError, match="no canonical prompts for nobody"):
        tried("nobody")
    api.modes(fault="401")
    with pytest.raises(CommandError, match="did not answer"):
        tried("expert-scholar")
    ModelPrice.objects.all().delete()
    with pytest.raises(CommandError, match="no price"):
        tried("expert-scholar")
    assert not Reservation.objects.filter(state="held").exists()
