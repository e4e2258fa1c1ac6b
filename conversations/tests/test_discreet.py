"""When a turn breaks by a fault of ours, operators read where, and nobody reads there what was said."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from conversations.live import runner
from conversations.models import Session, Turn
from conversations.tests.conftest import ended
from monitoring import logs
from monitoring.models import ErrorEntry

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("audited")]

SAID = "canarymessage7261"


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What the log writes, as JSON."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.addFilter(logs.Discreet())
    handler.setFormatter(logs.JsonLine())
    logger = logging.getLogger("rapport")
    # Only ours: another handler would keep its form of the traceback in the record.
    logger.addHandler(handler)
    logger.propagate = False
    yield stream
    logger.propagate = True
    logger.removeHandler(handler)


async def test_a_turn_that_breaks_is_told_with_its_ids_and_place_and_no_word_of_it(
    chat: Any, claude_talk: Session, monkeypatch: pytest.MonkeyPatch, written: io.StringIO
) -> None:
    def breaks(claimed: Any) -> None:
        said = claimed.request.history[-1].text
        raise ValueError(f"cannot read {said}")

    monkeypatch.setattr(runner, "guard_of", breaks)
    assert (await ended(chat, f"Tell me about {SAID}."))["status"] == "failed"
    entry = await ErrorEntry.objects.aget()
    assert entry.detail.startswith("ValueError (")
    assert "in breaks" in entry.detail
    turn = await Turn.objects.aget()
    rows = [json.loads(line) for line in written.getvalue().splitlines()]
    row = next(row for row in rows if "exception" in row)
    assert (row["turn_id"], row["session_id"]) == (str(turn.pk), str(claude_talk.pk))
    assert row["user_id"] == str(claude_talk.student_id)
    assert len(row["request_id"]) == 32
    assert "in breaks" in row["exception"]
    assert SAID not in written.getvalue()
    assert SAID not in entry.detail
