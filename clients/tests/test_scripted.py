"""What the voice without a model promises: to the point, in role, earned, never the same line twice."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clients.library import LibraryClient, load_library
from clients.snapshot import ClientSnapshot, Fact
from clients.state import replay
from clients.voices.phrasebook import phrasebook
from clients.voices.scripted import Line, pieces, reply
from clients.words import fingerprint

LINES = Path(__file__).parent / "lines"
CLIENT = ClientSnapshot(
    name="Ada Low",
    age=40,
    domain="sales",
    traits=("warm", "proud"),
    communication_style="blunt",
    difficulty="gentle",
    facts=(
        Fact(
            "Work",
            "surface",
            0,
            ("I clean offices at night.", "Six years of offices now.", "Mops, mostly."),
            ("job", "work"),
        ),
        Fact(
            "Her son",
            "surface",
            10,
            ("My son Leo is nine.", "I felt ten feet tall when he read aloud."),
            ("son", "leo"),
        ),
        Fact("The debt", "real", 70, ("I owe my cousin four thousand.", "She rings every Friday."), ("owe", "cousin")),
        Fact("The cleaning money", "real", 20, ("The offices pay late.",), ("paid late",)),
    ),
    script={"greeting": ("Ada. Sit.",), "small_talk": ("Rain again.",), "reflected": ("Could be.", "If you like.")},
)
BARE = ClientSnapshot(
    name="Rosa Delgado",
    age=44,
    pronouns="she/her",
    traits=("guarded", "warm"),
    issues=("caregiving", "unknown"),
    reason="Her doctor sent her.",
    background="Rosa works at a bakery.",
)


def talk(snapshot: ClientSnapshot, texts: Sequence[str]) -> list[str]:
    """The client's replies to these student lines, one after the other."""
    history = [Line("client", snapshot.opening_line)] if snapshot.client_speaks_first else []
    replies = []
    for text in texts:
        history.append(Line("student", text))
        replies.append(reply(snapshot, history))
        history.append(Line("client", replies[-1]))
    return replies


def fixed_lines(client: LibraryClient) -> list[str]:
    return (LINES / f"{client.slug}.txt").read_text(encoding="utf-8").splitlines()


library = pytest.mark.parametrize("client", load_library(), ids=lambda client: client.slug)


@library
def test_forty_fixed_lines_are_answered_without_a_repeated_sentence(client: LibraryClient) -> None:
    replies = talk(client.snapshot, fixed_lines(client))
    assert len(replies) == 40
    assert len({fingerprint(text) for text in replies}) == 40


@library
def test_most_answers_to_the_fixed_lines_are_the_clients_own_words(client: LibraryClient) -> None:
    own = {line for fact in client.snapshot.facts for line in fact.lines}
    own |= {line for lines in client.snapshot.script.values() for line in lines}
    assert sum(text in own for text in talk(client.snapshot, fixed_lines(client))) >= 32


@library
def test_no_fact_is_told_before_it_is_unlocked(client: LibraryClient) -> None:
    snapshot = client.snapshot
    history: list[Line] = []
    for fact in snapshot.facts * 2:
        history.append(Line("student", f"Tell me about {fact.topic}, {' '.join(fact.keywords)}"))
        text = reply(snapshot, history)
        unlocked = replay(snapshot, history).unlocked
        for place, other in enumerate(snapshot.facts):
            if place not in unlocked:
                assert text not in other.lines
        history.append(Line("client", text))


@pytest.mark.parametrize(
    "snapshot", [CLIENT, BARE, ClientSnapshot(name="Al", age=9, language="es")], ids=["facts", "bare", "es"]
)
@pytest.mark.parametrize(
    "text", ["ok", "Why?", "Tell me about your job.", "You should rest.", "Are you an AI?", "¿Y?", "...", "Lo siento."]
)
def test_even_the_same_message_sixty_times_gets_sixty_different_lines(snapshot: ClientSnapshot, text: str) -> None:
    replies = talk(snapshot, [text] * 60)
    assert len({fingerprint(line) for line in replies}) == 60


@settings(max_examples=40)
@given(st.lists(st.text(max_size=200), max_size=4), st.sampled_from(["en", "es", "zz"]))
def test_any_text_gets_the_same_non_empty_reply_each_time(texts: list[str], language: str) -> None:
    snapshot = ClientSnapshot(name="Ada Low", age=40, language=language, facts=CLIENT.facts)
    replies = talk(snapshot, [*texts, "\u202e\x00🙂"])
    assert all(text.strip() for text in replies)
    assert replies == talk(snapshot, [*texts, "\u202e\x00🙂"])


@given(st.text())
def test_pieces_joined_are_the_text(text: str) -> None:
    assert "".join(pieces(text)) == text


def test_pieces_are_words_with_the_space_after_them() -> None:
    assert pieces("I am here.") == ["I ", "am ", "here."]


def test_before_any_student_line_the_client_opens() -> None:
    assert reply(ClientSnapshot(name="A", age=5, opening_line="So."), []) == "So."
    assert reply(CLIENT, []) == "Ada. Sit."
    again = [Line("client", "Ada. Sit."), Line("system", "The session goes on.")]
    assert reply(CLIENT, again) not in {"", "Ada. Sit."}


def test_when_every_phrase_is_used_up_the_client_still_speaks() -> None:
    book = phrasebook("en")
    pairs = [Line("client", f"{first} {second}") for first in book.first for second in book.second]
    lines = [*book.first, *book.second, *(line for act in book.acts.values() for line in act)]
    lines += [line for acts in book.styles.values() for act in acts.values() for line in act]
    said = [Line("client", line.format(name="Al", first="Al", age=9)) for line in lines]
    assert reply(ClientSnapshot(name="Al", age=9), [*pairs, *said, Line("student", "ok")]).strip()
    assert reply(ClientSnapshot(name="Al", age=9), said).strip()


def test_asked_to_say_it_again_the_client_says_so_and_finds_other_words() -> None:
    answer = talk(CLIENT, ["What is your job?", "Sorry, can you say that again?"])[-1]
    lead, _, line = answer.partition(". ")
    assert f"{lead}." in phrasebook("en").acts["repeat"]
    assert line == "Six years of offices now."


ANSWERS = [
    (["Hello!"], "Ada. Sit."),
    (["What is your job?"], "I clean offices at night."),
    (["What is your job?", "How long?"], "Six years of offices now."),
    (["What is your job?", "Tell me more."], "Six years of offices now."),
    (["What is your job?", "Tell me more.", "And then?", "Go on."], "The offices pay late."),
    (["Can I ask about your son? What is he like?"], "My son Leo is nine."),
    (["What about your son?", "How did that make you feel?"], "I felt ten feet tall when he read aloud."),
    (["I also work at night, a job like my mother had."], "I clean offices at night."),
    (["All this rain, did you find the place ok?"], "Rain again."),
    (["It sounds hard."], "Could be."),
    (["So you have a job, right?"], "I clean offices at night."),
    (["What's your name?"], "Ada Low. Ada is fine."),
]


@pytest.mark.parametrize(("texts", "answer"), ANSWERS)
def test_an_answer_is_to_the_point(texts: list[str], answer: str) -> None:
    client = CLIENT
    last = talk(client, texts)[-1]
    if answer not in {line for fact in client.facts for line in fact.lines}:
        candidates = {*client.script.get("greeting", ()), *client.script["small_talk"], *client.script["reflected"]}
        candidates |= {
            line.format(name="Ada Low", first="Ada", age=40) for ask in phrasebook("en").asks for line in ask.lines
        }
        assert last in candidates
    else:
        assert last == answer


def test_a_client_without_facts_speaks_of_why_they_came_and_of_their_issues() -> None:
    replies = talk(
        BARE, ["What brings you here today?", "Tell me more.", "What do you do for work?", "And why is that?"]
    )
    issues = phrasebook("en").issues["caregiving"]
    assert replies[0] == "My doctor sent me."
    assert replies[1] in issues
    assert replies[2] == "I work at a bakery."


def test_a_client_who_speaks_only_of_issues_says_more_as_trust_grows() -> None:
    issues = phrasebook("en").issues["caregiving"]
    kind = [f"It sounds like number {turn} is hard for you. Tell me more." for turn in range(30)]
    replies = talk(ClientSnapshot(name="Al", age=9, issues=("caregiving",)), kind)
    assert set(issues) <= set(replies)
    assert replies.index(issues[-1]) > replies.index(issues[0])


def test_a_question_about_the_future_is_answered_from_the_future_or_left_open() -> None:
    hopes = ClientSnapshot(
        name="Al", age=9, facts=(Fact("What he wants", "surface", 0, ("I want a quiet room.",), ("want",)),)
    )
    replies = talk(hopes, ["What would you want to change?", "What do you want from me?"])
    assert replies[0] == "I want a quiet room."
    assert replies[1] in phrasebook("en").acts["next_step"]
    assert talk(CLIENT, ["What would be a good next step?"])[0] in {
        *phrasebook("en").acts["next_step"],
        *phrasebook("en").styles["blunt"]["next_step"],
    }


def test_a_locked_topic_is_deflected_without_its_words() -> None:
    [answer] = talk(CLIENT, ["Do you owe your cousin money?"])
    deflections = {*phrasebook("en").acts["deflect_low"], *phrasebook("en").styles["blunt"]["deflect_low"]}
    assert answer in deflections | set(phrasebook("en").acts["deflect_mid"])


def test_another_language_is_not_understood() -> None:
    spanish = ClientSnapshot(name="Al", age=9, language="es")
    [answer] = talk(spanish, ["Do you speak English, can you tell me what is going on?"])
    assert answer in phrasebook("es").acts["other_language"]


SCRIPTED = ClientSnapshot(
    name="Al",
    age=9,
    facts=(
        Fact(
            "The mill",
            "surface",
            0,
            ("I mill oats.", "Nine years at the mill now.", "The boss shuts us in at lunch."),
            ("mill", "what the mill is like"),
        ),
        Fact("The mill fire", "real", 90, ("I lit it.",), ("the mill fire", "fire")),
    ),
    script={
        "reflected": ("Not angry, no.", "It's more that I'm tired.", "So it is."),
        "next_step": ("Zero to ten? A three.", "One thing at a time."),
        "small_talk": ("My hat itches.", "It rained on me.", "The match was a bore."),
    },
)


def test_a_line_that_corrects_a_feeling_waits_until_a_feeling_is_named() -> None:
    plain = talk(SCRIPTED, ["You hold the whole house up."])[0]
    assert plain == "So it is."
    assert talk(SCRIPTED, ["You sound angry."])[0] in SCRIPTED.script["reflected"]


def test_a_number_is_given_when_a_scale_is_asked_for_and_only_then() -> None:
    assert talk(SCRIPTED, ["On a scale from 0 to 10, how ready are you?"])[0] == "Zero to ten? A three."
    assert talk(SCRIPTED, ["What would help?"])[0] == "One thing at a time."
    rated = ClientSnapshot(
        name="Al", age=9, facts=(Fact("The pain", "surface", 0, ("It burns.", "A six, most days."), ("pain",)),)
    )
    assert talk(rated, ["On a scale from 0 to 10, how is the pain?"])[0] == "A six, most days."


def test_at_a_counter_a_plan_is_met_with_the_fact_it_names() -> None:
    facts = (Fact("The lease", "surface", 0, ("The van is leased till May.", "I like red."), ("van", "lease")),)
    buyer = ClientSnapshot(
        name="Al", age=30, domain="sales", facts=facts, script={"next_step": ("One thing at a time.",)}
    )
    assert talk(buyer, ["What would help with the van lease?"])[0] == "The van is leased till May."
    assert talk(SCRIPTED, ["What would help with the mill?"])[0] == "One thing at a time."


def test_small_talk_keeps_to_its_subject() -> None:
    assert talk(SCRIPTED, ["All this rain, isn't it?"])[0] == "It rained on me."
    assert talk(SCRIPTED, ["Did you see the game?"])[0] == "The match was a bore."


def test_a_question_of_time_is_answered_with_a_time() -> None:
    assert talk(SCRIPTED, ["How long have you been at the mill?"])[0] == "Nine years at the mill now."


def test_a_question_about_what_is_locked_is_not_answered_with_its_neighbour() -> None:
    [answer] = talk(SCRIPTED, ["What about the mill fire?"])
    assert answer in phrasebook("en").acts["deflect_low"]


def test_permission_to_ask_about_what_is_locked_is_deflected() -> None:
    [answer] = talk(SCRIPTED, ["Can I ask what happened with the mill fire?"])
    assert answer in phrasebook("en").acts["deflect_low"]


def test_more_about_what_is_locked_stays_locked() -> None:
    answers = talk(SCRIPTED, ["What about the mill fire?", "Tell me more about that."])
    assert answers[1] in phrasebook("en").acts["deflect_low"]


def test_a_matter_of_life_no_line_speaks_of_is_answered_in_general() -> None:
    [answer] = talk(
        ClientSnapshot(
            name="Al", age=9, facts=(Fact("The club", "surface", 0, ("I go on Sundays.",), ("sundays", "church")),)
        ),
        ["Do you pray?"],
    )
    assert answer in phrasebook("en").matters["faith"]


def test_a_kindness_is_answered_as_one() -> None:
    assert talk(SCRIPTED, ["Can I get you a glass of water?"])[0] in phrasebook("en").acts["comfort"]


def test_a_plea_to_go_slower_needs_no_question_mark() -> None:
    answer = talk(SCRIPTED, ["Tell me about the mill.", "More slowly please."])[1]
    assert answer.split(". ")[0] + "." in phrasebook("en").acts["repeat"]


def test_what_is_said_in_greeting_is_no_topic() -> None:
    hours = ClientSnapshot(name="Al", age=9, facts=(Fact("x", "surface", 0, ("Four is bad.",), ("afternoon",)),))
    assert talk(hours, ["Good afternoon. What is that?"])[0] != "Four is bad."


def test_a_topic_that_is_told_leads_on_to_what_belongs_to_it() -> None:
    facts = (
        Fact("Work", "surface", 0, ("I clean offices at night.",), ("job",)),
        Fact("Night offices", "surface", 0, ("The boss leaves notes.",), ("notes",)),
    )
    client = ClientSnapshot(name="Al", age=9, facts=facts)
    assert talk(client, ["What is your job?", "Go on."])[-1] == "The boss leaves notes."


def test_a_question_asked_again_is_noticed() -> None:
    client = ClientSnapshot(name="Al", age=9, facts=(Fact("Work", "surface", 0, ("I clean.",), ("job",)),))
    assert talk(client, ["What is your job?", "What is your job?"])[-1] in phrasebook("en").acts["again"]


@library
def test_a_client_who_is_insulted_again_and_again_says_that_they_go_and_nothing_more(client: LibraryClient) -> None:
    insults = {
        "en": ["It's your own fault.", "You're lying.", "Stop making excuses.", "That's pathetic.", "Grow up."],
        "es": ["Es su culpa.", "Está mintiendo.", "Eso es ridículo.", "Es patético.", "Usted se lo buscó."],
    }[client.snapshot.language]
    replies = talk(client.snapshot, insults * 2)
    going = client.snapshot.script["leaving"]
    first = next(place for place, text in enumerate(replies) if text in going)
    assert 3 <= first <= 7
    facts = {line for fact in client.snapshot.facts for line in fact.lines}
    assert facts.isdisjoint(replies[first:])


@pytest.mark.parametrize("language", ["en", "es"])
def test_whoever_agrees_says_so_in_the_words_of_their_style_the_moment_they_are_won(language: str) -> None:
    kind, step = {
        "en": ("It sounds like number {} is hard for you.", "What would be a good first step for you?"),
        "es": ("Suena muy difícil lo del {}, para usted.", "¿Cuál sería un primer paso para usted?"),
    }[language]
    client = ClientSnapshot(name="Al", age=40, language=language, communication_style="formal", difficulty="gentle")
    book = phrasebook(language)
    texts = [*(kind.format(number) for number in range(8)), step, step + "!"]
    *_, agreeing, after = talk(client, texts)
    assert agreeing in book.styles["formal"]["agreeing"]
    assert after not in {*book.styles["formal"]["agreeing"], *book.acts["agreeing"]}
