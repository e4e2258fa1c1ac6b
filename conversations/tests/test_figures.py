"""The figures of conversations can be derived from the ledger at any time."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from conversations import figures
from conversations.models import Message, Session
from conversations.tests.test_audit import Talk, found, talk  # noqa: F401  (a fixture)
from monitoring.models import LedgerEntry

pytestmark = [pytest.mark.django_db, pytest.mark.servers]


def kept() -> tuple[Any, ...]:
    """Every figure of every session and message."""
    of_sessions = Session.objects.order_by("pk").values_list("pk", "input_tokens", "output_tokens", "cost_microusd")
    of_messages = Message.objects.order_by("pk").values_list("pk", "input_tokens", "token_count", "cost_microusd")
    return list(of_sessions), list(of_messages)


def forget_the_session() -> None:
    Session.objects.update(input_tokens=1, output_tokens=2, cost_microusd=3)


def forget_the_replies() -> None:
    Message.objects.filter(reply_to__isnull=False).update(input_tokens=1, token_count=2, cost_microusd=3)


def bill_the_student() -> None:
    Message.objects.filter(reply_to=None).update(input_tokens=1, cost_microusd=3)


@pytest.mark.parametrize("damage", [forget_the_session, forget_the_replies, bill_the_student])
@pytest.mark.parametrize("named", [True, False])
def test_a_rebuild_puts_right_what_differs_and_leaves_the_rest(
    talk: Talk,  # noqa: F811
    damage: Callable[[], None],
    named: bool,
) -> None:
    if not named:
        LedgerEntry.objects.update(message_uuid=None)
    right = kept()
    damage()
    assert kept() != right
    assert found()
    call_command("rebuild_figures")
    assert kept() == right
    assert found() == set()


def test_a_rebuild_goes_in_steps_and_changes_nothing_that_is_right(
    talk: Talk,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    django_assert_max_num_queries: Any,
) -> None:
    for number in range(4):
        Session.objects.create(student=talk.student, persona=f"tutor {number}", voice="scripted", model="scripted")
    Session.objects.exclude(persona="").update(cost_microusd=7)
    monkeypatch.setattr(figures, "BATCH", 2)
    assert list(figures.rebuild()) == [2, 2, 1]
    assert found() == set()
    right = kept()
    with django_assert_max_num_queries(3 * 3 + 4):
        assert sum(figures.rebuild()) == 5
    assert kept() == right


def test_a_rebuild_of_the_last_days_leaves_older_conversations_alone(talk: Talk) -> None:  # noqa: F811
    now = timezone.now()
    Session.objects.update(last_activity_at=now - dt.timedelta(days=5), cost_microusd=7)
    call_command("rebuild_figures", "--since", str((now - dt.timedelta(days=2)).date()))
    assert Session.objects.get().cost_microusd == 7
    call_command("rebuild_figures", "--since", str((now - dt.timedelta(days=7)).date()))
    assert Session.objects.get().cost_microusd != 7
