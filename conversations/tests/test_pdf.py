"""PDF of a conversation: it opens, reads in order, numbers its pages, says what it cannot show, and never fails."""

import io
from typing import Any

import pytest
from django.utils import translation
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pypdf import PdfReader

from conversations.exports import Judged, Judgement, Line, Talk
from conversations.pdf import FONTS, pdf

MARKS = "**bold** __under__ --it-- {nb} [a](http://x.example) ~~s~~"
HOSTILE = {
    "a word without end": "a" * 8_000,
    "a letter under a heap of accents": "e" + "\u0301" * 3_000,
    "emoji and families": "😀 👩‍👩‍👧‍👦 🫠 ❤️ 🇪🇸",
    "from right to left": "مرحبا בעולם hello 123 \u202e\u2066evil\u2069",
    "control characters": "".join(map(chr, range(1, 32))) + "\x7f\x85\u2028\u2029\ufeff\u200b\u00ad",
    "the library's own marks": MARKS,
    "no letters at all": "\u0300\u200d\ufe0f\u0301",
    "the ends of Unicode": "\ue000\ufffe\uffff\U0010ffff\U000e0101",
    "many scripts": "Ελληνικά Кириллица 你好 नमस्ते ไทย 한국어 ქართული հայերեն",
    "nothing but breaks": "\n\r\n\x0b\x0c\n",
}


def talk(*texts: str, scoring: Judgement | None = None) -> Talk:
    lines = [Line("Alex", "2026-11-21 10:00", text, role="student", notes=(("Robin", "Look"),)) for text in texts]
    return Talk("Conversation with Maria", (("Student", "Alex Romero"),), {}, lines, scoring)


def read(content: bytes) -> list[str]:
    """The text of each page."""
    return [page.extract_text() for page in PdfReader(io.BytesIO(content)).pages]


@pytest.mark.parametrize("what", HOSTILE)
def test_no_text_makes_it_fail(what: str) -> None:
    content = pdf(talk(HOSTILE[what], "And on."))
    assert content.startswith(b"%PDF-")
    assert content.rstrip().endswith(b"%%EOF")


@hypothesis_settings(max_examples=15, deadline=None)
@given(st.text(max_size=120), st.text(max_size=20))
def test_no_text_whatever_makes_it_fail(text: str, name: str) -> None:
    judged = (Judged(name, "good", 3, text),)
    scoring = Judgement(name, "released", "3 of 4", "75.0", text, judged)
    lines = [Line(name, "10:00", text, remark=name, notes=((name, text),))]
    assert pdf(Talk(name, ((name, text),), {}, lines, scoring)).startswith(b"%PDF-")


def test_it_reads_like_a_script_with_numbered_pages() -> None:
    lines = [f"What was said {number}. " * 20 for number in range(12)]
    found = read(pdf(talk(*lines)))
    assert len(found) > 1
    for number, page in enumerate(found, 1):
        assert page.endswith(f"Page {number} of {len(found)}")
    whole = " ".join(" ".join(found).split())
    places = [whole.index(f"What was said {number}.") for number in range(12)]
    assert places == sorted(places)
    assert whole.startswith("Conversation with Maria Student: Alex Romero Alex · 2026-11-21 10:00 What was said 0.")
    assert whole.count("Note by Robin: Look") == 12


def test_scoring_comes_before_what_was_said() -> None:
    scoring = Judgement(
        "Listening", "released", "3.00 of 4, 75.0 %", "75.0", "Go on.", (Judged("Hears", "good", 3, "Ja"),)
    )
    (page,) = read(pdf(talk("Hello.", scoring=scoring)))
    places = [
        page.index(words) for words in ("Scoring by Listening: 3.00 of 4, 75.0 % (released)", "Hears: good", "Hello.")
    ]
    assert places == sorted(places)


def test_it_names_its_title_and_its_language() -> None:
    with translation.override("es"):
        reader = PdfReader(io.BytesIO(pdf(talk("Hola."))))
    assert reader.metadata is not None
    assert reader.metadata.title == "Conversation with Maria"
    assert str(reader.root_object["/Lang"]) == "es"
    assert [round(side) for side in reader.pages[0].mediabox[2:]] == [595, 842]


@pytest.mark.parametrize("text", ["Ελληνικά", "Кириллица", "ação Łódź ğüş", "ქართული", "հայերեն", "← ½ ✓ ☺", MARKS])
def test_these_letters_are_shown_as_they_are(text: str) -> None:
    (page,) = read(pdf(talk(text)))
    assert text in page
    assert "▯" not in page


def test_what_no_font_has_is_marked_and_the_file_says_so() -> None:
    (page,) = read(pdf(talk("你好 Maria")))
    assert "2 characters are in no font that this server has and are shown as ▯." in " ".join(page.split())
    assert "▯▯ Maria" in page


def test_a_school_brings_fonts_of_its_own(settings: Any, caplog: pytest.LogCaptureFixture) -> None:
    settings.PDF_FONTS = ["/nowhere/font.ttf", str(FONTS / "LICENSE"), str(FONTS / "DejaVuSans-Bold.ttf")]
    (page,) = read(pdf(talk("Hello.")))
    assert "Hello." in page
    assert [record.getMessage()[:40] for record in caplog.records] == [
        "the font /nowhere/font.ttf of PDF_FONTS ", f"the font {FONTS / 'LICENSE'} of PDF_FONTS"[:40],
    ]  # fmt: skip
