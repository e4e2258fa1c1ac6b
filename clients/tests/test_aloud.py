"""Which sentences about a client the client can say, and how."""

import pytest

from clients.aloud import aloud


@pytest.mark.parametrize(
    ("sentence", "said"),
    [
        ("Rosa works nights at a bakery.", "I work nights at a bakery."),
        ("She has cared for her mother since a stroke.", "I have cared for my mother since a stroke."),
        ("Her husband left her when Leo was born.", "My husband left me when Leo was born."),
        ("Rosa Delgado still worries and often watches the door.", "I still worry and often watches the door."),
        ("She watches the door, and she's tired.", "I watch the door, and I'm tired."),
        ("She carries it by herself.", "I carry it by myself."),
        ("She must go.", "I must go."),
        ("My landlord wants us out.", "My landlord wants us out."),
        ("The bakery closes in May.", ""),
        ("Her sister says she drinks.", ""),
    ],
)
def test_a_sentence_about_her_becomes_her_own_where_that_is_safe(sentence: str, said: str) -> None:
    assert aloud(sentence, name="Rosa Delgado", pronouns="she/her") == said


def test_he_takes_his_words() -> None:
    assert aloud("His boss told him to rest.", name="Tom", gender="man") == "My boss told me to rest."


def test_nothing_is_turned_without_knowing_the_pronoun() -> None:
    assert aloud("They work at night.", name="Kim", pronouns="they/them", gender="woman") == ""
    assert aloud("Kim works at night.", name="Kim") == ""


def test_spanish_is_said_only_in_the_first_person() -> None:
    assert aloud("Perdí mi trabajo.", name="Ana", gender="woman", language="es") == "Perdí mi trabajo."
    assert aloud("Perdió su trabajo.", name="Ana", gender="woman", language="es") == ""


def test_an_unknown_language_is_left_alone() -> None:
    assert aloud("Elle travaille.", name="Ana", gender="woman", language="fr") == ""
