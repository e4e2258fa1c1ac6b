"""What whoever runs the portal learns from trying the voice, with a real server that speaks the Messages protocol."""

import datetime as dt
from collections.abc import Iterator

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from bench.standin import StandIn, running_standin
from clients.tasks import release_forgotten_trials
from clients.trial import advice_for, try_voice
from clients.voices.base import Fault
from monitoring.models import Alert, Budget, LedgerEntry, ModelPrice, Reservation
from monitoring.services import reserve

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
    assert 300 <= trial.total_ms < 30_000


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
    assert "The scripted voice speaks" in out
    assert "This reply cost $0." in out


def test_without_a_key_no_model_can_be_tried() -> None:
    with pytest.raises(CommandError, match="ANTHROPIC_API_KEY is not set"):
        call_command("check_voice", "--model", "claude-haiku-5-5")


@pytest.mark.parametrize("fault", Fault)
def test_every_fault_has_advice(fault: Fault) -> None:
    assert advice_for(fault).endswith(".")


def test_a_try_that_no_budget_covers_is_refused_in_plain_words(api: StandIn, admin_client: Client) -> None:
    Budget.objects.create(scope="site", period="day", limit_microusd=1)
    with pytest.raises(CommandError, match="used up"):
        call_command("check_voice")
    page = admin_client.post(reverse("admin:clients_check_voice"), {"model": "claude-haiku-5-5"})
    assert "used up" in page.text
    assert not api.requests()
    assert Alert.objects.get().kind == "budget"


def test_the_money_of_a_try_whose_process_died_is_given_back(api: StandIn) -> None:
    price = ModelPrice.objects.in_force("claude-haiku-5-5")
    kinds = ("trial", "trial", "turn")
    old, new, turn = (reserve(by=None, kind=kind, scopes=[], price=price, amount_microusd=5) for kind in kinds)
    long_ago = timezone.now() - dt.timedelta(hours=1)
    Reservation.objects.filter(pk__in=[old.pk, turn.pk]).update(created_at=long_ago)
    release_forgotten_trials()
    states = dict(Reservation.objects.values_list("pk", "state"))
    assert states == {old.pk: "released", new.pk: "held", turn.pk: "held"}
