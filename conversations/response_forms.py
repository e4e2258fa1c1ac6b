"""Forms with which people answer a conversation: looking back, marks, a flag on one reply, what was done about that."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from clients.forms import Text
from conversations.models import Flag, SessionFeedback
from conversations.reflections import NEXT_TIME_MOST, formulation_problem
from conversations.scores import Level, RubricValue


def _scale(name: str) -> forms.TypedChoiceField:
    """A mark of ten, as radios that stand side by side."""
    wrong = _("Choose a number from 1 to 10.")
    return forms.TypedChoiceField(
        label=SessionFeedback.question(name),
        choices=[(mark, str(mark)) for mark in range(1, 11)],
        coerce=int,
        widget=forms.RadioSelect,
        error_messages={"required": wrong, "invalid_choice": wrong},
    )


class FeedbackForm(forms.Form):
    """What somebody thought of a conversation: seven marks of ten and their own words."""

    in_character, appropriate, relevant, flow, boundaries, ease_of_use, learning_value = map(
        _scale, SessionFeedback.MARKS
    )
    comment = Text(label=_("Anything else"), max_length=2_000, required=False, widget=forms.Textarea(attrs={"rows": 4}))

    @property
    def about_the_client(self) -> list[forms.BoundField]:
        """The scales about how the client spoke."""
        return [self[name] for name in SessionFeedback.ABOUT_THE_CLIENT]

    @property
    def about_the_practice(self) -> list[forms.BoundField]:
        """The scales about practising here."""
        return [self[name] for name in SessionFeedback.MARKS if name not in SessionFeedback.ABOUT_THE_CLIENT]

    def marks(self) -> dict[str, int]:
        """The seven marks by name; asked after `is_valid`."""
        return {name: self.cleaned_data[name] for name in SessionFeedback.MARKS}


class ReflectionForm(forms.Form):
    """How a student sees their own conversation: a level for each criterion of a rubric, or that they cannot say."""

    formulation = Text(
        label=_("Who is this person, what do they want, and what holds them back?"),
        help_text=_("In your own words, from 40 to 2,000 characters. There is no right answer here."),
        strip=True,
        widget=forms.Textarea(attrs={"rows": 5}),
        error_messages={"required": _("Write a sentence or two: at least 40 characters.")},
    )
    next_time = Text(
        label=_("What would you do differently next time?"),
        max_length=NEXT_TIME_MOST,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    CANNOT_SAY = "-"

    def __init__(self, *args: Any, rubric: RubricValue, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.rubric = rubric
        wrong = _("Choose what fits best, or that you cannot say.")
        for position, criterion in enumerate(rubric.criteria):
            self.fields[f"level-{position}"] = forms.ChoiceField(
                label=criterion.name,
                choices=[(str(int(level)), level.label) for level in Level] + [(self.CANNOT_SAY, _("I cannot say"))],
                error_messages={"required": wrong, "invalid_choice": wrong},
            )

    def clean_formulation(self) -> str:
        """A text of a length that can be kept."""
        text: str = self.cleaned_data["formulation"]
        if problem := formulation_problem(text):
            raise ValidationError(problem)
        return text

    def levels(self) -> list[int | None]:
        """The levels in the order of the criteria, None where they cannot say; only of a valid form."""
        chosen = [self.cleaned_data[f"level-{position}"] for position in range(len(self.rubric.criteria))]
        return [None if level == self.CANNOT_SAY else int(level) for level in chosen]

    def rows(self) -> list[dict[str, Any]]:
        """For the page: each criterion with its field, and its choices as (value, label, what it means)."""
        cannot = (self.CANNOT_SAY, _("I cannot say"), "")
        return [
            {
                "criterion": criterion,
                "field": self[f"level-{position}"],
                "chosen": str(self[f"level-{position}"].value() or ""),
                "levels": [(str(int(level)), level.label, text) for level, text in criterion.levels] + [cannot],
            }
            for position, criterion in enumerate(self.rubric.criteria)
        ]


class FlagForm(forms.Form):
    """What is wrong with one reply."""

    reason = forms.ChoiceField(
        label=_("What is wrong with it?"),
        choices=Flag.Reason.choices,
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose what fits best.")},
    )
    comment = Text(label=_("In your words"), max_length=1_000, required=False, widget=forms.Textarea(attrs={"rows": 3}))

    def clean(self) -> dict[str, Any]:
        """Something else needs words."""
        sent = super().clean() or {}
        if sent.get("reason") == Flag.Reason.OTHER and not sent.get("comment") and "comment" not in self.errors:
            self.add_error("comment", ValidationError(gettext("Say in a few words what is wrong with it.")))
        return sent


class AcknowledgeForm(forms.Form):
    """That somebody sees to a safety alert, and what they did."""

    comment = Text(
        label=_("What you did or will do"),
        max_length=500,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("If you like. Those who see this alert read it; the student does not."),
    )
    # Whether it holds for the other open alerts of the conversation too; the page says how many these are.
    others = forms.BooleanField(required=False, initial=True)


class SettleForm(forms.Form):
    """What was done about a flag."""

    answer = Text(
        label=_("What was done"),
        max_length=500,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("Whoever flagged the reply reads this beside it."),
    )
