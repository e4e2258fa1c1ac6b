"""A tutor as it is when a conversation starts: who they are, for whom, and what is measured."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from clients.personas.learner import LANGUAGES, LEVELS, Learner
from clients.personas.reading import Persona


@dataclass(frozen=True, slots=True)
class TutorSnapshot:
    """Everything about a tutor that a conversation may depend on beside its prompt, frozen when the session starts.

    `criteria` are the persona's measures with their thresholds (clients.personas.criteria).
    """

    key: str
    title: str
    summary: str
    greeting: str
    learner: Learner
    criteria: Mapping[str, float]

    @classmethod
    def of(cls, persona: Persona, learner: Learner) -> "TutorSnapshot":
        """This persona for this learner."""
        return cls(persona.key, persona.title, persona.summary, persona.greeting, learner, dict(persona.criteria))

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "TutorSnapshot":
        """The tutor that `to_json` gave."""
        return cls(**{**data, "learner": Learner(**data["learner"])})

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values from which `from_json` builds an equal tutor."""
        return asdict(self)

    @property
    def name(self) -> str:
        """How pages call it, as they call a client."""
        return self.title

    @property
    def language(self) -> str:
        """The language that it writes in."""
        return self.learner.language

    @property
    def scenario(self) -> str:
        """What the conversation is about, where pages tell a client's scene."""
        level, language = LEVELS[self.learner.learner_level], LANGUAGES[self.learner.language][0]
        return f"{self.learner.subject} · {level} · {language}"
