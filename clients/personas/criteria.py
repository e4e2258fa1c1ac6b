"""What a persona's success is measured by: pure counts over the replies of a conversation, by rules and word lists.

Each measure is a share of replies from 0 to 1 or a count, None where nothing can be said of it. They tell how a tutor
talks, and not whether anybody learned.
"""

import re
import statistics
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

WORDS = Path(__file__).parent / "words.toml"
MOST_WORDS = 1_000.0
LECTURE_WORDS = 120
# Without spaces between words: about so many signs make one.
SIGNS_A_WORD = 1.7
UNSPACED = {"zh", "ja"}

_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")
_KANA = re.compile(r"[\u3040-\u30ff]")
_QUESTION = re.compile(r"[?？]")
_LIST_LINE = re.compile(r"^\s*(?:[-*•]|\d{1,2}[.)、])\s*\S", re.MULTILINE)
_WORD = re.compile(r"[^\W\d_]+")
_SENTENCE = re.compile(r"[^.!?。！？\n]+[.!?。！？]*")
_SOURCE = re.compile(
    r"https?://\S+|\bdoi\b[:\s]|\b10\.\d{4,}/|\bet al\b|\b(?:pp?|pág|S|p\.)\.\s?\d+|"
    r"\b[A-ZÀ-Þ][\w'’-]+(?:\s(?:and|&|y|et|und|e)\s[A-ZÀ-Þ][\w'’-]+)?,?\s\(?(?:19|20)\d\d\)?",
)
# The commonest words, which tell written languages of Latin letters apart.
_COMMON = {
    "en": "the and of to you that is it what in was for not with have are this do but your",
    "es": "el la de que y en los se las por con para una no es lo qué tu cómo pero",
    "fr": "le la les des et en un une du que est pour vous dans qui pas ce il votre mais",
    "de": "der die und das ist nicht ein sie es ich zu den mit was du wie auf aber haben eine",
    "it": "il di che e la un per è non una sono con le si cosa come ma hai della questo",
    "pt": "o de que e a do da em um para é com não uma os você se mas como na",
}


@dataclass(frozen=True, slots=True)
class Exchange:
    """What the learner said, and the tutor's reply to it."""

    said: str
    reply: str


@dataclass(frozen=True, slots=True)
class Talk:
    """The exchanges of one conversation, and its language."""

    exchanges: Sequence[Exchange]
    language: str


@dataclass(frozen=True, slots=True)
class Criterion:
    """One measure: what it says, the most that a threshold of it can be, and whether the threshold is a floor."""

    label: str | Promise
    most: float
    at_least: bool
    measure: Callable[[Talk], float | None]


@dataclass(frozen=True, slots=True)
class Result:
    """A measure beside its threshold; `is_met` is None where nothing could be measured."""

    name: str
    value: float | None
    threshold: float

    @property
    def is_met(self) -> bool | None:
        """Whether the value keeps to the threshold."""
        if self.value is None:
            return None
        return self.value >= self.threshold if CRITERIA[self.name].at_least else self.value <= self.threshold


def measure(talk: Talk, thresholds: Mapping[str, float]) -> list[Result]:
    """Each criterion of a persona on this conversation, and what holds for every persona, in this order."""
    every = {**thresholds, **{name: value for name, value in EVERY_PERSONA.items() if name not in thresholds}}
    return [Result(name, CRITERIA[name].measure(talk), threshold) for name, threshold in every.items()]


def over_all(talks: Sequence[Sequence[Result]]) -> dict[str, tuple[int, int]]:
    """For each criterion in how many of these conversations it was met, and in how many it could be measured."""
    found: dict[str, tuple[int, int]] = {}
    for results in talks:
        for result in results:
            met, measured = found.get(result.name, (0, 0))
            found[result.name] = met + (result.is_met is True), measured + (result.is_met is not None)
    return found


# --- What a text does ------------------------------------------------------------------------------------------------


def word_count(text: str) -> int:
    """Words; in writing without spaces the signs that make about as many."""
    signs = len(_CJK.findall(text))
    return len(_WORD.findall(_CJK.sub(" ", text))) + round(signs / SIGNS_A_WORD)


def questions(text: str) -> int:
    """Sentences that ask."""
    return len(_QUESTION.findall(re.sub(r"[?？]+", "?", text)))


def ends_asking(text: str) -> bool:
    """Whether the last sentence asks."""
    sentences = _SENTENCE.findall(text.rstrip(" \n\"'”’»」)）"))
    return bool(sentences) and bool(_QUESTION.search(sentences[-1]))


def shows(text: str, move: str, language: str) -> bool:
    """Whether one of the phrases of this move stands in the text."""
    pattern = _phrases().get(language, {}).get(move)
    return bool(pattern and pattern.search(text.casefold()))


def clarifies(reply: str, language: str) -> bool:
    """Whether a reply asks what the learner wants and gives nothing: short, a question at its end, no assumption."""
    asks = shows(reply, "clarify", language) and bool(_QUESTION.search(reply))
    return asks and word_count(reply) <= LECTURE_WORDS // 2 and not shows(reply, "assume", language)


def shared_words(said: str, reply: str) -> int:
    """How many longer words of what was said the reply takes up; pairs of signs where words have no spaces."""
    return len(_marks(said) & _marks(reply))


def language_of(text: str) -> str:
    """The language of the eight that this is most likely in, "" where too little says so."""
    if _KANA.search(text):
        return "ja"
    if len(_CJK.findall(text)) > len(_WORD.findall(_CJK.sub(" ", text))):
        return "zh"
    words = _WORD.findall(text.casefold())
    scores = {language: sum(word in common for word in words) for language, common in _common().items()}
    best = max(scores, key=lambda language: scores[language])
    return best if scores[best] >= 2 or (words and scores[best] / len(words) >= 0.2) else ""


def sources(text: str) -> set[str]:
    """What looks like a source: links, DOIs, pages, works with their year."""
    return {found.strip(" .,()").casefold() for found in _SOURCE.findall(text)}


def _marks(text: str) -> set[str]:
    longer = {word.casefold() for word in _WORD.findall(_CJK.sub(" ", text)) if len(word) >= 5}
    runs = re.findall(r"[\u3400-\u9fff]{2,}|[\u30a0-\u30ff]{2,}", text)
    return longer | {run[at : at + 2] for run in runs for at in range(len(run) - 1)}


@cache
def _common() -> dict[str, frozenset[str]]:
    return {language: frozenset(words.split()) for language, words in _COMMON.items()}


@cache
def _phrases() -> dict[str, dict[str, re.Pattern[str]]]:
    """The word lists as patterns, by language and move."""
    lists = tomllib.loads(WORDS.read_text(encoding="utf-8"))
    return {
        language: {move: _pattern(phrases, bounded=language not in UNSPACED) for move, phrases in moves.items()}
        for language, moves in lists.items()
    }


def _pattern(phrases: Sequence[str], *, bounded: bool) -> re.Pattern[str]:
    either = "|".join(re.escape(phrase.casefold()) for phrase in sorted(phrases, key=len, reverse=True))
    return re.compile(rf"(?<!\w)(?:{either})(?!\w)" if bounded else either)


# --- What a conversation does ----------------------------------------------------------------------------------------


def _share(of: Callable[[Exchange, str], bool]) -> Callable[[Talk], float | None]:
    """The share of replies of which this is so."""

    def share(talk: Talk) -> float | None:
        if not talk.exchanges:
            return None
        return sum(of(one, talk.language) for one in talk.exchanges) / len(talk.exchanges)

    return share


def _median_words(talk: Talk) -> float | None:
    counts = [word_count(one.reply) for one in talk.exchanges]
    return statistics.median(counts) if counts else None


def _most_questions(talk: Talk) -> float | None:
    return max((questions(one.reply) for one in talk.exchanges), default=None)


def _longest_clarifying(talk: Talk) -> float | None:
    """The most clarifying replies one after another."""
    if not talk.exchanges:
        return None
    longest = run = 0
    for one in talk.exchanges:
        run = run + 1 if clarifies(one.reply, talk.language) else 0
        longest = max(longest, run)
    return longest


def _invented(talk: Talk) -> float | None:
    """The share of replies with a source that nobody brought before."""
    if not talk.exchanges:
        return None
    brought: set[str] = set()
    found = 0
    for one in talk.exchanges:
        brought |= sources(one.said)
        found += bool(sources(one.reply) - brought)
    return found / len(talk.exchanges)


def _asks_about_the_matter(one: Exchange, language: str) -> bool:
    return ends_asking(one.reply) and not clarifies(one.reply, language)


def _only_explains(one: Exchange, language: str) -> bool:
    return not questions(one.reply) and word_count(one.reply) > LECTURE_WORDS // 3


def _offers_a_step(one: Exchange, language: str) -> bool:
    end = "".join(_SENTENCE.findall(one.reply)[-3:])
    return shows(end, "step", language)


def _praises_emptily(one: Exchange, language: str) -> bool:
    return shows(one.reply, "praise", language) and not shows(one.reply, "did", language)


def _keeps_going(one: Exchange, language: str) -> bool:
    return ends_asking(one.reply) or shows("".join(_SENTENCE.findall(one.reply)[-2:]), "offer", language)


def _lectures(one: Exchange, language: str) -> bool:
    return word_count(one.reply) > LECTURE_WORDS or len(_LIST_LINE.findall(one.reply)) > 1


def _is_in_language(one: Exchange, language: str) -> bool:
    return language_of(one.reply) in {language, ""}


def _gives_options(one: Exchange, language: str) -> bool:
    lines = len(_LIST_LINE.findall(one.reply))
    phrases = _phrases().get(language, {}).get("option")
    told = len(set(phrases.findall(one.reply.casefold()))) if phrases else 0
    return 2 <= lines <= 3 or (not lines and told >= 2)


def _that(move: str) -> Callable[[Talk], float | None]:
    """The share of replies in which a phrase of this move stands."""
    return _share(lambda one, language: shows(one.reply, move, language))


def _takes_up(one: Exchange, _language: str) -> bool:
    return shared_words(one.said, one.reply) >= 2


def _floor(label: Promise, measure: Callable[[Talk], float | None]) -> Criterion:
    """A share that is to be reached."""
    return Criterion(label, 1.0, at_least=True, measure=measure)


def _ceiling(label: Promise, measure: Callable[[Talk], float | None], most: float = 1.0) -> Criterion:
    """A share or a count that is not to be passed."""
    return Criterion(label, most, at_least=False, measure=measure)


CRITERIA: dict[str, Criterion] = {
    "asks_back": _floor(_("Replies that end with a question about the matter"), _share(_asks_about_the_matter)),
    "question_run": _ceiling(_("Most questions in one reply"), _most_questions, 20.0),
    "answers_given": _ceiling(_("Replies that only explain"), _share(_only_explains)),
    "affirms": _floor(_("Replies that name what the learner did"), _that("did")),
    "next_step": _floor(_("Replies that end with a next step"), _share(_offers_a_step)),
    "empty_praise": _ceiling(_("Replies that praise without a reason"), _share(_praises_emptily)),
    "keeps_going": _floor(_("Replies that end with a question or an offer"), _share(_keeps_going)),
    "lectures": _ceiling(_("Replies that lecture"), _share(_lectures)),
    "in_language": _floor(_("Replies in the language of practice"), _share(_is_in_language)),
    "defines": _floor(_("Replies that say what a term means"), _that("define")),
    "hedges": _floor(_("Replies that tell what is known from what is debated"), _that("hedge")),
    "options": _floor(_("Replies that offer two or three ways"), _share(_gives_options)),
    "builds_on": _floor(_("Replies that take up the learner's words"), _share(_takes_up)),
    "words": _ceiling(_("Words of the median reply"), _median_words, MOST_WORDS),
    "clarifying": _ceiling(_("Most clarifying replies one after another"), _longest_clarifying, 20.0),
    "invented_sources": _ceiling(_("Replies with a source that nobody brought"), _invented),
}
# What the global guidelines hold every persona to.
EVERY_PERSONA = {"clarifying": 2.0, "invented_sources": 0.0}
