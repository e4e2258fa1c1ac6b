"""How far the coding of skills agrees with a trainer, on messages that the writer of its rules has not seen."""

from collections import Counter

import pytest

from clients.tests.labelled.coding import CODES, figures, messages


def test_the_coding_is_measured_on_enough_messages_of_every_kind() -> None:
    labelled = messages("both")
    counts = Counter(name for message in labelled for name in message["codes"])
    assert len(labelled) >= 300
    assert sum(message["language"] == "es" for message in labelled) >= 100
    assert set(counts) == set(CODES)
    assert min(counts.values()) >= 20


def test_no_message_lies_in_both_halves() -> None:
    dev, held = ({(one["text"], one["heard"]) for one in messages(half)} for half in ("dev", "held"))
    assert len(dev) + len(held) == len(messages("both"))
    assert dev.isdisjoint(held)


@pytest.mark.parametrize("look", ["open_question", "closed_question", "questions", "reflections", "advice"])
def test_on_unseen_messages_the_coding_agrees_with_a_trainer_well_beyond_chance(look: str) -> None:
    one = figures("held")[look]
    assert one.kappa is not None
    assert one.kappa >= 0.6, f"{look}: {one}"
