"""Forms of conversations: filters that live in the address, the choice of a model, and forms with rows that move."""

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.forms.renderers import get_default_renderer
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from clients import choices
from clients.forms import Text
from clients.models import ClientProfile
from conversations.models import Breach, Flag, Rubric, SafetyAlert, Session

RUBRICS_OFFERED = 200


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


class FlagFilter(Filter):
    """Which flags somebody looks for."""

    TABS = (("open", _("Open")), ("settled", _("Dealt with")))

    tab = forms.ChoiceField(required=False, choices=TABS)
    reason = _choice(_("Reason"), _("All reasons"), Flag.Reason.choices)

    def chosen(self) -> dict[str, str]:
        """The filters that say something; the tab always does."""
        return {"tab": "open"} | super().chosen()


class SafetyFilter(Filter):
    """Which safety alerts somebody looks for."""

    TABS = (("waiting", _("Waiting")), ("acknowledged", _("Acknowledged")))

    q = None  # type: ignore[assignment]
    tab = forms.ChoiceField(required=False, choices=TABS)
    tier = _choice(_("How serious"), _("All"), SafetyAlert.Tier.choices)

    def chosen(self) -> dict[str, str]:
        """The filters that say something; the tab always does."""
        return {"tab": "waiting"} | super().chosen()


class BreachFilter(Filter):
    """Which breaches of character somebody looks for."""

    q = None  # type: ignore[assignment]  # so a field that one inherits is left out
    kind = _choice(_("What was wrong"), _("Everything"), Breach.Kind.choices)


class ModelForm(forms.Form):
    """The model that shall speak from the next reply on; the verb knows which are offered."""

    model = forms.CharField(max_length=100)


def rubric_groups(user: User) -> list[tuple[Any, list[Rubric]]]:
    """The rubrics that this person may choose, by name, under whose they are; groups without one are left out."""
    usable = list(Rubric.objects.visible_to(user).current().order_by("name", "id")[:RUBRICS_OFFERED])
    groups = [
        (_("Mine"), [rubric for rubric in usable if rubric.owner_id == user.pk]),
        (_("Colleagues"), [rubric for rubric in usable if rubric.owner_id not in {user.pk, None}]),
        (_("Built-in"), [rubric for rubric in usable if rubric.is_built_in]),
    ]
    return [(label, rows) for label, rows in groups if rows]


# What teachers say most often; at a press, by the key that the button sends.
READY_NUDGES = {
    "help": _("Raise your hand if you would like help."),
    "open": _("Try an open question next, and give them time to answer."),
    "close": _("Please find a good place to end in the next few minutes."),
}


class NudgeForm(forms.Form):
    """A private word to a student; the verb knows how long it may be."""

    text = Text(label=_("Your words"), widget=forms.Textarea(attrs={"rows": 3}))


class Resent(forms.Form):
    """A form that is shown once more, as it was sent, with a hidden mark of what the person has now been told."""

    def with_told(self, **told: Any) -> None:
        """Put these values in place of those that were sent, so that the next attempt builds on them."""
        self.data = {**dict(self.data.items()), **told}


class RowFormSet(forms.BaseFormSet):
    """Rows in their order, every one of which counts; buttons add, remove and move them without saving.

    Subclasses name `form`, `name` (the prefix of the fields), `max_num` with an `absolute_max`, and their words for
    too many and too few.
    """

    name = "rows"
    can_order, can_delete, can_delete_extra, edit_only = False, False, False, False
    extra, min_num, validate_min, validate_max = 0, 1, True, True
    renderer = get_default_renderer()

    def __init__(self, data: Any = None, *, rows: list[dict[str, Any]] | None = None, **kwargs: Any) -> None:
        super().__init__(data, prefix=self.name, initial=rows or [], **kwargs)

    def initial_form_count(self) -> int:
        """All of them, so that no row is passed over because nothing was written in it."""
        return self.total_form_count() if self.is_bound else super().initial_form_count()

    @property
    def may_grow(self) -> bool:
        """Whether there is room for another row."""
        return self.total_form_count() < self.max_num

    @classmethod
    def sent_rows(cls, data: Mapping[str, str]) -> list[dict[str, Any]]:
        """The rows as they were sent, not judged; at most as many as there may be."""
        count = data.get(f"{cls.name}-TOTAL_FORMS", "")
        number = min(int(count), cls.max_num) if count.isdecimal() and len(count) < 4 else 0
        fields = cls.form.base_fields
        return [{field: data.get(f"{cls.name}-{row}-{field}", "") for field in fields} for row in range(number)]

    @classmethod
    def rearranged(
        cls, data: Mapping[str, str], new: Sequence[dict[str, Any]] | None = None
    ) -> list[dict[str, Any]] | None:
        """The rows as they were sent, after the button that was pressed; None when it was Save.

        The buttons are `add`, which puts `new` at the end (a blank row unless it says otherwise), and `remove`, `up`
        and `down` with the number of the row from 0. What cannot be is ignored.
        """
        pressed = [name for name in ("add", "remove", "up", "down") if name in data]
        if not pressed:
            return None
        rows = cls.sent_rows(data)
        at = data[pressed[0]]
        place = int(at) if at.isdecimal() and len(at) < 4 else -1
        if pressed[0] == "add":
            rows = [*rows, *([{}] if new is None else new)][: cls.max_num]
        elif 0 <= place < len(rows):
            row = rows.pop(place)
            if pressed[0] != "remove":
                rows.insert(max(0, place - 1) if pressed[0] == "up" else place + 1, row)
        return rows
