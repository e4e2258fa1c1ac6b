"""Forms of tutors: the text of a persona, its prompt for sample choices, a section's personas, and a preference."""

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.utils.text import capfirst
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from clients.forms import Text
from clients.models import PersonaText
from clients.personas import LANGUAGES, LEVELS, Learner, LearnerError, Persona, PersonaError, built_in

OFFERED_LANGUAGES = [(code, own) for code, (own, _english) in LANGUAGES.items()]


def levels() -> list[tuple[str, str]]:
    """The levels as a list shows them."""
    return [(code, capfirst(str(label))) for code, label in LEVELS.items()]


class PersonaTextForm(forms.ModelForm):
    """A persona's text in the administration."""

    text = Text(
        label=_("Text"),
        help_text=_("Markdown after a front matter between two lines of +++. Whatever is wrong is named at once."),
        widget=forms.Textarea(attrs={"rows": 40, "class": "vLargeTextField persona-text", "spellcheck": "false"}),
    )

    class Meta:
        model = PersonaText
        fields = ["key", "text", "is_active"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "key" in self.fields:
            words = _("A new one, or that of a persona that comes with the portal to stand in its place: %(keys)s.")
            self.fields["key"].help_text = words % {"keys": ", ".join(built_in())}


class LearnerForm(forms.Form):
    """What a learner chooses, judged by `Learner` alone: its rules are those of the prompt."""

    subject = Text(
        label=_("Subject"),
        help_text=_("A few words, such as “motivational interviewing” or “small talk in Spanish”."),
        error_messages={"required": _("Say what it is about.")},
    )
    learner_level = forms.ChoiceField(
        label=_("Your level"),
        choices=lambda: [("", _("Choose a level")), *levels()],
        error_messages=dict.fromkeys(("required", "invalid_choice"), _("Choose one of the levels.")),
    )
    language = forms.ChoiceField(
        label=_("Language that the tutor writes in"),
        choices=OFFERED_LANGUAGES,
        error_messages=dict.fromkeys(("required", "invalid_choice"), _("Choose one of the languages.")),
    )
    learner: Learner

    def clean(self) -> dict[str, Any]:
        """With `learner`; what is wrong stands at its field, with the limit."""
        cleaned: dict[str, Any] = self.cleaned_data
        try:
            self.learner = Learner(**{name: cleaned.get(name, "") for name in LearnerForm.base_fields})
        except LearnerError as error:
            for name, words in error.problems.items():
                if name not in self.errors:
                    self.add_error(name, words)
        return cleaned


class PreferenceForm(LearnerForm):
    """Which tutor a person prefers, of those that they may choose from."""

    persona = forms.ChoiceField(
        label=_("Your tutor"),
        widget=forms.RadioSelect,
        error_messages=dict.fromkeys(("required", "invalid_choice"), _("Choose one of these tutors.")),
    )

    def __init__(self, data: Any, *, personas: Sequence[Persona], kept: Mapping[str, str]) -> None:
        code = (get_language() or "en").partition("-")[0]
        initial = {"language": code if code in LANGUAGES else "en", **kept}
        super().__init__(data, initial=initial)
        self.personas = {persona.key: persona for persona in personas}
        choices = self.fields["persona"]
        assert isinstance(choices, forms.ChoiceField)  # noqa: S101  narrows the type
        choices.choices = [(persona.key, persona.title) for persona in personas]

    def told(self) -> dict[str, Any]:
        """What a tutor would be told by what stands in the fields now, right or not, for the preview.

        `persona` and `learner`, each None where it is not chosen yet, with `level`, `language` and `note` of the
        learner; and `problems`, what is missing or wrong by label.
        """
        values = {name: str(self[name].value() or "").strip() for name in self.fields}
        persona = self.personas.get(values.pop("persona"))
        try:
            learner = Learner(**values)
        except LearnerError as error:
            problems = [(self.fields[name].label, words) for name, words in error.problems.items()]
            return {"persona": persona, "learner": None, "problems": problems}
        return {
            "persona": persona,
            "learner": learner,
            "level": LEVELS[learner.learner_level],
            "language": LANGUAGES[learner.language][0],
            "note": persona.notes[learner.language] if persona else "",
            "problems": [],
        }


class SectionPersonasForm(forms.Form):
    """The personas that a section allows; none may be what its teachers want."""

    allowed = forms.MultipleChoiceField(
        label=_("Allowed tutors"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"invalid_choice": _("One of these tutors is no longer offered. Look at the list again.")},
    )

    def __init__(self, data: Any, *, personas: Sequence[Persona], allowed: Sequence[Persona]) -> None:
        super().__init__(data, initial={"allowed": [persona.key for persona in allowed]})
        choices = self.fields["allowed"]
        assert isinstance(choices, forms.MultipleChoiceField)  # noqa: S101  narrows the type
        choices.choices = [(persona.key, persona.title) for persona in personas]


class PromptSampleForm(LearnerForm):
    """For which persona, one of the portal's or a row, and for which choices the administration shows a prompt."""

    SAMPLES = {"subject": "first interviews", "learner_level": "beginner", "language": "en"}

    persona = forms.ChoiceField(label=_("Tutor persona"))
    field_order = ("persona", *LearnerForm.base_fields)

    def __init__(self, data: Mapping[str, str], *, rows: Sequence[PersonaText]) -> None:
        self.rows = {str(row.pk): row for row in rows}
        first = next(iter(self.rows), next(iter(built_in())))
        super().__init__({"persona": first, **self.SAMPLES, **data})
        choices = self.fields["persona"]
        assert isinstance(choices, forms.ChoiceField)  # noqa: S101  narrows the type
        of_the_portal = [(key, f"{persona.title} ({key})") for key, persona in built_in().items()]
        choices.choices = [
            (_("Here"), [(key, named(row)) for key, row in self.rows.items()]),
            (_("With the portal"), of_the_portal),
        ]
        self.fields["subject"].help_text = ""
        self.fields["learner_level"].label = _("Level")

    def chosen(self) -> Persona:
        """The persona of a form that is right. Raises PersonaError for a row that is none (any more)."""
        key = self.cleaned_data["persona"]
        return self.rows[key].persona() if key in self.rows else built_in()[key]


def named(row: PersonaText) -> str:
    """The title of a persona's row with its key, which is all there is where the text cannot be read."""
    try:
        return f"{row.persona().title} ({row.key})"
    except PersonaError:
        return row.key
