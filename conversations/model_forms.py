"""The form in which a section's models are chosen."""

from collections.abc import Iterator, Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from conversations.section_models import MOST_STAND_INS, Choice

LABELS = (_("First"), _("Then"), _("At last"))


class SectionModelsForm(forms.Form):
    """Who speaks, and who stands in, in order; `offered` are names of models with their labels.

    A model that is chosen and not offered any more stands among the choices, so that it is not lost unseen.
    """

    model = forms.ChoiceField(label=_("Who speaks"), required=False)

    def __init__(self, *args: Any, offered: Sequence[tuple[str, str]], choice: Choice, **kwargs: Any) -> None:
        stand_ins = {f"stand_in_{place}": name for place, name in enumerate(choice.stand_ins[:MOST_STAND_INS])}
        kwargs["initial"] = {"model": choice.model, **stand_ins}
        super().__init__(*args, **kwargs)
        known = {name for name, _label in offered}
        named = dict.fromkeys(name for name in (choice.model, *choice.stand_ins) if name and name not in known)
        options = [*offered, *((name, _("%(model)s, not offered any more") % {"model": name}) for name in named)]
        self.fields["model"].choices = [("", _("As each client has it")), *options]  # type: ignore[attr-defined]
        for place, label in enumerate(LABELS):
            field = forms.ChoiceField(label=label, required=False, choices=[("", _("Nobody")), *options])
            self.fields[f"stand_in_{place}"] = field

    @property
    def stand_ins(self) -> list[str]:
        """Who stands in, in order, without the places that were left empty."""
        return [name for place in range(MOST_STAND_INS) if (name := self.cleaned_data.get(f"stand_in_{place}"))]

    def stand_in_fields(self) -> Iterator[forms.BoundField]:
        """The fields of those who stand in."""
        return (self[f"stand_in_{place}"] for place in range(MOST_STAND_INS))

    def clean(self) -> dict[str, Any] | None:
        """Each model once: a second call to one that has just failed helps nobody."""
        cleaned = super().clean()
        seen = {self.cleaned_data.get("model")} - {"", None}
        for place in range(MOST_STAND_INS):
            name = self.cleaned_data.get(f"stand_in_{place}")
            if name in seen:
                self.add_error(f"stand_in_{place}", _("This model is named above already."))
            seen |= {name} - {"", None}
        return cleaned
