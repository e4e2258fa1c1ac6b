"""Forms of conversations with tutors: what one wants from it, and how it went."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from clients.forms import Text
from clients.personas.scenarios import built_in_scenarios
from conversations.models.tutor_talk import GOAL_MAX, NOTE_MAX, Rating


class GoalForm(forms.Form):
    """What somebody wants to get out of a conversation."""

    scenario = forms.ChoiceField(
        label=_("A situation to work through"),
        required=False,
        choices=lambda: [("", _("None, just talk")), *((one.key, one.title) for one in built_in_scenarios().values())],
    )
    goal = Text(
        label=_("What do you want to get out of it?"),
        max_length=GOAL_MAX,
        required=False,
        widget=forms.TextInput,
        help_text=_("A sentence, if you like. You see it again at the end."),
    )


class RatingForm(forms.Form):
    """How far somebody came, and what they take along."""

    rating = forms.TypedChoiceField(
        label=_("How far did you come?"),
        choices=Rating.choices,
        coerce=int,
        widget=forms.RadioSelect,
        error_messages=dict.fromkeys(("required", "invalid_choice"), _("Choose one of the five.")),
    )
    note = Text(
        label=_("What do you take along?"),
        max_length=NOTE_MAX,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def __init__(self, data: Any = None, *, rating: int | None = None, note: str = "") -> None:
        super().__init__(data, initial={"rating": rating, "note": note})
