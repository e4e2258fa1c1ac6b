"""Forms with which people answer a conversation: marks after it, a flag on one reply, and what was done about that."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from clients.forms import Text
from conversations.models import Flag, SessionFeedback


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


class SettleForm(forms.Form):
    """What was done about a flag."""

    answer = Text(
        label=_("What was done"),
        max_length=500,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("Whoever flagged the reply reads this beside it."),
    )
