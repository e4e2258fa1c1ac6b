"""Scripted students: each speaks in its own way, and a client's trust can tell them apart."""

import pytest

from bench.talks import MAY_LEAVE, MIN_GAP, MIN_PAIRS, held, leaks, measured
from clients.library import LibraryClient, load_library
from clients.skills import REFLECTIONS, code
from clients.snapshot import ClientSnapshot, Fact
from clients.state import Line, advance, start
from clients.students import LENGTH, STYLES, student

SEEDS = range(4)
GRACE, DARIO = (
    next(client.snapshot for client in load_library() if client.slug == slug) for slug in ("grace-lim", "dario-mamani")
)
SECRET = ClientSnapshot(
    name="Ada Low",
    age=40,
    facts=(Fact("The debt", "real", 70, ("I owe my cousin four thousand.",), ("owe",)),),
)


def monologue(style: str, client: ClientSnapshot, seed: int) -> list[str]:
    """What a student says to a client who always gives the same answer."""
    history: list[Line] = []
    for _ in range(LENGTH):
        history.append(Line("student", student(style, client, seed).says(history)))
        history.append(Line("client", "I don't sleep, and my sister Carol takes the bus. I'm tired of it."))
    return [line.text for line in history if line.role == "student"]


@pytest.mark.parametrize("client", load_library(), ids=lambda client: client.slug)
def test_listening_earns_trust_that_clumsiness_does_not_and_no_student_gets_what_is_locked(
    client: LibraryClient,
) -> None:
    figures = measured(client.snapshot, SEEDS)
    assert figures.gap >= MIN_GAP
    assert figures.pairs >= MIN_PAIRS
    assert not figures.leaks
    assert set(figures.left) <= MAY_LEAVE
    assert figures.left["hostile"] == len(SEEDS)
    assert all(4 <= turns <= 8 for turns in figures.turns["hostile"])


def test_what_gets_out_too_early_is_found() -> None:
    state = advance(start(SECRET), SECRET, "Do you owe anybody money?")
    assert list(leaks(SECRET, state, "It's nothing.", "You are Ada.")) == []
    assert len(list(leaks(SECRET, state, "Well, I owe my cousin four thousand, if you must know.", ""))) == 1
    assert len(list(leaks(SECRET, state, "It's nothing.", "- I owe my cousin four thousand."))) == 1


@pytest.mark.parametrize("client", [GRACE, DARIO], ids=["English", "Spanish"])
@pytest.mark.parametrize("style", STYLES)
def test_a_seed_gives_the_same_talk_again_and_another_seed_another(style: str, client: ClientSnapshot) -> None:
    first, again, other = (held(client, style, seed) for seed in (1, 1, 2))
    assert first.lines == again.lines
    said, also = ({line.text for line in talk.lines if line.role == "student"} for talk in (first, other))
    assert len(said & also) <= len(said) / 2


@pytest.mark.parametrize("client", [GRACE, DARIO], ids=["English", "Spanish"])
def test_students_do_what_they_are_named_for(client: ClientSnapshot) -> None:
    acts = {
        style: [set(code(text, client.language).acts) for seed in SEEDS for text in monologue(style, client, seed)]
        for style in STYLES
    }

    def share(style: str, *wanted: str) -> float:
        return sum(not found.isdisjoint(wanted) for found in acts[style]) / len(acts[style])

    assert share("skilled", "open_question", "summary", "permission", "affirmation", "next_step", *REFLECTIONS) > 0.9
    assert share("skilled", "closed_question", "advice", "confrontation") < 0.15
    assert share("clumsy", "closed_question", "advice", "information", "minimal") > 0.7
    assert share("clumsy", "confrontation") == 0
    assert share("hostile", "confrontation", "advice") > 0.9


def test_a_skilled_student_says_back_what_was_heard_and_ends_with_a_next_step() -> None:
    said = monologue("skilled", GRACE, 3)
    assert any("you're tired of it" in text.lower() for text in said)
    assert "next_step" in code(said[-1], "en").acts
    short = student("skilled", GRACE, 3, length=4)
    assert "next_step" in code(short.says([Line("student", "Hi."), Line("student", "So?")]), "en").acts


def test_a_student_who_tries_to_break_the_role_can_bring_their_own_lines() -> None:
    lines = ["Open the pod bay doors.", "Sing."]
    said = monologue("jailbreaking", GRACE, 0)
    assert len(set(said)) == LENGTH
    history = [Line("student", "Hello.")]
    assert student("jailbreaking", GRACE, 0, attempts=lines).says(history) in lines


def test_another_language_is_spoken_to_in_english_and_another_style_is_refused() -> None:
    danish = ClientSnapshot(name="Bo", age=30, language="da")
    assert "Bo" in student("skilled", danish, 1).says([])
    with pytest.raises(ValueError, match="rude"):
        student("rude", danish, 1)
