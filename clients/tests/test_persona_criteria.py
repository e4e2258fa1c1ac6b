"""The measures of personas count what they say they count, in every language that personas have."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.personas import LANGUAGES, built_in
from clients.personas.criteria import (
    CRITERIA,
    EVERY_PERSONA,
    Exchange,
    Talk,
    clarifies,
    language_of,
    measure,
    over_all,
    questions,
    word_count,
)

ASKING = {
    "en": "Which one do you mean?",
    "es": "¿Qué quieres decir?",
    "fr": "Que voulez-vous dire ?",
    "de": "Was genau meinst du?",
    "it": "Che cosa intendi?",
    "pt": "O que quer dizer?",
    "zh": "你的意思是哪种?",
    "ja": "どういう意味ですか?",
}
SENTENCES = {
    "en": "The question that you asked is not what it was for her.",
    "es": "La pregunta que hiciste no es lo que era para ella.",
    "fr": "La question que vous posez n'est pas dans le texte, mais elle est utile pour vous.",
    "de": "Die Frage ist nicht, was du mit ihr machst, sondern wie es auf sie wirkt.",
    "it": "La domanda che hai fatto non è quella della persona che ascolta.",
    "pt": "A pergunta que você fez não é para uma pessoa como ela, mas para os outros.",
    "zh": "你问的问题对她来说不是最重要的。",
    "ja": "あなたの質問は彼女にとって大切なものではありません。",
}


def talk(*replies: str, said: str = "How do I begin?", language: str = "en") -> Talk:
    return Talk([Exchange(said, reply) for reply in replies], language)


def value(name: str, of: Talk) -> float | None:
    return CRITERIA[name].measure(of)


@pytest.mark.parametrize(
    ("name", "replies", "found"),
    [
        ("asks_back", ("It rests on one case. What would the other case say?", "It does not."), 0.5),
        ("asks_back", ("Which one do you mean?",), 0.0),
        ("question_run", ("Why? How? Really??", "So?"), 3),
        ("answers_given", ("It is so because " + "of this " * 30 + ".", "Why?"), 0.5),
        ("affirms", ("You waited after she stopped talking.", "Great job!"), 0.5),
        ("next_step", ("You named it. Next time, wait a little longer.", "It went well."), 0.5),
        ("empty_praise", ("Great job!", "Well done: you asked an open question.", "Go on."), 1 / 3),
        ("keeps_going", ("I see. What then?", "Good. Tell me about the second one.", "I see."), 2 / 3),
        ("lectures", ("word " * 130, "- one\n- two", "Short."), 2 / 3),
        ("in_language", ("The answer is not in this text.", "Die Antwort ist nicht in dem Text."), 0.5),
        ("defines", ("Rapport means that both are in step.", "It helps."), 0.5),
        ("hedges", ("This is established; that is debated.", "It is so."), 0.5),
        ("options", ("One way is to wait. Another way is to ask.", "- wait\n- ask", "Wait."), 2 / 3),
        ("words", ("one two three", "one two three four five"), 4),
        ("clarifying", ("Which one do you mean?", "What kind of text?", "It is this.", "For which class?"), 2),
        ("invented_sources", ("See https://example.org/a.", "Rogers (1957) wrote it.", "Look it up."), 2 / 3),
    ],
)
def test_a_measure_counts_what_it_says(name: str, replies: tuple[str, ...], found: float) -> None:
    assert value(name, talk(*replies)) == pytest.approx(found)


def test_what_the_learner_said_is_taken_up_and_what_they_brought_is_no_invented_source() -> None:
    said = "My client keeps missing appointments since Rogers (1957) says so."
    assert value("builds_on", talk("Your client missing those appointments tells you something.", said=said)) == 1
    assert value("builds_on", talk("Tell me more.", said=said)) == 0
    assert value("invented_sources", talk("Rogers (1957) did not say that.", said=said)) == 0


@pytest.mark.parametrize("language", list(LANGUAGES))
def test_clarifying_questions_languages_and_words_are_known_in_every_language(language: str) -> None:
    assert clarifies(ASKING[language], language)
    assert not clarifies(SENTENCES[language], language)
    assert language_of(SENTENCES[language]) == language
    assert 5 <= word_count(SENTENCES[language]) <= 25


def test_an_answer_with_its_assumption_is_no_clarifying_question() -> None:
    assert not clarifies("I assume that it is for a class. What kind of class is it?", "en")
    assert not clarifies("It is " + "so " * 80 + ". Which one do you mean?", "en")


def test_each_persona_is_measured_by_its_own_criteria_and_by_those_of_all() -> None:
    for persona in built_in().values():
        results = measure(talk("Why?"), persona.criteria)
        assert [result.name for result in results][: len(persona.criteria)] == list(persona.criteria)
        assert {result.name for result in results} == {*persona.criteria, *EVERY_PERSONA}


def test_nothing_is_met_or_missed_where_nothing_was_said() -> None:
    results = measure(talk(), built_in()["creative-mentor"].criteria)
    assert {result.value for result in results} == {result.is_met for result in results} == {None}
    assert set(over_all([results]).values()) == {(0, 0)}


def test_floors_and_ceilings_are_told_apart_over_all_conversations() -> None:
    good, bad = measure(talk("Why so?"), {"asks_back": 0.7}), measure(talk("See doi: 10.1000/1."), {"asks_back": 0.7})
    assert over_all([good, bad])["asks_back"] == (1, 2)
    assert over_all([good, bad])["invented_sources"] == (1, 2)


@given(st.lists(st.text(max_size=60), max_size=5), st.sampled_from(sorted(LANGUAGES)))
def test_every_measure_stays_within_its_bounds_whatever_is_said(replies: list[str], language: str) -> None:
    of = talk(*replies, language=language)
    for name, criterion in CRITERIA.items():
        found = criterion.measure(of)
        assert (found is None) == (not replies), name
        assert found is None or 0 <= found <= max(criterion.most, 60)


@given(st.text(max_size=80))
def test_the_questions_of_a_text_are_never_more_than_its_marks(text: str) -> None:
    assert questions(text) <= text.count("?") + text.count("？")
