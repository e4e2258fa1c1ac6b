"""The frozen description of a client: what a session starts with and every voice, prompt and rule reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from clients.vocabulary import DEPTHS


def _wrong(name: str, wanted: str, value: object) -> ValueError:
    return ValueError(f"{name}: expected {wanted}, got {type(value).__name__}")


def _text(value: object, name: str) -> str:
    if not isinstance(value, str):
        raise _wrong(name, "text", value)
    return value


def _whole(value: object, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise _wrong(name, "a whole number", value)
    return value


def _flag(value: object, name: str) -> bool:
    if not isinstance(value, bool):
        raise _wrong(name, "true or false", value)
    return value


def _texts(value: object, name: str) -> tuple[str, ...]:
    if not isinstance(value, list | tuple):
        raise _wrong(name, "a list of texts", value)
    return tuple(_text(item, name) for item in value)


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing a client knows about their own life, and how much trust it takes to hear it.

    `unlock` is a percentage of trust. `lines` are first-person wordings, the first of them canonical. `keywords` are
    the lower-case words by which a student approaches the topic; when empty they are derived from `topic` and `lines`.
    """

    topic: str
    depth: str
    unlock: int
    lines: tuple[str, ...]
    keywords: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.topic.strip():
            raise ValueError("topic: may not be empty")
        if self.depth not in DEPTHS:
            raise ValueError(f"depth: expected one of {', '.join(DEPTHS)}, got {self.depth!r}")
        if not 0 <= self.unlock <= 100:
            raise ValueError(f"unlock: expected 0 to 100, got {self.unlock}")
        if not self.lines or not all(line.strip() for line in self.lines):
            raise ValueError("lines: expected at least one line, none of them empty")

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Fact:
        """Read one fact; ValueError names the field that is missing, unknown or of the wrong kind."""
        _refuse_unknown(data, {item.name for item in fields(cls)})
        return cls(
            topic=_text(data.get("topic"), "topic"),
            depth=_text(data.get("depth"), "depth"),
            unlock=_whole(data.get("unlock"), "unlock"),
            lines=_texts(data.get("lines"), "lines"),
            keywords=_texts(data.get("keywords", ()), "keywords"),
        )

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values from which `from_json` builds an equal fact."""
        return {
            "topic": self.topic,
            "depth": self.depth,
            "unlock": self.unlock,
            "lines": list(self.lines),
            "keywords": list(self.keywords),
        }


@dataclass(frozen=True, slots=True)
class ClientSnapshot:
    """Everything about a client that a conversation may depend on, frozen when the session starts.

    Lists of codes are in `clients.vocabulary`; most of them allow free text too. `rules` are what a teacher corrected:
    sentences that a model is held to. `script` maps an act to lines in the client's own voice, and may lack any act.
    """

    name: str
    age: int
    gender: str = ""
    pronouns: str = ""
    race: str = ""
    socioeconomic_status: str = ""
    domain: str = "social_work"
    issues: tuple[str, ...] = ()
    background: str = ""
    traits: tuple[str, ...] = ()
    communication_style: str = ""
    scenario: str = ""
    reason: str = ""
    challenges: str = ""
    language: str = "en"
    difficulty: str = "moderate"
    opening_line: str = ""
    client_speaks_first: bool = False
    facts: tuple[Fact, ...] = ()
    rules: tuple[str, ...] = ()
    script: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.name.strip():
            raise ValueError("name: may not be empty")
        if not 1 <= self.age <= 120:
            raise ValueError(f"age: expected 1 to 120, got {self.age}")

    @property
    def first_name(self) -> str:
        """What students call the client: the first word of the name."""
        return self.name.split()[0]

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ClientSnapshot:
        """Read a snapshot from plain JSON values; absent fields take their defaults, except name and age.

        ValueError names the field that is missing, unknown or of the wrong kind.
        """
        _refuse_unknown(data, {item.name for item in fields(cls)})
        values: dict[str, Any] = {"name": _text(data.get("name"), "name"), "age": _whole(data.get("age"), "age")}
        for name in _TEXTS:
            if name in data:
                values[name] = _text(data[name], name)
        for name in ("issues", "traits", "rules"):
            if name in data:
                values[name] = _texts(data[name], name)
        if "client_speaks_first" in data:
            values["client_speaks_first"] = _flag(data["client_speaks_first"], "client_speaks_first")
        values["facts"] = _facts(data.get("facts", ()))
        values["script"] = _script(data.get("script", {}))
        return cls(**values)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values from which `from_json` builds an equal snapshot."""
        plain: dict[str, Any] = {item.name: getattr(self, item.name) for item in fields(self)}
        plain["issues"] = list(self.issues)
        plain["traits"] = list(self.traits)
        plain["rules"] = list(self.rules)
        plain["facts"] = [fact.to_json() for fact in self.facts]
        plain["script"] = {act: list(lines) for act, lines in self.script.items()}
        return plain


_TEXTS = (
    "gender",
    "pronouns",
    "race",
    "socioeconomic_status",
    "domain",
    "background",
    "communication_style",
    "scenario",
    "reason",
    "challenges",
    "language",
    "difficulty",
    "opening_line",
)


def _refuse_unknown(data: Mapping[str, Any], known: set[str]) -> None:
    for name in data:
        if name not in known:
            raise ValueError(f"{name}: unknown field")


def _facts(value: object) -> tuple[Fact, ...]:
    if not isinstance(value, list | tuple):
        raise _wrong("facts", "a list", value)
    facts = []
    for number, item in enumerate(value, start=1):
        if not isinstance(item, Mapping):
            raise _wrong(f"facts[{number}]", "a table", item)
        try:
            facts.append(Fact.from_json(item))
        except ValueError as error:
            raise ValueError(f"facts[{number}].{error}") from error
    return tuple(facts)


def _script(value: object) -> dict[str, tuple[str, ...]]:
    if not isinstance(value, Mapping):
        raise _wrong("script", "a table of acts", value)
    return {str(act): _texts(lines, f"script.{act}") for act, lines in value.items()}
