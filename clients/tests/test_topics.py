"""Which facts a student's words approach, and what a client without facts knows."""

from clients.snapshot import ClientSnapshot, Fact
from clients.topics import approached, facts_of, kin, matters, tells

CLIENT = ClientSnapshot(
    name="Ada Low",
    age=40,
    facts=(
        Fact("Work", "surface", 0, ("I clean offices at night.", "The boss counts the minutes."), ("job", "boss")),
        Fact("Her son", "surface", 20, ("My son Leo is nine.", "He draws trains."), ("leo", "how old is he")),
        Fact("The debt", "real", 60, ("I owe my cousin four thousand.",), ("owe", "feel")),
        Fact("The night of the fire", "real", 70, ("The boss found me asleep.",)),
    ),
)


def places(text: str, aside: str = "") -> list[int]:
    return [match.place for match in approached(CLIENT, text, aside)]


def test_keywords_phrases_matters_and_topic_words_lead_to_a_fact() -> None:
    assert places("What is your job?") == [0]
    assert places("And how old is he?") == [1]
    assert places("Do you have children?") == [1]
    assert places("What happened that night, with the fire?")[0] == 3


def test_an_empty_keyword_alone_leads_nowhere() -> None:
    assert places("How do you feel?") == []


def test_a_short_keyword_is_a_whole_word() -> None:
    assert places("the leopard") == []
    assert places("Leo's room") == [1]


def test_words_beside_the_question_count_a_little() -> None:
    assert places("Who else?", aside="my boss") == []
    assert approached(CLIENT, "your job", aside="my boss")[0].score > approached(CLIENT, "your job")[0].score


def test_facts_with_common_words_are_kin() -> None:
    assert kin(CLIENT, 0) == (3,)
    assert kin(CLIENT, 1) == ()


def test_a_line_tells_a_fact_when_most_of_its_words_are_there() -> None:
    assert tells(CLIENT.facts[2], "Well, I owe my cousin four thousand, if you must know.", "en")
    assert not tells(CLIENT.facts[2], "I owe nothing.", "en")
    assert not tells(Fact("x", "real", 60, ("It is what it is.",)), "It is what it is.", "en")


def test_matters_of_life_are_found_in_both_languages() -> None:
    assert "family" in matters("How is your mum?", "en")
    assert "family" in matters("¿Y su mamá?", "es")
    assert "family" in matters("your mum", "de")


def test_a_client_without_facts_knows_what_the_background_says_aloud() -> None:
    bare = ClientSnapshot(
        name="Ada Low",
        age=40,
        pronouns="she/her",
        background="Ada cleans offices. Ada cleans offices. The town is small. She has a son. He is it. I know.",
    )
    assert [(fact.lines, fact.unlock) for fact in facts_of(bare)] == [
        (("I clean offices.",), 0),
        (("I have a son.",), 0),
        (("I know.",), 10),
    ]
    assert [match.place for match in approached(bare, "Do you have children?")] == [1]


def test_a_client_without_anything_is_approached_nowhere() -> None:
    assert approached(ClientSnapshot(name="Ada", age=40), "How are you?") == ()
