"""What whoever runs the portal learns from trying the voice, with a real server that speaks the Messages protocol."""

from collections.abc import Iterator

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from accounts.models import User
from bench.standin import StandIn, running_standin
from clients.trial import advice_for, try_voice
from clients.voices.base import Fault
from monitoring.models import LedgerEntry, ModelPrice, Reservation

pytestmark = pytest.mark.django_db


@pytest.fixture
def api(settings: Settings) -> Iterator[StandIn]:
    """A provider that answers, with a key and an address in the settings."""
    with running_standin(text="I got a fine, that is all.", ttft=5, delay=1) as standin:
        settings.ANTHROPIC_API_KEY = "test-key"
        settings.ANTHROPIC_BASE_URL = standin.url
        yield standin


def check(capsys: pytest.CaptureFixture[str], *options: str) -> str:
    call_command("check_voice", *options)
    return capsys.readouterr().out


def test_a_working_key_shows_model_speed_price_and_words(api: StandIn, capsys: pytest.CaptureFixture[str]) -> None:
    out = check(capsys)
    assert f"The key works, and claude-haiku-5-5 answers at {api.url}." in out
    assert "First words after" in out
    assert "This reply cost $0.000" in out
    assert "I got a fine, that is all." in out
    assert api.requests()[-1]["body"]["model"] == "claude-haiku-5-5"


def test_another_model_can_be_named(api: StandIn, capsys: pytest.CaptureFixture[str]) -> None:
    assert "claude-sonnet-5-5 answers" in check(capsys, "--model", "claude-sonnet-5-5")
    assert api.requests()[-1]["body"]["model"] == "claude-sonnet-5-5"


def test_every_try_is_settled_once_in_the_ledger(api: StandIn, operator: User) -> None:
    trial = try_voice(by=operator)
    entry = LedgerEntry.objects.get()
    assert (entry.kind, entry.user_id, entry.outcome) == ("trial", operator.pk, "complete")
    assert trial.cost_microusd == entry.cost_microusd > 0
    assert not Reservation.objects.filter(state=Reservation.State.HELD).exists()


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("401", "The key was refused"),
        ("403", "may not use this model"),
        ("404", "does not know this model"),
        ("429", "slow down"),
        ("429-spend", "spending limit"),
        ("500", "failure of its own"),
        ("529", "overloaded"),
    ],
)
def test_a_refusal_is_explained_and_costs_nothing(api: StandIn, fault: str, words: str) -> None:
    api.modes(fault=fault)
    with pytest.raises(CommandError, match=words):
        call_command("check_voice")
    assert not LedgerEntry.objects.exists()
    assert Reservation.objects.get().state == Reservation.State.RELEASED


def test_a_cut_reply_does_not_count_as_working_but_what_it_used_is_settled(api: StandIn) -> None:
    api.modes(fault="eof", at=1)
    trial = try_voice(by=None)
    assert trial.fault is Fault.SERVER
    assert "cut" in trial.detail
    assert LedgerEntry.objects.get().outcome == "interrupted"


def test_a_silent_provider_ends_by_our_own_deadline(api: StandIn, settings: Settings) -> None:
    settings.REPLY_FIRST_TEXT_SECONDS = 0.3
    api.modes(fault="stall", at=0)
    trial = try_voice(by=None)
    assert trial.fault is Fault.TIMEOUT
    assert trial.first_text_ms is None
    assert 300 <= trial.total_ms < 3_000


def test_tokens_are_estimated_where_the_provider_counts_none(api: StandIn) -> None:
    api.modes(fault="no-usage")
    try_voice(by=None)
    assert LedgerEntry.objects.get().estimated


def test_nobody_at_the_address_is_said_plainly(settings: Settings) -> None:
    settings.ANTHROPIC_API_KEY = "test-key"
    settings.ANTHROPIC_BASE_URL = "http://127.0.0.1:9"
    with pytest.raises(CommandError, match="could not be reached"):
        call_command("check_voice")


def test_a_model_without_a_price_is_never_called(api: StandIn) -> None:
    ModelPrice.objects.all().delete()
    with pytest.raises(CommandError, match="Add a price"):
        call_command("check_voice")
    assert api.requests() == []


def test_without_a_key_the_scripted_voice_answers_for_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    out = check(capsys)
    assert "the scripted voice speaks" in out
    assert "This reply cost $0." in out


def test_without_a_key_no_model_can_be_tried() -> None:
    with pytest.raises(CommandError, match="ANTHROPIC_API_KEY is not set"):
        call_command("check_voice", "--model", "claude-haiku-5-5")


@pytest.mark.parametrize("fault", Fault)
def test_every_fault_has_advice(fault: Fault) -> None:
    assert advice_for(fault).endswith(".")
