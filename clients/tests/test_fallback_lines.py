"""What a client says when no model can speak: a person who needs a moment, in two languages, and nothing else."""

import re
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.voices import Fault
from clients.voices.fallback import _lines, fallback_line
from clients.voices.faults import words

# What would give away that a machine speaks, or say something that matters in the story.
MACHINE = re.compile(
    r"\b(AI|IA|model\w*|error\w*|service|servicio|system|sistema|server|servidor|program\w*|overload\w*|later)\b",
    re.IGNORECASE,
)
STORY = re.compile(
    r"\b(yes|no|sí|thank\w*|gracias|agree|feel\w*|siento|pain|dolor|afraid|miedo|money|dinero|doctor|médico|mother|madre)\b",
    re.IGNORECASE,
)


@given(st.sampled_from(["en", "es", "fr", ""]), st.text(max_size=40), st.uuids())
def test_the_same_reply_always_gets_the_same_whole_line(language: str, name: str, seed: uuid.UUID) -> None:
    line = fallback_line(language, name, seed)
    assert line == fallback_line(language, name, uuid.UUID(str(seed)))
    assert line.strip()
    assert "{first}" not in line.replace(name, "") or "{first}" in name


@pytest.mark.parametrize("language", ["en", "es"])
def test_every_line_asks_for_a_moment_and_tells_nothing(language: str) -> None:
    lines = _lines(language)
    assert len(set(lines)) == len(lines) >= 6
    for line in lines:
        assert not MACHINE.search(line)
        assert not STORY.search(line.replace("No ", "")), line
        assert len(line.split()) <= 20


def test_different_replies_get_different_lines_and_the_clients_own_first_name() -> None:
    lines = {fallback_line("en", "Maria Delgado", uuid.UUID(int=seed)) for seed in range(40)}
    assert lines == {line.replace("{first}", "Maria") for line in _lines("en")}
    assert any("Maria" in line for line in lines)


def test_the_languages_say_as_much_and_others_speak_english() -> None:
    assert len(_lines("en")) == len(_lines("es"))
    assert fallback_line("de", "Ana", uuid.UUID(int=0)) == fallback_line("en", "Ana", uuid.UUID(int=0))


@pytest.mark.parametrize("fault", Fault)
def test_every_fault_has_plain_words_for_the_student(fault: Fault) -> None:
    sentence = words(fault, "Maria")
    assert sentence.startswith("Maria ")
    assert "Your message is kept" in sentence
    assert "try" in sentence
    assert not re.search(r"key|token|\d|model|provider|budget|limit", sentence)


def test_only_what_may_pass_by_itself_is_worth_trying_again_at_once() -> None:
    for fault in (Fault.AUTHENTICATION, Fault.PERMISSION, Fault.SPEND_CAP, Fault.INVALID_REQUEST):
        assert "support" in words(fault, "Maria")
    assert "overloaded" in words(Fault.OVERLOADED, "Maria")
