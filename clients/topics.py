"""Which of a client's facts a student's words approach, and the facts a client has who was written without any."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache, lru_cache
from typing import NamedTuple

from clients.aloud import aloud
from clients.phrasing import phrase_pattern
from clients.snapshot import ClientSnapshot, Fact
from clients.wordbook import carries_topic, content_stems, phrase_lists
from clients.words import fingerprint, plain, sentences, words

# Scores are sums of the weights below; from this sum on a fact counts as approached.
THRESHOLD = 1.0
_PHRASE, _KEYWORD, _TOPIC, _LINE = 2.4, 1.6, 1.4, 0.55
# A keyword such as "feel" or "why" only counts beside something else.
_EMPTY_KEYWORD = 0.8
# A matter of life shared with a fact's topic or keywords is enough to approach it, one shared with its lines is a hint.
_MATTER, _MATTER_IN_LINES = 1.05, 0.4
# A fact close behind the best is approached by the same words.
_NEAR = 0.6
_MOST = 3
# This share of a line's content words tells it, if it has not too few of them.
_TOLD, _FEW = 0.65, 3
# Words beside the question itself count this much.
_ASIDE = 0.3

# What the sentences of a background take in trust, in order, when they have to stand in for facts.
_DERIVED_UNLOCKS = (0, 0, 10, 20, 30, 35, 50, 60, 65, 70)


class Match(NamedTuple):
    """A fact (its place in `facts_of`) and how strongly words approach it."""

    place: int
    score: float


def facts_of(snapshot: ClientSnapshot) -> tuple[Fact, ...]:
    """The client's facts; for a client written without any, the background sentences that can be said aloud.

    Later sentences take more trust, since people write what matters most towards the end.
    """
    return snapshot.facts or _derived(
        snapshot.background, snapshot.name, snapshot.pronouns, snapshot.gender, snapshot.language
    )


@lru_cache(maxsize=4096)
def matters(text: str, language: str) -> tuple[str, ...]:
    """The matters of life (family, work, sleep, …) that a text touches, in the order of the word list."""
    line = " ".join(words(text))
    return tuple(name for name, pattern in _matters(language).items() if pattern.search(line))


def approached(snapshot: ClientSnapshot, text: str, aside: str = "") -> tuple[Match, ...]:
    """The facts that a text approaches, strongest first, at most three; words of `aside` count a little."""
    facts = facts_of(snapshot)
    if not facts:
        return ()
    main = _scores(facts, text, snapshot.language)
    side = _scores(facts, aside, snapshot.language) if aside else (0.0,) * len(facts)
    found = [Match(place, main[place] + _ASIDE * side[place]) for place in range(len(facts))]
    found.sort(key=lambda match: (-round(match.score, 3), facts[match.place].unlock, match.place))
    best = found[0].score
    return tuple(match for match in found[:_MOST] if match.score >= max(THRESHOLD, _NEAR * best))


def kin(snapshot: ClientSnapshot, index: int) -> tuple[int, ...]:
    """The other facts that have to do with this one, closest first: they share words or matters."""
    facts = facts_of(snapshot)
    sources = _sources(facts, snapshot.language)
    own = sources[index]
    near = []
    for place, other in enumerate(sources):
        shared = sum(min(own.words[key], other.words[key]) for key in own.words.keys() & other.words.keys())
        shared += 0.3 * len(own.named & other.named)
        if place != index and shared >= 0.5:
            near.append((-shared, facts[place].unlock, place))
    return tuple(place for _, _, place in sorted(near))


def tells(fact: Fact, text: str, language: str) -> bool:
    """Whether a text tells this fact: it holds most of the content words of one of its lines.

    A line with hardly any is told only by its very words: "I'd tell Renee" is not told by whoever names Renee.
    """
    said, own = set(content_stems(text, language)), f" {fingerprint(text)} "
    for line in fact.lines:
        wanted = set(content_stems(line, language))
        if len(wanted & said) >= max(_FEW, _TOLD * len(wanted)):
            return True
        if 0 < len(wanted) < _FEW and f" {fingerprint(line)} " in own:
            return True
    return False


class _Source(NamedTuple):
    """What one fact is recognised by."""

    keywords: tuple[tuple[re.Pattern[str], float], ...]
    words: dict[str, float]
    named: frozenset[str]
    hinted: frozenset[str]


@lru_cache(maxsize=4096)
def _scores(facts: tuple[Fact, ...], text: str, language: str) -> tuple[float, ...]:
    line = " ".join(words(text))
    stems = set(content_stems(text, language))
    touched = set(matters(text, language))
    scores = []
    for source in _sources(facts, language):
        score = sum(weight for pattern, weight in source.keywords if pattern.search(line))
        score += sum(weight for key, weight in source.words.items() if key in stems)
        if touched & source.named:
            score += _MATTER
        elif touched & source.hinted:
            score += _MATTER_IN_LINES
        scores.append(score)
    return tuple(scores)


@lru_cache(maxsize=512)
def _sources(facts: tuple[Fact, ...], language: str) -> tuple[_Source, ...]:
    vocabulary = [_weights(fact, language) for fact in facts]
    # A word that many facts share says little about any of them.
    spread = Counter(key for weights in vocabulary for key in weights)
    keywords = [tuple(dict.fromkeys(plain(keyword) for keyword in fact.keywords)) for fact in facts]
    shared = Counter(keyword for own in keywords for keyword in own)
    sources = []
    for fact, own, weights in zip(facts, keywords, vocabulary, strict=True):
        lines = " ".join(fact.lines)
        # Without keywords a fact's own words name its matters.
        named = f"{fact.topic}. {'. '.join(own)}" if own else f"{fact.topic}. {lines}"
        patterns = [(_keyword(word), _keyword_weight(word, language) / shared[word] ** 0.5) for word in own]
        sources.append(
            _Source(
                keywords=tuple(patterns),
                words={key: weight / spread[key] for key, weight in weights.items()},
                named=frozenset(matters(named, language)),
                hinted=frozenset(matters(lines, language)),
            )
        )
    return tuple(sources)


def _weights(fact: Fact, language: str) -> dict[str, float]:
    """The content stems of a fact; without keywords its own words have to carry the whole weight."""
    weight = _LINE if fact.keywords else 2 * _LINE
    weights = dict.fromkeys(content_stems(" ".join(fact.lines), language), weight)
    weights.update(dict.fromkeys(content_stems(fact.topic, language), _TOPIC))
    return weights


def _keyword_weight(keyword: str, language: str) -> float:
    if " " in keyword:
        return _PHRASE
    return _KEYWORD if carries_topic(keyword, language) else _EMPTY_KEYWORD


def _keyword(keyword: str) -> re.Pattern[str]:
    """A keyword as it may stand in a message: short ones whole or plural, longer ones as the beginning of a word."""
    tail = r"\S{0,7}" if len(keyword) > 3 else "(?:s|es|'s)?"
    return re.compile(r"(?<!\S)" + re.escape(keyword) + tail + r"(?!\S)")


@cache
def _matters(language: str) -> dict[str, re.Pattern[str]]:
    return {matter: phrase_pattern(phrases) for matter, phrases in phrase_lists("topics", language).items()}


@lru_cache(maxsize=512)
def _derived(background: str, name: str, pronouns: str, gender: str, language: str) -> tuple[Fact, ...]:
    said = [
        aloud(sentence, name=name, pronouns=pronouns, gender=gender, language=language)
        for sentence in sentences(background)
    ]
    lines = dict.fromkeys(line for line in said if line)
    facts = []
    for line, unlock in zip(lines, _DERIVED_UNLOCKS, strict=False):
        topic = " ".join(content_stems(line, language)[:3]) or line
        facts.append(Fact(topic=topic, depth="surface" if unlock <= 35 else "real", unlock=unlock, lines=(line,)))
    return tuple(facts)
