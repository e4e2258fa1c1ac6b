"""Forms of conversations: filters that live in the address, and the choice of a model."""

from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from clients import choices
from clients.models import ClientProfile
from conversations.models import Session


class Filter(forms.Form):
    """A filter in the address: what cannot be used is left out instead of refused."""

    q = forms.CharField(
        label=_("Search"), required=False, max_length=100, widget=forms.TextInput(attrs={"type": "search"})
    )

    def chosen(self) -> dict[str, str]:
        """The filters that say something, by name."""
        self.is_valid()
        return {name: value for name, value in self.cleaned_data.items() if value}


def _choice(label: Any, every: Any, options: Any) -> forms.ChoiceField:
    """An optional choice that sends its form when it changes."""
    return forms.ChoiceField(
        label=label, required=False, choices=[("", every), *options], widget=forms.Select(attrs={"data-submits": True})
    )


class PracticeFilter(Filter):
    """Whom a student looks for; only languages are offered that somebody speaks."""

    domain = _choice(_("Field"), _("All fields"), choices.DOMAIN)
    difficulty = _choice(_("Difficulty"), _("All"), choices.DIFFICULTY)
    language = _choice(_("Language"), _("All languages"), choices.LANGUAGE)

    def __init__(self, *args: Any, startable: QuerySet[ClientProfile], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        spoken = set(startable.order_by().values_list("language", flat=True).distinct())
        field = self.fields["language"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101  for the type checker
        field.choices = [("", _("All languages")), *(pair for pair in choices.LANGUAGE if pair[0] in spoken)]


class SessionFilter(Filter):
    """Which conversations somebody looks for."""

    STATUS = {
        "open": Session.OPEN,
        "completed": (Session.Status.COMPLETED,),
        "closed": (Session.Status.ABANDONED,),
    }

    status = _choice(
        _("State"),
        _("All"),
        [("open", _("In progress")), ("completed", _("Completed")), ("closed", _("Left unfinished"))],
    )


class ModelForm(forms.Form):
    """The model that shall speak from the next reply on; the verb knows which are offered."""

    model = forms.CharField(max_length=100)
