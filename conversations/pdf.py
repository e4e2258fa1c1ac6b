"""Transcripts as PDF: A4, to read and print like a script, in whatever letters the fonts here have.

DejaVu Sans comes with the portal (Latin, Greek, Cyrillic, Armenian, Georgian, Hebrew, Arabic, many symbols); a school
that writes in others names its fonts in PDF_FONTS. What no font has stands as ▯, and the file says so at its head.
"""

import logging
import re
import secrets
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from django.conf import settings
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _
from fpdf import FPDF
from fpdf.enums import Align
from fpdf.fonts import TTFFont

from conversations.exports import Judgement, Line, Talk, note_by, one_line, scoring_title

logger = logging.getLogger("rapport.exports")

FONTS = Path(__file__).parent / "fonts"
BODY = "body"
MISSING = "▯"
MARGIN = 20  # millimetres, as all lengths here
INDENT = 6
INK, SOFT, ACCENT = (28, 32, 36), (95, 102, 110), (14, 92, 99)
# Letters that join, turn or reorder; shaping costs four times the time, so only they get it.
SHAPED = re.compile("[\u0590-\u109f\u1780-\u18af\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff]")
# Marks without a width that shaping and direction need. Overrides of direction are not among them.
JOINERS = frozenset("\u200c\u200d\u200e\u200f")
VARIATIONS = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]")

Style = Literal["", "B"]


def pdf(talk: Talk) -> bytes:
    """The conversation as a PDF file in the language that is active. No text makes it fail."""
    document = _Document(talk)
    document.write_head()
    if talk.scoring:
        document.write_scoring(talk.scoring)
    for line in document.lines:
        document.write_line(line)
    return bytes(document.output())


class _Letters(dict[int, str]):
    """For `str.translate`: each character as it can be shown, or ▯; found out once for each."""

    def __init__(self, covered: Iterable[int]) -> None:
        super().__init__()
        self.covered = frozenset(covered)

    def __missing__(self, code: int) -> str:
        letter = chr(code)
        category = unicodedata.category(letter)
        if letter == "\n" or (code in self.covered and category not in {"Cc", "Cf"}):
            shown = letter
        elif letter == "\t":
            shown = "    "
        elif letter in JOINERS:
            shown = letter if code in self.covered else ""
        elif category in {"Cc", "Cf", "Cs"} or VARIATIONS.match(letter):
            shown = ""
        else:
            shown = " " if category == "Zs" else MISSING
        self[code] = shown
        return shown


class _Document(FPDF):
    """One transcript on A4 pages that carry their number."""

    def __init__(self, talk: Talk) -> None:
        super().__init__(format="A4")
        self.talk, self.lines = talk, list(talk.lines)
        self.add_font(BODY, "", FONTS / "DejaVuSans.ttf")
        self.add_font(BODY, "B", FONTS / "DejaVuSans-Bold.ttf")
        more = self._more_fonts()
        self.set_fallback_fonts(more, exact_match=False)
        fonts = [self.fonts[name] for name in [BODY, *more]]
        self.letters = _Letters(code for font in fonts if isinstance(font, TTFFont) for code in font.cmap)
        words = "".join(_words(talk, self.lines))
        self.shaped = bool(SHAPED.search(words))
        self.missing = sum(self.letters[ord(letter)] == MISSING and letter != MISSING for letter in words)
        self.set_title(self._shown(talk.title))
        self.set_lang(get_language() or settings.LANGUAGE_CODE)
        self.set_creator("Rapport")
        # What stands for the number of pages until that is known; nobody can have written it.
        self.alias_nb_pages(f"{{{secrets.token_hex(4)}}}")
        self.set_margins(MARGIN, MARGIN)
        self.set_auto_page_break(auto=True, margin=MARGIN + 4)
        self.set_text_shaping(self.shaped)
        self.add_page()

    def _more_fonts(self) -> list[str]:
        """The names of the fonts of this school, those left out that cannot be read."""
        names = []
        for number, path in enumerate(settings.PDF_FONTS):
            try:
                self.add_font(f"more{number}", "", path)
            except (OSError, ValueError, KeyError) as error:
                logger.warning("the font %s of PDF_FONTS cannot be used: %s", path, error)
            else:
                names.append(f"more{number}")
        return names

    def footer(self) -> None:
        """The number of the page, at its foot."""
        self.set_y(-MARGIN)
        # fpdf2 cannot put the number of pages, known only at the end, into shaped text.
        self.set_text_shaping(False)
        self._style(8, colour=SOFT)
        self.cell(
            0,
            5,
            _("Page %(page)s of %(pages)s") % {"page": self.page_no(), "pages": self.str_alias_nb_pages},
            align=Align.L,
        )
        self.set_text_shaping(self.shaped)

    def write_head(self) -> None:
        """The title, the facts, and what cannot be shown."""
        self._write(self.talk.title, 16, "B", after=2)
        for name, value in self.talk.facts:
            self._write(f"{name}: {value}", 9, colour=SOFT)
        if self.missing:
            sentence = ngettext(
                "%(count)s character is in no font that this server has and is shown as %(mark)s. "
                "The other formats have it.",
                "%(count)s characters are in no font that this server has and are shown as %(mark)s. "
                "The other formats have them.",
                self.missing,
            )
            self.ln(2)
            self._write(sentence % {"count": self.missing, "mark": MISSING}, 9, "B")
        self._rule()

    def write_scoring(self, scoring: Judgement) -> None:
        """The levels and comments, before what was said."""
        self._write(scoring_title(scoring), 12, "B", after=1)
        for row in scoring.rows:
            self._write(f"{row.criterion}: {row.level}", 10, "B")
            if row.comment:
                self._write(row.comment, 10, indent=INDENT)
        if scoring.comment:
            self.ln(1)
            self._write(scoring.comment, 10)
        self._rule()

    def write_line(self, line: Line) -> None:
        """Who, when and what; the name never stands alone at the end of a page."""
        if self.will_page_break(18):
            self.add_page()
        self._write(f"{one_line(line.who)}  ·  {line.when}", 9, "B", INK if line.role == "student" else ACCENT)
        if line.text:
            self._write(line.text, 10)
        if line.remark:
            self._write(f"({line.remark})", 9, colour=SOFT)
        for who, text in line.notes:
            self._write(f"{note_by(one_line(who))}: {text}", 9, colour=SOFT, indent=INDENT)
        self.ln(2.5)

    def _rule(self) -> None:
        self.ln(3)
        self.set_draw_color(*SOFT)
        self.line(self.l_margin, self.get_y(), self.w - self.r_margin, self.get_y())
        self.ln(4)

    def _style(self, size: float, style: Style = "", colour: tuple[int, int, int] = INK) -> None:
        self.set_font(BODY, style, size)
        self.set_text_color(*colour)

    def _write(
        self,
        text: str,
        size: float,
        style: Style = "",
        colour: tuple[int, int, int] = INK,
        *,
        indent: float = 0,
        after: float = 0,
    ) -> None:
        """Paragraphs of text, each from the side where its script begins."""
        self._style(size, style, colour)
        for part in self._shown(text).split("\n"):
            if not part.strip():
                self.ln(size * 0.25)
                continue
            self.set_x(self.l_margin + indent)
            align = Align.R if self.shaped and _turns_left(part) else Align.L
            self.multi_cell(0, size * 0.5, part, align=align, new_x="LMARGIN", new_y="NEXT")
        self.ln(after)

    def _shown(self, text: str) -> str:
        # splitlines knows every separator that some program shows as a new line.
        return "\n".join(text.splitlines()).translate(self.letters)


def _words(talk: Talk, lines: Iterable[Line]) -> Iterable[str]:
    """Everything that people wrote in it, to look for what needs care; without what ends lines."""
    yield talk.title
    for name, value in talk.facts:
        yield name + value
    if talk.scoring:
        yield talk.scoring.rubric + talk.scoring.comment
        for row in talk.scoring.rows:
            yield row.criterion + row.comment
    for line in lines:
        yield line.who
        yield "".join(line.text.splitlines())
        for who, text in line.notes:
            yield who + "".join(text.splitlines())


def _turns_left(text: str) -> bool:
    """Whether the first letter that has a direction is written from right to left."""
    for letter in text:
        direction = unicodedata.bidirectional(letter)
        if direction in {"L", "R", "AL"}:
            return direction != "L"
    return False
