"""What counts as the same word or the same line: accents, endings and sentence breaks, for English and Spanish."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)?")
# A point within a number or behind a title ends no sentence.
_INSIDE = r"(?:[^.!?…¿\n]|(?<=\d)\.(?=\d)|(?<=\b[MDS]r)\.|(?<=\bMrs)\.|(?<=\bMs)\.|(?<=\b[SD]ra)\.)"
_SENTENCE = re.compile(rf"[¿¡]?{_INSIDE}*[.!?…]+[\"'”’)]*|[¿¡]?{_INSIDE}+")

# Longest first: the first ending that leaves at least three letters is cut off.
_ENGLISH = "ations ation iness ings als ness ment ied ies ing est ers al ed er es ly s y e"
_SPANISH = """
    aciones amiento imiento acion iendo mente ieron amos emos imos aron ando idad aban ados adas idos idas abas
    ado ada ido ida aba ian ias ita ito as es os an en ar er ir ia io a e o s
"""
_ENDINGS = {"en": tuple(_ENGLISH.split()), "es": tuple(_SPANISH.split())}


def plain(text: str) -> str:
    """Lower case without accents, typographic apostrophes made plain."""
    if text.isascii():
        return text.casefold()
    decomposed = unicodedata.normalize("NFKD", text.replace("’", "'").casefold())
    return "".join(char for char in decomposed if not unicodedata.combining(char))


# A conversation is read again for every reply, so what was taken apart once is kept.
@lru_cache(maxsize=4096)
def words(text: str) -> tuple[str, ...]:
    """The words of a text in order, plain, with inner apostrophes kept ("don't")."""
    return tuple(_WORD.findall(plain(text)))


@lru_cache(maxsize=20_000)
def stem(word: str, language: str) -> str:
    """A plain word without its ending; words of up to three letters stay whole."""
    base = word.split("'", 1)[0]
    for ending in _ENDINGS.get(language, _ENDINGS["en"]):
        if base.endswith(ending) and len(base) - len(ending) >= 3:
            base = base[: -len(ending)]
            break
    # "stopping" and "stop" are one word.
    if language != "es" and len(base) > 3 and base[-1] == base[-2] and base[-1] not in "aeiouls":
        base = base[:-1]
    return base


def stems(text: str, language: str) -> list[str]:
    """The stems of a text in order."""
    return [stem(word, language) for word in words(text)]


def sentences(text: str) -> list[str]:
    """The sentences of a text with their marks, stripped; none of them empty of words."""
    return [part.strip() for part in _SENTENCE.findall(text) if words(part)]


def fingerprint(text: str) -> str:
    """Equal for lines that differ only in case, accents, punctuation or spacing."""
    return " ".join(words(text))
