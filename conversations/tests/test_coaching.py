"""What is said of a message: true to its record, kind, never silly, and silent about what a client has not told."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clients.library import load_library
from clients.record import TurnRecord
from clients.skills import code
from clients.snapshot import ClientSnapshot
from clients.state import Line, advance, replay, start
from clients.topics import facts_of
from clients.voices.scripted import reply
from clients.words import fingerprint
from conversations.coaching import rewording
from conversations.coaching.live import live_words
from conversations.coaching.records import Step, Talk
from conversations.coaching.remarks import Remark, chosen, remark, remarks_on
from conversations.coaching.summary import summary
from conversations.models import Message

LIBRARY = {client.slug: client.snapshot for client in load_library()}
GRACE, DARIO = LIBRARY["grace-lim"], LIBRARY["dario-mamani"]
PIECES = [
    "you should",
    "stop that.",
    "why don't you",
    "?",
    "are you",
    "lying",
    "sad",
    "I'm a student",
    "did you sleep",
    "tell me",
]
PIECES += [
    "your mother",
    "it sounds like",
    "tired",
    "okay",
    "what do you need",
    "by law",
    "usted",
    "qué siente",
    "¿tiene",
    "debería",
]
texts = st.one_of(st.text(max_size=200), st.lists(st.sampled_from(PIECES), max_size=12).map(" ".join))


def said(client: ClientSnapshot, text: str, heard: str = "", language: str = "en") -> Remark:
    """The remark on this message, the first of a talk in which the client has said `heard`."""
    before = replay(client, [Line("client", heard)]) if heard else start(client)
    record = TurnRecord.of(before, advance(before, client, text))
    return remark(record, text, heard or client.opening_line, client, language)


TIRED = "The evenings are long. I'm ashamed of the letters in my drawer."
WORDINGS = {
    "Are you worried?": "How do you feel about it?",
    "Do you sleep well?": "What are your nights like?",
    "Does your mother help?": "How are things between you and your mother?",
    "Did it rain?": "You're ashamed of the letters in your drawer. What is that like for you?",
    "You should open them.": "You're ashamed of the letters in your drawer. What have you already thought of?",
    "You're lying.": "You're ashamed of the letters in your drawer. Help me understand what that is like for you.",
    "Okay.": "You're ashamed of the letters in your drawer.",
    "When did it start? Do they know? How do you live with that?": "How do you live with that?",
}


@pytest.mark.parametrize("text", WORDINGS)
def test_a_wording_is_built_from_what_both_have_said(text: str) -> None:
    found = said(GRACE, text, TIRED).rewording
    assert found
    assert found.text == WORDINGS[text]
    assert found.why


def test_spanish_is_reworded_as_the_student_speaks_to_the_client() -> None:
    client = LIBRARY["dario-mamani"]
    polite = said(client, "Usted debería descansar más.").rewording
    close = said(client, "Tú deberías descansar más, tienes que dormir.").rewording
    assert polite
    assert close
    assert {"usted", "le", "cree", "ha"} & set(polite.text.lower().replace("¿", "").split())
    assert {"tú", "te", "crees", "has"} & set(close.text.lower().replace("¿", "").split())


@pytest.mark.parametrize(
    "text",
    ["What was that like for you?", "Are you thinking of killing yourself?", "Hi, is this seat free?", "Did it rain?"],
)
def test_what_is_good_or_cannot_be_said_better_is_left_alone(text: str) -> None:
    assert said(GRACE, text).rewording is None


@pytest.mark.parametrize(
    ("client", "text"),
    [
        (GRACE, "Do you want to hurt yourself?"),
        (GRACE, "Sometimes people in your situation would rather not wake up. Does that happen to you?"),
        (DARIO, "A veces, las personas en su situación preferirían no despertar. ¿Le pasa a usted?"),
    ],
)
def test_a_question_about_risk_is_told_to_be_right_and_left_as_it_is(client: ClientSnapshot, text: str) -> None:
    one = said(client, text)
    assert one.note == "You asked about risk plainly. That is good practice; stay with the answer."
    assert (one.rewording, one.need) == (None, "")


def test_who_says_that_suicide_is_wrong_has_not_asked_about_it() -> None:
    assert "good practice" not in said(GRACE, "Suicide is selfish.").note


def test_comfort_that_fits_anybody_is_told_to_close_the_talk() -> None:
    one = said(GRACE, "Everything will be fine.")
    assert "close the talk" in one.note
    assert one.moved[0].startswith("Trust stayed")


def test_who_proposes_to_meet_is_not_said_to_have_asked_what_the_client_wants() -> None:
    assert said(GRACE, "May we meet again on Thursday?").note.startswith("You proposed a next step.")
    assert said(GRACE, "What would be a first step for you?").note.startswith("You asked about a next step.")


def test_an_apology_said_another_way_is_one() -> None:
    found = said(GRACE, "I'm sorry, I shouldn't have said that, but you should calm down.").rewording
    assert found
    assert "apology" in code(found.text, "en").acts


def test_on_one_page_no_note_and_no_wording_comes_twice() -> None:
    texts = [
        "You're lying.",
        "You're lying!",
        "You're lying to me.",
        "That took courage.",
        "That took a lot of courage.",
    ]
    before, steps = start(GRACE), []
    for number, text in enumerate([*texts * 3, "You're lying again."], 1):
        after = advance(before, GRACE, text)
        steps.append(Step(number, Message(content=text), before.heard, TurnRecord.of(before, after), over=False))
        before = after
    remarks = remarks_on(steps, GRACE, "en")
    notes = [one.note for one in remarks if one.note]
    wordings = [one.rewording.text for one in remarks if one.rewording]
    assert notes
    assert wordings
    assert len(set(notes)) == len(notes)
    assert len(set(wordings)) == len(wordings)
    came_to = summary(Talk(tuple(steps), 100, ended=True), remarks, GRACE)
    examples = [goal.step.number for goal in came_to.goals if goal.step]
    assert len(set(examples)) == len(examples)
    sorry = [goal.rewording for goal in came_to.goals if goal.title == "Make it good when something hurt"]
    assert [code(one, "en").acts.count("apology") for one in sorry] == [1]


@pytest.mark.parametrize(("last", "said_so"), [("How are the evenings?", True), ("Goodbye, see you next week.", False)])
def test_who_breaks_off_without_a_closing_word_is_told(last: str, *, said_so: bool) -> None:
    steps = [
        Step(1, Message(content=last), "", TurnRecord.of(start(GRACE), advance(start(GRACE), GRACE, last)), over=False)
    ]
    came_to = summary(Talk(tuple(steps), 10, ended=True), remarks_on(steps, GRACE, "en"), GRACE)
    titles = [goal.title for goal in came_to.goals]
    assert ("End with a short summary and what happens next" in titles) is said_so


def test_where_facts_are_the_matter_a_closed_question_is_left_alone() -> None:
    assert said(GRACE, "Are you worried?").rewording
    assert said(DARIO, "¿Está preocupado?").rewording is None


def test_the_words_of_a_client_said_back_are_no_advice() -> None:
    heard = "I could call the landlord on Monday and ask him."
    assert said(GRACE, "You could call the landlord on Monday and ask him.", heard).need == ""
    assert said(GRACE, "You could sell the car.", heard).need == "advice"


def test_a_remark_says_what_was_moved_and_by_how_much() -> None:
    assert said(GRACE, "You're lying.").moved[:2] == (
        "Trust fell by 14 points, to 26 %.",
        "It hurt Grace. It takes two good messages to make up for it.",
    )
    opened = said(GRACE, "Tell me about your children.").moved
    assert opened[0].startswith("Trust rose by")
    assert "Grace is ready to talk about more." in opened
    assert not any("The children" in sentence for sentence in opened)


def test_explanations_are_in_the_readers_language_and_wordings_in_that_of_the_talk() -> None:
    english = said(DARIO, "Usted debería descansar.", language="en")
    spanish = said(DARIO, "Usted debería descansar.", language="es")
    assert english.rewording
    assert spanish.rewording
    assert english.rewording.text == spanish.rewording.text


def test_once_a_client_has_walked_out_nothing_is_reworded() -> None:
    record = TurnRecord(
        ("advice",), 0.9, trust=0, change=0, emotion="angry", openness="closed", ruptured=False, mended=False,
        approached=(), opened=(), unlocked=(), outcome="walks_out",
    )  # fmt: skip
    last = remark(record, "You should stay.", "I can't hear this any more.", GRACE, "en")
    assert last.rewording
    assert "After this Grace broke off the conversation." in last.moved
    after = remark(record, "You should stay.", "I'm leaving.", GRACE, "en", over=True)
    assert after.rewording is None
    assert "broken off" in after.note


def test_at_most_every_other_wording_is_shown_at_once_the_weightiest_first() -> None:
    texts = ["Are you worried?", "You're lying.", "Okay.", "You should go."]
    remarks = [said(GRACE, text, TIRED) for text in texts]
    assert all(one.rewording for one in remarks)
    assert chosen(remarks) == {1, 3}


def test_what_is_told_while_they_talk_names_the_skill() -> None:
    record = TurnRecord.of(start(GRACE), advance(start(GRACE), GRACE, "What brings you here?"))
    assert live_words(record, "What brings you here?", "", GRACE).startswith("Open question. ")


@pytest.mark.parametrize("language", ["en", "es"])
def test_every_wording_in_the_lists_is_taken_for_what_it_is_meant_to_be(language: str) -> None:
    book = rewording._book(language)
    fill = {
        "said": "You're tired of it." if language == "en" else "No puede más.",
        "own": "The test is free." if language == "en" else "La prueba es gratis.",
        "person": "mother" if language == "en" else "madre",
    }
    for style in filter(None, (book.formal, book.informal)):
        lists = [style[name] for name in ("blame", "advice", "dump", "self", "short", "open", "stack")]
        patterns = [line for patterns in lists for line in patterns]
        patterns += [*style["matters"].values(), style["person"], *(one["says"] for one in style["opened"])]
        for pattern in patterns:
            wording = pattern.format(**fill)
            assert rewording._is_as_meant(wording, language, ""), (wording, code(wording, language).acts)
        for wording in style["mend"]:
            acts = code(wording, language).acts
            assert "apology" in acts, wording
            assert not {"advice", "confrontation"} & set(acts), wording


@settings(deadline=None, max_examples=60)
@given(texts, texts, st.sampled_from(["grace-lim", "dario-mamani", "walter-haines"]), st.sampled_from(["en", "es"]))
def test_any_text_gives_the_same_remark_that_tells_nothing_untold(
    text: str, heard: str, slug: str, language: str
) -> None:
    client = LIBRARY[slug]
    before = replay(client, [Line("client", heard)])
    record = TurnRecord.of(before, advance(before, client, text))
    one = remark(record, text, heard, client, language)
    assert one == remark(record, text, heard, client, language)
    assert one.skills
    told = " ".join([one.note, *one.moved, one.rewording.text if one.rewording else ""])
    for place, fact in enumerate(facts_of(client)):
        if place not in record.unlocked:
            assert f"“{fact.topic}”" not in told
            assert all(fingerprint(line) not in fingerprint(told) for line in fact.lines)


def test_a_whole_talk_with_each_library_client_gives_wordings_that_are_no_fault() -> None:
    asked = ["Hello.", "Are you sad?", "You should rest.", "Do you have friends?", "Okay.", "You're being difficult."]
    for client in LIBRARY.values():
        history: list[Line] = []
        for text in asked:
            heard = history[-1].text if history else client.opening_line
            found = said(client, text, heard).rewording
            if found:
                assert not {"advice", "confrontation"} & set(code(found.text, client.language, heard).acts)
            history += [Line("student", text)]
            history += [Line("client", reply(client, history))]
