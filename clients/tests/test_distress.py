"""Distress is read by whom the words are about, in either language, and never by chance."""

import tomllib
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.distress import DANGER, DISTRESS, NONE, STRAIN, tier
from clients.tests.labelled import read
from clients.wordbook import FOLDER, LANGUAGES
from clients.words import plain


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I want to kill myself.", DANGER),
        ("Are you thinking of killing yourself?", NONE),
        ("I want to understand why you want to die.", NONE),
        ("You said, I want to die. What did you mean by that?", NONE),
        ("Your wife says “I'm going to kill myself if you leave”.", NONE),
        ("I am not going to kill myself.", NONE),
        ("You say that you want to die, and so do I.", DANGER),
        ("If I were you, I'd feel hopeless, too.", NONE),
        ("I'm dying to know what happened next.", NONE),
        ("This form is killing me.", NONE),
        ("I'm nervous, it's my first time.", NONE),
        ("You feel hopeless.", NONE),
        ("I feel hopeless.", DISTRESS),
        ("Feeling hopeless is common.", NONE),
        ("My mother died some years ago, so I know a little of how that is.", NONE),
        ("My mother just died, I can't do this.", DISTRESS),
        ("I can't stop crying.", STRAIN),
        ("I'm crying, haha, that puppy!", NONE),
        ("Quiero morirme.", DANGER),
        ("¿Quieres morirte?", NONE),
        ("Dices que no puedes más.", NONE),
        ("No puedo más.", DISTRESS),
        ("Me muero de ganas de saberlo.", NONE),
        ("Me tiemblan las manos, necesito parar.", STRAIN),
        ("I need help, please.", STRAIN),
        ("Can I talk to a real person, please?", STRAIN),
        ("I want to talk to my teacher.", STRAIN),
        ("This is hitting too close to home.", STRAIN),
        ("How can I help?", NONE),
        ("I need help understanding what you mean.", NONE),
        ("Help me, please, to understand what happened.", NONE),
        ("Ayúdame, por favor.", STRAIN),
        ("¿Puedo hablar con una persona de verdad?", STRAIN),
        ("Quiero hablar con mi profesora.", STRAIN),
        ("Necesito ayuda para entenderlo.", NONE),
        ("Hola, ¿cómo está? I want to die.", DANGER),
        ("", NONE),
        ("?!…", NONE),
    ],
)
def test_the_direction_decides(text: str, expected: int) -> None:
    assert tier(text) == expected


@given(st.text())
def test_any_text_has_one_tier(text: str) -> None:
    found = tier(text)
    assert found in {NONE, STRAIN, DISTRESS, DANGER}
    assert tier(text) == found


@given(st.sampled_from([one["text"] for one in read("safety_disclosures_dev")]), st.sampled_from(["upper", "title"]))
def test_capitals_and_curly_apostrophes_change_nothing(text: str, way: str) -> None:
    assert tier(getattr(text, way)().replace("'", "’")) == tier(text)


@given(st.sampled_from([one["text"] for one in read("safety_disclosures_dev")]))
def test_small_talk_before_and_after_hides_nothing(text: str) -> None:
    assert tier(f"Good morning. {text} How old are you?") >= tier(text)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_phrase_waits_for_a_word_that_is_spelled_out_before(language: str) -> None:
    data = tomllib.loads((FOLDER / f"distress_{language}.toml").read_text(encoding="utf-8"))
    spelled = {plain(word): plain(full) for word, full in data["spelled"].items()}
    tables = [data[name] for name in ("own", "bare", "topic", "phrases")]
    phrases = {phrase for table in tables for phrases in table.values() for phrase in phrases}
    dead = {p for p in phrases for word in plain(p).strip("^$").split() if spelled.get(word, word) != word}
    # What is asked as it was written keeps its fillers.
    assert dead <= set(data["phrases"]["fresh"])


def test_a_message_takes_a_fraction_of_a_millisecond() -> None:
    texts = [one["text"] for name in ("disclosures", "questions") for one in read(f"safety_{name}_dev")]
    for text in texts:
        tier(text)
    started = process_time()
    for text in texts:
        tier(text)
    # Ten times what it takes where it was written, for a busy machine.
    assert (process_time() - started) / len(texts) < 0.002
