"""What counts as the same word or line."""

from hypothesis import given
from hypothesis import strategies as st

from clients.words import fingerprint, plain, sentences, stem, stems, words


def test_accents_case_and_apostrophes_do_not_matter() -> None:
    assert plain("Mamá no está, DON’T") == "mama no esta, don't"
    assert words("Don’t, she's 40!") == ("don't", "she's", "40")


def test_forms_of_a_word_share_a_stem() -> None:
    assert stem("stopped", "en") == stem("stopping", "en") == stem("stops", "en") == "stop"
    assert stem("trabajando", "es") == stem("trabajo", "es") == stem("trabaja", "es")
    assert stem("eat", "en") == "eat"
    assert stems("Walks walked", "xx") == ["walk", "walk"]


def test_sentences_keep_their_marks_and_drop_what_has_no_words() -> None:
    assert sentences("Hi. ... How are you? Qué lindo, ¿es suyo?") == ["Hi.", "How are you?", "Qué lindo,", "¿es suyo?"]


def test_lines_that_differ_in_form_only_have_one_fingerprint() -> None:
    assert fingerprint("Well, THAT is it!") == fingerprint("well that is it")


@given(st.text())
def test_any_text_can_be_taken_apart(text: str) -> None:
    assert all(words(part) for part in sentences(text))
