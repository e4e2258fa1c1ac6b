"""Tutor personas: global guidelines over a persona over what the learner chose. See docs/personas.md."""

from clients.personas.composing import compose
from clients.personas.learner import LANGUAGES, LEVELS, Learner, LearnerError
from clients.personas.reading import Persona, PersonaError, Sample, built_in, built_in_text, global_guidelines, read

__all__ = [
    "LANGUAGES",
    "LEVELS",
    "Learner",
    "LearnerError",
    "Persona",
    "PersonaError",
    "Sample",
    "built_in",
    "built_in_text",
    "compose",
    "global_guidelines",
    "read",
]
