"""Tutor personas: global guidelines over a persona over what the learner chose. See docs/personas.md."""

from clients.personas.composing import compose
from clients.personas.learner import LANGUAGES, LEVELS, Learner, LearnerError
from clients.personas.reading import Persona, PersonaError, built_in, global_guidelines, read

__all__ = [
    "LANGUAGES",
    "LEVELS",
    "Learner",
    "LearnerError",
    "Persona",
    "PersonaError",
    "built_in",
    "compose",
    "global_guidelines",
    "read",
]
