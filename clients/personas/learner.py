"""What a learner chooses: the values that are filled into a persona's text, and their limits."""

import unicodedata
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

# In their own words, as a learner looks for them; what a model reads stands beside each.
LANGUAGES = {
    "en": ("English", "English"),
    "es": ("español", "Spanish"),
    "fr": ("français", "French"),
    "de": ("Deutsch", "German"),
    "it": ("italiano", "Italian"),
    "pt": ("português", "Portuguese"),
    "zh": ("中文", "Chinese"),
    "ja": ("日本語", "Japanese"),
}
LEVELS: dict[str, str | Promise] = {
    "beginner": gettext_lazy("beginner"),
    "elementary": gettext_lazy("elementary"),
    "intermediate": gettext_lazy("intermediate"),
    "advanced": gettext_lazy("advanced"),
    "expert": gettext_lazy("expert"),
}
SUBJECT_MAX = 80
# They open and close what fences the value, or name a field.
_FENCES = frozenset("<>{}")


class LearnerError(Exception):
    """These choices cannot be; `problems` says why in plain words, by field."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__(" ".join(problems.values()))
        self.problems = dict(problems)


@dataclass(frozen=True, slots=True)
class Learner:
    """What to teach, to whom, in which language; checked when it is made. Raises LearnerError."""

    subject: str
    learner_level: str
    language: str

    def __post_init__(self) -> None:
        problems = {
            "subject": _wrong_with_subject(self.subject),
            "learner_level": "" if self.learner_level in LEVELS else _("Choose one of the levels."),
            "language": "" if self.language in LANGUAGES else _("Choose one of the languages."),
        }
        if found := {field: words for field, words in problems.items() if words}:
            raise LearnerError(found)

    @classmethod
    def from_json(cls, data: Any) -> "Learner":
        """The choices that `to_json` gave. Raises LearnerError for anything else."""
        names = {field.name for field in fields(cls)}
        if not isinstance(data, dict) or not all(isinstance(value, str) for value in data.values()):
            raise LearnerError({"": _("These are no choices of a learner.")})
        if unknown := sorted(data.keys() - names):
            raise LearnerError({name: _("There is no field “%(name)s”.") % {"name": name} for name in unknown})
        return cls(**{name: data.get(name, "") for name in names})

    def to_json(self) -> dict[str, str]:
        """The choices by field."""
        return asdict(self)

    @property
    def for_model(self) -> dict[str, str]:
        """What stands in a prompt for each field."""
        return {
            "subject": self.subject,
            "learner_level": self.learner_level,
            "language": LANGUAGES[self.language][1],
        }


def _wrong_with_subject(subject: str) -> str:
    """Why this cannot be the name of a subject, "" where it can: one line of print without the signs of a fence."""
    if not subject.strip():
        return _("Say what it is about.")
    if len(subject) > SUBJECT_MAX:
        return _("Write %(limit)d characters at most.") % {"limit": SUBJECT_MAX}
    if any(unicodedata.category(sign)[0] == "C" or sign in "\u2028\u2029" for sign in subject):
        return _("Write it on one line, without control characters.")
    if _FENCES & set(unicodedata.normalize("NFKC", subject)):
        return _("Write it without < > { }.")
    return ""
