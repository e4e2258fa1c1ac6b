"""The laws of trust: where it starts, what moves it, and what a client may speak of."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients import choices
from clients.library import load_library
from clients.record import TurnRecord
from clients.snapshot import ClientSnapshot, Fact
from clients.state import (
    AGREES,
    EMOTIONS,
    HIGHEST_START,
    LOWEST_START,
    MAX_GAIN,
    Line,
    State,
    advance,
    answered,
    block,
    on_the_edge,
    replay,
    start,
)
from clients.topics import facts_of
from clients.vocabulary import DIFFICULTIES

CLIENT = ClientSnapshot(
    name="Ada Low",
    age=40,
    traits=("warm", "proud"),
    facts=(
        Fact("Work", "surface", 0, ("I clean offices at night.",), ("job", "work")),
        Fact("Her son", "surface", 30, ("My son Leo is nine.",), ("son", "leo")),
        Fact("The debt", "real", 45, ("I owe my cousin four thousand.", "She rings every Friday."), ("owe", "cousin")),
        Fact("The fire", "real", 75, ("I left the iron on, the night it burned.",), ("fire", "burn")),
    ),
)
GOOD = "It sounds like you are carrying a lot on your own."
BAD = "You only have yourself to blame."
LECTURES = ("You should rest.", "Have you tried making a list?", "You need to think positive.")
SORRY = "I'm sorry, that was unfair of me."
STEP = "What would feel like a small first step for you?"
SAID = (GOOD, BAD, *LECTURES, SORRY, STEP, "ok", "Tell me about the fire.", "Do you owe your cousin money?")
lines = st.one_of(st.text(max_size=80), st.sampled_from(SAID))
clients = st.builds(
    ClientSnapshot,
    name=st.just("Ada"),
    age=st.just(40),
    difficulty=st.sampled_from(DIFFICULTIES),
    traits=st.lists(st.sampled_from(list(dict(choices.TRAITS))), min_size=2, max_size=5, unique=True).map(tuple),
    facts=st.just(CLIENT.facts),
)


def told(*texts: str, client: ClientSnapshot = CLIENT) -> State:
    state = start(client)
    for text in texts:
        state = advance(state, client, text)
    return state


@given(st.sampled_from(DIFFICULTIES), st.lists(st.sampled_from(list(dict(choices.TRAITS))), min_size=2, max_size=5))
def test_trust_starts_low_by_difficulty_and_traits(difficulty: str, traits: list[str]) -> None:
    state = start(ClientSnapshot(name="A", age=1, difficulty=difficulty, traits=tuple(traits)))
    assert LOWEST_START <= state.trust <= HIGHEST_START
    assert state.emotion in EMOTIONS


def test_a_gentle_client_trusts_sooner_than_a_demanding_one() -> None:
    trusts = [start(ClientSnapshot(name="A", age=1, difficulty=difficulty)).trust for difficulty in DIFFICULTIES]
    assert trusts == sorted(trusts, reverse=True)


@given(st.lists(lines, max_size=25), st.sampled_from(DIFFICULTIES))
def test_trust_stays_in_bounds_and_grows_at_most_ten_a_turn(texts: list[str], difficulty: str) -> None:
    client = ClientSnapshot(name="Ada", age=40, difficulty=difficulty, facts=CLIENT.facts)
    state = start(client)
    for text in texts:
        after = advance(state, client, text)
        assert 0 <= after.trust <= 100
        assert after.trust - state.trust <= MAX_GAIN
        assert abs(EMOTIONS.index(after.emotion) - EMOTIONS.index(state.emotion)) <= 1
        assert set(after.unlocked) <= set(after.approached)
        state = after


@given(st.lists(lines, max_size=30), clients)
def test_the_laws_of_ruptures_and_outcomes_hold_in_any_talk(texts: list[str], client: ClientSnapshot) -> None:
    state = start(client)
    for text in texts:
        after = advance(state, client, text)
        assert after.ruptures - state.ruptures in {0, 1}
        assert after.ruptures - after.repairs == after.rupture
        assert not (after.agreed and (after.rupture or after.left))
        if after.left and not state.left:
            # Never out of the blue: they were hurt and angry, and a model was told to show it.
            assert (state.emotion, state.stance) == ("angry", "hurt")
            assert "about to leave" in block(state, client)
            assert after.turns >= 4
        if state.left:
            moved = {"now", "grip", "turns", "last"}
            assert {name for name in State.__slots__ if getattr(after, name) != getattr(state, name)} <= moved
            assert (after.outcome, after.stance) == ("walks_out", "leaving")
        if after.agreed and not state.agreed:
            assert after.trust >= AGREES[client.difficulty]
        state = after


@given(st.lists(st.sampled_from(SAID), max_size=6), st.sampled_from([BAD, *LECTURES]), clients)
def test_one_clumsy_sentence_between_kind_ones_never_drives_a_client_away(
    texts: list[str], clumsy: str, client: ClientSnapshot
) -> None:
    kind = [text for text in texts if text not in {BAD, *LECTURES}]
    for place in range(len(kind) + 1):
        assert not replay(client, [Line("student", text) for text in [*kind[:place], clumsy, *kind[place:]]]).left


@given(clients, st.permutations([BAD, "You're lying.", "Pull yourself together.", "Stop making excuses."]))
def test_a_hostile_student_is_left_within_four_to_eight_turns(client: ClientSnapshot, texts: list[str]) -> None:
    state = start(client)
    while not state.left:
        state = advance(state, client, texts[state.turns % 4])
        assert state.turns <= 8
    assert state.turns >= 4


@given(st.lists(lines, max_size=12))
def test_no_locked_fact_is_in_the_block_and_it_stays_short(texts: list[str]) -> None:
    state = told(*texts)
    text = block(state, CLIENT)
    for place, fact in enumerate(CLIENT.facts):
        if place not in state.unlocked:
            assert not any(line in text for line in fact.lines)
    assert len(text.split()) <= 120


def test_a_reflection_earns_trust_and_a_rebuke_costs_it() -> None:
    assert told(GOOD).trust > start(CLIENT).trust > told("You should rest.").trust > told(BAD).trust


def test_saying_the_same_again_earns_nothing() -> None:
    assert told(GOOD, GOOD).trust == told(GOOD).trust


def test_the_same_move_in_a_row_earns_less_and_less() -> None:
    texts = [f"It sounds like {word} is hard." for word in ("this", "home", "money", "work", "Leo")]
    gains = [told(*texts[: n + 1]).trust - told(*texts[:n]).trust for n in range(5)]
    assert gains[4] < gains[0]


def test_a_rupture_takes_two_good_turns_to_mend_and_trust_grows_slowly_meanwhile() -> None:
    hurt = told(GOOD, BAD)
    assert (hurt.rupture, hurt.openness) == (True, "closed")
    assert (hurt.ruptures, hurt.stance) == (1, "hurt")
    once = advance(hurt, CLIENT, SORRY)
    assert once.rupture
    assert once.trust - hurt.trust <= 3
    assert advance(once, CLIENT, "ok").rupture
    mended = advance(once, CLIENT, GOOD)
    assert (mended.rupture, mended.ruptures, mended.repairs) == (False, 1, 1)


def test_hurt_again_before_it_is_mended_is_the_same_rupture_and_takes_two_good_turns_anew() -> None:
    state = told(BAD, SORRY, "You're lying to me.")
    assert (state.ruptures, state.mending) == (1, 2)
    assert told(BAD, SORRY, GOOD, BAD).ruptures == 2


def test_two_lectures_in_a_row_hurt_the_proud_and_only_annoy_others() -> None:
    patient = ClientSnapshot(name="Ada", age=40, traits=("warm", "practical"))
    assert not told(*LECTURES[:2], client=patient).rupture
    assert not told(LECTURES[0]).rupture
    assert not told(LECTURES[0], GOOD, LECTURES[1]).rupture
    assert told(*LECTURES[:2]).rupture


def test_advice_that_was_asked_leave_for_is_no_lecture() -> None:
    asked = told(GOOD, "May I share an idea?")
    assert advance(asked, CLIENT, LECTURES[0]).trust > asked.trust
    assert told(GOOD, LECTURES[0]).trust < told(GOOD).trust


def test_closed_questions_in_a_row_earn_nothing() -> None:
    asked = told("Do you live alone?")
    assert advance(asked, CLIENT, "Are you married?").trust == asked.trust


def test_a_client_agrees_to_a_next_step_once_something_real_was_heard_and_a_rupture_takes_it_back() -> None:
    trusting = State(trust=80, emotion="warm")
    assert advance(trusting, CLIENT, STEP).outcome == "ambivalent"
    heard = advance(trusting, CLIENT, "What happened with the fire?")
    assert (heard.agreed, heard.stance) == (False, "speaking plainly")
    agreed = advance(heard, CLIENT, STEP)
    assert (agreed.outcome, agreed.stance) == ("agrees", "agreeing")
    assert "one small next step" in block(agreed, CLIENT)
    assert advance(agreed, CLIENT, GOOD).agreed
    assert advance(agreed, CLIENT, BAD).outcome == "ambivalent"
    planned = advance(heard, CLIENT, "Would it be okay if we met again? I could write to you on Monday.")
    assert planned.agreed
    stranger = ClientSnapshot(name="Bo", age=30)
    assert advance(State(trust=80, emotion="warm"), stranger, STEP).agreed


def test_a_client_who_is_hurt_again_and_again_warns_and_then_leaves_for_good() -> None:
    patient = told(BAD, "You're lying.", BAD, "Stop making excuses.")
    assert on_the_edge(patient, CLIENT)
    assert not advance(patient, CLIENT, SORRY).left
    gone = advance(patient, CLIENT, BAD)
    assert gone.outcome == "walks_out"
    text = block(gone, CLIENT)
    assert "go now" in text
    assert "you may speak of" not in text
    assert advance(gone, CLIENT, SORRY).left


def test_what_a_turn_did_is_kept_and_read_again() -> None:
    before = told("What is your job?", GOOD)
    record = TurnRecord.of(before, advance(before, CLIENT, BAD))
    assert (record.ruptured, record.mended, record.change, record.acts[0]) == (True, False, -14, "confrontation")
    assert TurnRecord.from_json(record.to_json()) == record


def test_openness_grows_with_trust() -> None:
    names = [State(trust=trust, emotion="wary").openness for trust in (10, 40, 60, 90)]
    assert names == ["closed", "careful", "opening", "open"]


def test_a_fact_unlocks_only_when_approached_with_enough_trust() -> None:
    assert told("What is your job?").unlocked == (0,)
    early = told("Do you owe your cousin anything?")
    assert (early.approached, early.unlocked) == ((2,), ())
    later = told(
        *[f"It sounds like {word} is hard." for word in ("this", "home", "winter")],
        "That took courage. What is it like?",
    )
    assert later.trust >= 45
    assert 2 not in later.unlocked
    assert 2 in advance(later, CLIENT, "Do you owe your cousin anything?").unlocked


def test_nothing_real_unlocks_during_a_rupture() -> None:
    state = State(trust=95, emotion="warm")
    hurt = advance(state, CLIENT, BAD)
    assert advance(hurt, CLIENT, "Do you owe your cousin money? And your son?").unlocked == (1,)


def test_a_message_without_a_topic_stays_on_the_last_one() -> None:
    state = told("What is your job?", "How long?")
    assert (state.now[0], state.grip) == (0, 0.0)
    assert told("How long?").now == ()
    assert told("What is your job?", "ok").now == ()


def test_a_question_that_points_back_is_read_with_the_sentence_before_it() -> None:
    assert told("You mentioned Leo. What is it about?").now[0] == 1


def test_what_the_client_tells_is_remembered_and_talked_on() -> None:
    state = replay(
        CLIENT,
        [Line("student", "What is your job?"), Line("client", "I clean offices at night."), Line("system", "Time.")],
    )
    assert (state.revealed, state.topic, state.turns) == ((0,), 0, 1)
    moved = answered(told("What is your job?", "And your son?"), CLIENT, "I clean offices at night.")
    assert moved.topic == 0
    assert answered(told("What is your job?"), CLIENT, "I owe my cousin four thousand.").revealed == ()


def test_the_block_gives_stance_feeling_trust_and_what_may_be_said() -> None:
    text = block(told("What is your job?"), CLIENT)
    assert "I clean offices at night." in text
    assert "trust in the student" in text
    assert "one or two sentences" in text
    assert "The student hurt you." in block(told(BAD), CLIENT)
    assert "you may speak of" not in block(start(CLIENT), CLIENT)


def test_the_block_drops_what_came_up_longest_ago_when_room_runs_out() -> None:
    long = ClientSnapshot(
        name="Ada",
        age=40,
        facts=tuple(
            Fact(f"T{n}", "surface", 0, (f"{name} " + "word " * 24,), (name,))
            for n, name in enumerate(["ant", "bee", "cat", "dog"])
        ),
    )
    text = block(told("an ant", "a bee", "a cat", "a dog", client=long), long)
    assert "dog word" in text
    assert "ant word" not in text
    assert len(text.split()) <= 120


@pytest.mark.parametrize("client", load_library(), ids=lambda client: client.slug)
def test_a_built_in_client_can_be_reached_and_is_not_open_from_the_start(client: object) -> None:
    snapshot = client.snapshot  # type: ignore[attr-defined]
    state = start(snapshot)
    assert all(fact.unlock > state.trust for fact in facts_of(snapshot) if fact.depth == "real")
    for turn in range(60):
        state = advance(state, snapshot, f"It sounds like number {turn} is hard for you. What is that like?")
    assert all(fact.unlock <= state.trust for fact in facts_of(snapshot))
