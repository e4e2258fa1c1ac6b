"""A tutor may ask twice what is wanted, and then has to answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.personas import built_in
from clients.personas.canonical import canonical_prompts
from clients.personas.clarifying import MOST, is_one_too_many, note, run_of
from clients.personas.learner import LANGUAGES
from clients.tests.test_persona_criteria import ASKING

ANSWER = "It depends on the person: begin with what they came for."
Q = ASKING["en"]

replies = st.lists(st.sampled_from([Q, ANSWER]), max_size=8)


@given(replies)
def test_the_run_is_that_of_the_last_replies(said: list[str]) -> None:
    run = run_of(said, "en")
    assert said[len(said) - run :] == [Q] * run
    assert len(said) == run or said[len(said) - run - 1] == ANSWER


@given(replies)
def test_a_tutor_is_told_to_answer_when_it_has_asked_twice_and_not_before(said: list[str]) -> None:
    told = note(said, "en")
    assert bool(told) == (run_of(said, "en") >= MOST)
    assert is_one_too_many(said, Q, "en") == bool(told)
    # An answer is never one too many.
    assert not is_one_too_many(said, ANSWER, "en")


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_is_kept_in_every_language_that_personas_have(language: str) -> None:
    asked = ASKING[language]
    assert is_one_too_many([asked, asked], asked, language)
    assert not is_one_too_many([asked], asked, language)


def test_an_assumption_with_a_question_behind_it_is_an_answer() -> None:
    assert not is_one_too_many([Q, Q], f"I assume you mean the first interview. {Q}", "en")


def test_each_persona_has_five_prompts_and_at_least_one_in_another_language_than_english() -> None:
    prompts = canonical_prompts()
    assert list(prompts) == list(built_in())
    for key, found in prompts.items():
        assert len(found) == 5, key
        assert len({one.name for one in found}) == 5, key
        assert all(len(one.lines) >= 2 for one in found), key
    assert sum(one.learner.language != "en" for found in prompts.values() for one in found) == 5
