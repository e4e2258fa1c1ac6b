"""Drawn avatars: a shape, a tone and initials that follow from an id alone and say nothing about the person."""

from hashlib import blake2s
from unicodedata import category

from django.utils.html import format_html
from django.utils.safestring import SafeString

TONES = 6

# Paths on a grid of 48: the outline a face is cut from …
_OUTLINES = (
    "M24 0a24 24 0 1 1 0 48 24 24 0 0 1 0-48z",
    "M13 0h22a13 13 0 0 1 13 13v22a13 13 0 0 1-13 13H13A13 13 0 0 1 0 35V13A13 13 0 0 1 13 0z",
    "M24 0a24 24 0 0 1 24 24v14a10 10 0 0 1-10 10H10A10 10 0 0 1 0 38V24A24 24 0 0 1 24 0z",
    "M10 0h14a24 24 0 0 1 24 24v14a10 10 0 0 1-10 10H24A24 24 0 0 1 0 24V10A10 10 0 0 1 10 0z",
    "M13 0h11v48H13A13 13 0 0 1 0 35V13A13 13 0 0 1 13 0zm11 0a24 24 0 0 1 0 48z",
)
# … and what lies behind the initials, within a circle that fits every outline.
_MARKS = (
    "M2.7 35a24 24 0 0 0 42.6 0z",
    "M34 6a8 8 0 1 1 0 16 8 8 0 0 1 0-16z",
    "M14 5a8 8 0 1 1 0 16 8 8 0 0 1 0-16z",
    "M13 2.7a24 24 0 0 0 0 42.6z",
    "M24 2a22 22 0 1 1 0 44 22 22 0 0 1 0-44zm0 3a19 19 0 1 0 0 38 19 19 0 0 0 0-38z",
    "M47.6 19.8A24 24 0 0 1 19.8 47.6z",
)


def initials(name: str) -> str:
    """The first letters of the first and last word of `name`, at most two, in capitals; "?" where it has no letter."""
    letters = [first for word in name.split() if (first := _first_letter(word))]
    return (letters[0] + (letters[-1] if len(letters) > 1 else "")).upper()[:2] if letters else "?"


def _first_letter(word: str) -> str:
    return next((character for character in word if category(character)[0] in "LN"), "")


def draw(seed: object, name: str, size: str = "") -> SafeString:
    """An SVG for `seed` (a client's uuid) with the initials of `name`, hidden from screen readers: a name is beside it.

    `size` is "", "small" or "large". The same seed and name give the same drawing for ever.
    """
    outline, mark, tone = blake2s(str(seed).encode(), digest_size=3).digest()
    return format_html(
        '<svg class="avatar{} tone-{}" viewBox="0 0 48 48" aria-hidden="true" focusable="false">'
        '<path class="avatar-back" d="{}"/><path class="avatar-mark" d="{}"/>'
        '<text class="avatar-initials" x="24" y="30.5">{}</text></svg>',
        f" avatar-{size}" if size in {"small", "large"} else "",
        tone % TONES + 1,
        _OUTLINES[outline % len(_OUTLINES)],
        _MARKS[mark % len(_MARKS)],
        initials(name),
    )
