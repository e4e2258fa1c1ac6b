"""What a client says is said back to them in good grammar, or not at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.turning import inside, turned
from clients.words import words

TURNED = {
    "I'm tired of it.": "You're tired of it.",
    "Well, I was scared!": "You were scared.",
    "I guess my boss doesn't see me.": "Your boss doesn't see you.",
    "It was hard for me and my sister.": "It was hard for you and your sister.",
    "I know it was wrong": "You know it was wrong.",
    "I’ve lost mine. I don't sleep. Why do you ask?": "You don't sleep.",
    "Pues no puedo más.": "No puede más.",
    "Me siento sola desde que murió mi madre": "Se siente sola desde que murió su madre.",
    "Me duele la rodilla.": "Le duele la rodilla.",
    "Trabajo de noche y mi trabajo me cansa.": "Trabaja de noche y su trabajo le cansa.",
    "Ya he pagado; llegué tarde.": "Ha pagado; llegó tarde.",
}


@pytest.mark.parametrize("said", TURNED)
def test_the_person_is_turned(said: str) -> None:
    assert turned(said, "es" if words(said)[0] in {"pues", "me", "trabajo", "ya"} else "en") == TURNED[said]


@pytest.mark.parametrize(
    ("said", "language"),
    [
        ("", "en"),
        ("Why should I trust you?", "en"),
        ("Thanks for asking me.", "en"),
        ("Tell me what to do.", "en"),
        ("They sold the practice.", "en"),
        ('She said "I am done" and left.', "en"),
        ("¿Y yo qué hago?", "es"),
        ("En junio nos fuimos de aquí.", "es"),
        ("Pregúntele a mi marido.", "es"),
        ("Luego me cuentas algo.", "es"),
        ("Yo no obligo a nadie.", "es"),
        ("Yo zurzo mis calcetines.", "es"),
    ],
)
def test_what_is_said_to_somebody_or_in_doubt_is_not_turned(said: str, language: str) -> None:
    assert turned(said, language) == ""


@given(st.text(max_size=200), st.sampled_from(["en", "es"]))
def test_any_text_gives_a_sentence_about_them_or_nothing(text: str, language: str) -> None:
    said = turned(text, language)
    assert said == "" or said.endswith(".")
    assert {"i", "me", "my", "i'm", "i've"}.isdisjoint(words(said) if language == "en" else ())
    assert turned(text, language) == said


def test_inside_another_sentence_it_is_small_but_for_names() -> None:
    assert inside("You're tired of it.", "en") == "you're tired of it"
    assert inside("Cerys rings you.", "en") == "Cerys rings you"
