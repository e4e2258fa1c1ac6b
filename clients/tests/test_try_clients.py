"""`manage.py try_clients`: the table of how real the built-in clients sound, with and without a model."""

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from bench.standin import running_standin
from monitoring.models import LedgerEntry
from monitoring.pricing import usd

CLIENT = "grace-lim"


def tried(*names: str, **options: Any) -> str:
    out = StringIO()
    call_command("try_clients", *names, stdout=out, **options)
    return out.getvalue()


def test_the_table_stands_beside_real_clients_and_shows_the_talks_that_it_is_about() -> None:
    said = tried(CLIENT, show=True)
    rows = [line.split() for line in said.splitlines() if line.startswith((CLIENT, "all "))]
    assert rows[0][1:] == rows[1][1:], "of one client, all is the same"
    assert rows[0][2:4] == ["100.0%", "0"]
    assert "real clients" in said
    assert said.count("    student: ") == int(rows[0][1])


@pytest.mark.django_db
@pytest.mark.usefixtures("prices")
def test_with_a_model_the_cost_printed_is_that_of_the_ledger(settings: Any) -> None:
    with running_standin(text="I do not know. It is late.", ttft=1, delay=0) as api:
        settings.ANTHROPIC_API_KEY, settings.ANTHROPIC_BASE_URL = "test-key", api.url
        said = tried(CLIENT, model=settings.MODEL_DEFAULT)
    cost = sum(LedgerEntry.objects.values_list("cost_microusd", flat=True))
    assert cost > 0
    assert f"Cost: {usd(cost)}" in said


@pytest.mark.django_db
def test_what_cannot_be_tried_is_said(settings: Any) -> None:
    with pytest.raises(CommandError, match=r"No such client: nobody\. There are .*grace-lim"):
        tried("nobody")
    settings.ANTHROPIC_API_KEY = ""
    with pytest.raises(CommandError, match="ANTHROPIC_API_KEY is not set"):
        tried(CLIENT, model="claude-haiku-4-5")
    settings.ANTHROPIC_API_KEY = "test-key"
    with pytest.raises(CommandError, match="unheard-of"):
        tried(CLIENT, model="unheard-of")
