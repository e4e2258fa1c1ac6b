"""The built-in clients: one TOML file each, read and checked here."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from clients.snapshot import ClientSnapshot
from clients.vocabulary import ACTS, DIFFICULTIES, DOMAINS, MAX_TRAITS, MIN_TRAITS
from clients.words import fingerprint

FOLDER = Path(__file__).parent
MIN_BACKGROUND_WORDS = 150
MIN_FACTS = 8
# A surface fact is heard early, a real one only when trust was earned.
SURFACE_UNLOCK = range(36)
REAL_UNLOCK = range(50, 101)


class LibraryClient(NamedTuple):
    """A built-in client: its file's name without ending, a note on its content ("" for none), and the client."""

    slug: str
    content_note: str
    snapshot: ClientSnapshot


@cache
def load_library() -> tuple[LibraryClient, ...]:
    """All built-in clients in the order of their slugs; ValueError names the file and the field that is wrong."""
    return tuple(read_client(path) for path in sorted(FOLDER.glob("*.toml")))


def read_client(path: Path) -> LibraryClient:
    """One library file, checked; ValueError names the file and the field that is wrong."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        content_note = data.pop("content_note", "")
        snapshot = ClientSnapshot.from_json(data)
        _check(snapshot, content_note)
    except ValueError as error:
        raise ValueError(f"{path.name}: {error}") from error
    return LibraryClient(path.stem, content_note, snapshot)


def _check(snapshot: ClientSnapshot, content_note: object) -> None:
    """The rules a built-in client keeps beyond those of every snapshot."""
    if not isinstance(content_note, str):
        raise ValueError("content_note: expected text")  # noqa: TRY004 -- whoever reads the library expects one error
    for field in ("background", "communication_style", "scenario", "reason", "challenges", "pronouns"):
        if not getattr(snapshot, field).strip():
            raise ValueError(f"{field}: may not be empty")
    _check_choice("domain", snapshot.domain, DOMAINS)
    _check_choice("difficulty", snapshot.difficulty, DIFFICULTIES)
    if not MIN_TRAITS <= len(snapshot.traits) <= MAX_TRAITS:
        raise ValueError(f"traits: expected {MIN_TRAITS} to {MAX_TRAITS}, got {len(snapshot.traits)}")
    if len(snapshot.background.split()) < MIN_BACKGROUND_WORDS:
        raise ValueError(f"background: expected {MIN_BACKGROUND_WORDS} words, got {len(snapshot.background.split())}")
    if snapshot.client_speaks_first and not snapshot.opening_line.strip():
        raise ValueError("opening_line: may not be empty when the client speaks first")
    _check_facts(snapshot)
    _check_lines(snapshot)


def _check_choice(field: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ValueError(f"{field}: expected one of {', '.join(choices)}, got {value!r}")


def _check_facts(snapshot: ClientSnapshot) -> None:
    if len(snapshot.facts) < MIN_FACTS:
        raise ValueError(f"facts: expected {MIN_FACTS}, got {len(snapshot.facts)}")
    for depth, allowed in (("surface", SURFACE_UNLOCK), ("real", REAL_UNLOCK)):
        found = [fact for fact in snapshot.facts if fact.depth == depth]
        if not found:
            raise ValueError(f"facts: none of depth {depth!r}")
        for fact in found:
            if fact.unlock not in allowed:
                raise ValueError(f"facts: {fact.topic!r} is {depth} but unlocks at {fact.unlock}")


def _check_lines(snapshot: ClientSnapshot) -> None:
    """Acts are known, and no line stands twice anywhere in the client."""
    for act in snapshot.script:
        if act not in ACTS:
            raise ValueError(f"script.{act}: unknown act")
    places: list[tuple[str, tuple[str, ...]]] = [(f"facts[{fact.topic}].lines", fact.lines) for fact in snapshot.facts]
    places += [(f"script.{act}", lines) for act, lines in snapshot.script.items()]
    seen: dict[str, Any] = {}
    for place, lines in places:
        for line in lines:
            other = seen.setdefault(fingerprint(line), (place, line))
            if other != (place, line) or lines.count(line) > 1:
                raise ValueError(f"{place}: the line {line!r} stands twice, also in {other[0]}")
