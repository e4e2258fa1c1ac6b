"""The character guard: reads a reply while it streams, and says as soon as it can that this is not the client.

Its word lists are data (phrases/guard_*.toml). It would rather miss one than take back a reply that was in character.
See docs/character.md.
"""

from __future__ import annotations

import re
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from enum import StrEnum
from functools import cache, lru_cache
from math import ceil
from typing import Any, NamedTuple

from clients.phrasing import phrase_pattern
from clients.snapshot import ClientSnapshot, Fact
from clients.state import State, block
from clients.topics import facts_of, tells
from clients.vocabulary import BUSINESS
from clients.wordbook import LANGUAGES, content_stems, phrase_lists
from clients.words import plain, sentences, words

EXCERPT = 240
# So many words in a row as they stand in the prompt are no chance.
RUN = 8
# A locked fact is told when this share of what is new in one of its lines was said, and at least so many words of it.
SHARE, LEAST = 0.75, 3
# Words further apart than this do not tell one thing.
SPAN = 60
# A phrase is looked for in the last words of a sentence, so many of them.
TAIL = 24
LIST_LINES = 3
# So many letters and digits without a space are base64 and no word.
ENCODED = 48

_PART = re.compile(r"[^ \n]+|\n")
_LAST_WORD_CHARACTER = re.compile(r"[^\W_][\W_]*\Z")
_ITEM = re.compile(r"[-*•]|\d{1,2}[.)]")
_ENCODED = re.compile(rf"(?=.*[0-9])(?=.*[A-Z])(?=.*[a-z])[0-9A-Za-z+/=_-]{{{ENCODED}}}")
_QUOTED = re.compile(r'"[^"\n]*"|“[^”\n]*”|«[^»\n]*»')


class Kind(StrEnum):
    """How a reply leaves the character."""

    HELPER = "helper"
    AI = "ai"
    PROMPT = "prompt"
    FACT = "fact"
    # Of tutors (clients.personas.guarding): they ask once more what is wanted.
    ASKS_BACK = "asks_back"


class Slip(NamedTuple):
    """That a reply left the character: how, and the words in which it did, at most EXCERPT characters."""

    kind: Kind
    excerpt: str


class Guard:
    """Reads one reply. What it says in the end depends on the text alone, not on the pieces in which it came."""

    def __init__(self, snapshot: ClientSnapshot, prompt: str, state: State, said: Iterable[str]) -> None:
        """`prompt` is what the model was told beside the state's block, `said` what the student has said so far."""
        facts = facts_of(snapshot)
        known = tuple(said)
        locked = [
            fact
            for place, fact in enumerate(facts)
            if fact.depth == "real"
            and place not in state.unlocked
            # What the student has guessed may be agreed to.
            and not any(tells(fact, text, snapshot.language) for text in known)
        ]
        open_to_all = (snapshot.opening_line, snapshot.background, snapshot.reason, snapshot.scenario)
        own = open_to_all + tuple(line for fact in facts for line in fact.lines)
        self._runs = _runs(prompt, own) | (_runs_in(block(state, snapshot)) - _runs_of(own))
        self._told = frozenset[int]().union(*(_runs_of(fact.lines) for fact in locked)) - _runs_of(open_to_all)
        self._secrets = _secrets(snapshot, locked, known)
        self._language = snapshot.language
        # "How can I help you?" is a fair answer to a greeting, and none to one who wants the client out of the role.
        tried = state.last is not None and "out_of_role" in state.last.acts
        tried = tried or not _words("tricks").isdisjoint(words(known[-1] if known else ""))
        # There the client may be the one who serves, sells or explains.
        self._at_work = snapshot.domain in BUSINESS and not tried
        # What may be said at work is said in the client's language.
        self._served = f"service_{self._language if self._language in LANGUAGES else 'en'}" if self._at_work else ""
        self._open = ""
        self._raw: deque[str] = deque(maxlen=SPAN)
        self._recent: tuple[str, ...] = ()
        self._sentence: deque[str] = deque(maxlen=TAIL)
        self._number = self._items = 0
        self._begins_line = True
        self._quotes = False
        self._slip: Slip | None = None

    def feed(self, piece: str) -> Slip | None:
        """The slip in the text so far, if there is one; a word counts once the space after it has come."""
        if self._slip is None:
            self._open += piece
            if " " in piece or "\n" in piece:
                cut = max(self._open.rfind(" "), self._open.rfind("\n")) + 1
                whole, self._open = self._open[:cut], self._open[cut:]
                self._read(_PART.findall(whole))
            if self._slip is None and _ENCODED.match(self._open):
                # What has no space would be shown to its end.
                self._read([self._open])
        return self._slip

    def end(self) -> Slip | None:
        """The slip in the whole text, which ends here."""
        return self.feed("\n")

    def _read(self, parts: list[str]) -> None:
        for part in parts:
            kind = self._hear(part)
            if kind is not None:
                self._slip = Slip(kind, " ".join(self._raw)[-EXCERPT:])
                return

    def _hear(self, part: str) -> Kind | None:
        """The kind of slip that the text holds with this part, which is a line's end or has no space in it."""
        if part == "\n":
            self._begins_line, self._quotes = True, False
            self._sentence.clear()
            return None
        self._raw.append(part[:ENCODED])
        if _ENCODED.match(part):
            return Kind.PROMPT
        heard = _heard(part)
        # A reply that is one quotation is no quotation.
        self._quotes = (self._quotes or heard.opens) and self._number > 0
        kind = self._listed(part) or self._phrase(heard) or self._verbatim(heard) or self._secret(part)
        self._begins_line = False
        self._quotes = self._quotes and not heard.closes
        if heard.ends:
            self._sentence.clear()
        return kind

    def _listed(self, part: str) -> Kind | None:
        """A list is a helper's, unless the client is at work."""
        self._items += self._begins_line and _ITEM.fullmatch(part) is not None
        return Kind.HELPER if self._items >= LIST_LINES and not self._at_work else None

    def _phrase(self, heard: _Heard) -> Kind | None:
        ends, unless = _book()
        for said in heard.words:
            word = "0" if said.isdigit() else said
            pair = f"{self._sentence[-1]} {word}" if self._sentence else word
            self._sentence.append(word)
            for name, pattern in (*ends.get(word, ()), *(ends.get(pair, ()) if pair != word else ())):
                kind = Kind.HELPER if name.startswith("service") else Kind(name)
                if name == self._served or (kind is Kind.HELPER and self._quotes):
                    continue
                tail = " ".join(self._sentence)
                # "An AI language model?" only wonders at what the student said.
                wonders = heard.asks and kind is not Kind.HELPER
                found = pattern.search(tail)
                if found and not wonders and not unless[kind].search(tail[: found.start()].rstrip()):
                    return kind
        return None

    def _verbatim(self, heard: _Heard) -> Kind | None:
        for word in heard.words:
            if word not in _MARKS:
                self._number += 1
                self._recent = (*self._recent[1 - RUN :], word)
                run = hash(self._recent)
                if run in self._runs:
                    return Kind.PROMPT
                if run in self._told:
                    return Kind.FACT
        return None

    def _secret(self, part: str) -> Kind | None:
        if self._secrets:
            for stem in content_stems(part, self._language):
                for secret in self._secrets.get(stem, ()):
                    secret.said[stem] = self._number
                    lately = sum(number > self._number - SPAN for number in secret.said.values())
                    if lately >= secret.enough:
                        return Kind.FACT
        return None


_MARKS = frozenset("#[(")


class _Heard(NamedTuple):
    """A part without spaces: its plain words after the mark before them, and what its punctuation says."""

    words: tuple[str, ...]
    opens: bool
    closes: bool
    ends: bool
    asks: bool


@lru_cache(maxsize=8192)
def _heard(part: str) -> _Heard:
    found = words(part)
    last = _LAST_WORD_CHARACTER.search(part)
    tail = part[last.start() + 1 :] if last else part
    lead = part[: re.search(r"[^\W_]|\Z", part).start()]  # type: ignore[union-attr]  # the end is always there
    is_heading = not found and part.strip("#") == ""
    mark = tuple(char for char in ("[", "(") if char in lead) or (("#",) if is_heading else ())
    return _Heard(
        words=(*mark, *found),
        opens=any(char in '"“«' for char in lead),
        closes=bool(found) and any(char in '"”»' for char in tail),
        ends=bool(found) and any(char in ".!?…" for char in tail),
        asks=bool(found) and "?" in tail,
    )


class _Secret:
    """A line of a locked fact: when each of its telling words was said last, and how many of them are enough."""

    __slots__ = ("enough", "said")

    def __init__(self, enough: int) -> None:
        self.enough = enough
        self.said: dict[str, int] = {}


def _secrets(snapshot: ClientSnapshot, locked: list[Fact], said: Iterable[str]) -> dict[str, list[_Secret]]:
    """The lines of these facts, which take more trust than there is, by the stems that only they have.

    What the student said themself, what the client may tell and what anybody can know gives nothing away.
    """
    language = snapshot.language
    free = (line for fact in facts_of(snapshot) if fact not in locked for line in fact.lines)
    open_to_all = (*said, *free, snapshot.opening_line, snapshot.reason, snapshot.scenario)
    known = {stem for text in open_to_all for stem in content_stems(text, language)}
    found: defaultdict[str, list[_Secret]] = defaultdict(list)
    for line in (line for fact in locked for line in fact.lines):
        telling = set(content_stems(line, language)) - known
        if len(telling) >= LEAST:
            secret = _Secret(max(LEAST, ceil(SHARE * len(telling))))
            for stem in telling:
                found[stem].append(secret)
    return found


@lru_cache(maxsize=128)
def _runs(prompt: str, own: tuple[str, ...]) -> frozenset[int]:
    """The runs of a prompt, as hashes, that are not the client's own words."""
    return _runs_in(prompt) - _runs_of(own)


def _runs_in(prompt: str) -> frozenset[int]:
    """The runs of what speaks to the model; sentences in the first person and in quotation marks are the client's."""
    found: set[int] = set()
    recent: list[str] = []
    for sentence in sentences(_QUOTED.sub(" ", prompt)):
        said = words(sentence)
        if _words("me").isdisjoint(said):
            recent = [*recent[1 - RUN :], *said]
            found.update(_hashes(recent))
        else:
            recent = []
    return frozenset(found)


@lru_cache(maxsize=2048)
def _runs_of(texts: tuple[str, ...]) -> frozenset[int]:
    return frozenset(number for text in texts for number in _hashes(words(text)))


def _hashes(said: Iterable[str]) -> Iterator[int]:
    every = tuple(said)
    return (hash(every[at : at + RUN]) for at in range(len(every) - RUN + 1))


@cache
def _data() -> tuple[dict[str, Any], ...]:
    """The word lists. All count in every conversation: who falls out of the role may fall out of the language too."""
    return tuple(phrase_lists("guard", language) for language in LANGUAGES)


@cache
def _words(name: str) -> frozenset[str]:
    return frozenset(plain(word) for data in _data() for word in data["words"][name])


@cache
def _book() -> tuple[dict[str, tuple[tuple[str, re.Pattern[str]], ...]], dict[Kind, re.Pattern[str]]]:
    """The patterns of each list by the words that they end with, and for each kind what takes it back.

    Most words end no phrase, so that a word costs hardly more than looking it up.
    """
    grouped: defaultdict[str, defaultdict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    unless: defaultdict[str, list[str]] = defaultdict(list)
    for language, data in zip(LANGUAGES, _data(), strict=True):
        for listed, phrases in data["phrases"].items():
            name = f"service_{language}" if listed == "service" else listed
            for phrase in phrases:
                grouped[_ending(phrase)][name].append(f"{phrase}$")
        for name, phrases in data["unless"].items():
            unless[name] += phrases
    ends = {
        ending: tuple((name, phrase_pattern(phrases)) for name, phrases in lists.items())
        for ending, lists in grouped.items()
    }
    return ends, {kind: phrase_pattern(unless[kind]) for kind in Kind}


def _ending(phrase: str) -> str:
    """The last two words of a phrase; only the last where a mark stands before it. ValueError for a mark at the end."""
    last = plain(phrase.removeprefix("^")).split()[-2:]
    if "_" in last[-1] or "*" in last[-1]:
        raise ValueError(f"a phrase must end with a word: {phrase!r}")
    return " ".join(last) if not {"_", "*"} & set("".join(last)) else last[-1]
