"""Forms of exports: which conversations, and what goes into the files."""

import datetime as dt
import uuid
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Section, User
from clients.models import ClientProfile
from conversations.assignment_forms import YEARS
from conversations.export_jobs import Format
from conversations.exports import Choice
from conversations.forms import SessionFilter
from conversations.models import Assignment, Session
from conversations.models.session import SessionQuerySet

# Enough for any teacher, and for a school that archives what has ended.
MOST_SECTIONS = 1_000


def _select(label: Any) -> forms.ChoiceField:
    return forms.ChoiceField(label=label, required=False, widget=forms.Select(attrs={"data-submits": True}))


def _day(label: Any) -> forms.DateField:
    widget = forms.DateInput(attrs={"type": "date", "data-submits": True}, format="%Y-%m-%d")
    return forms.DateField(
        label=label, required=False, widget=widget, error_messages={"invalid": _("Write a day such as 2026-09-30.")}
    )


class ExportFilter(forms.Form):
    """Which of the conversations that a person sees; `session` names a single one, whatever else is chosen."""

    MOST_OPTIONS = 500

    session = forms.UUIDField(required=False, widget=forms.HiddenInput)
    section = _select(_("Section"))
    assignment = _select(_("Assignment"))
    client = _select(_("Client"))
    status = SessionFilter.base_fields["status"]
    since = _day(_("Begun from"))
    until = _day(_("Begun until"))

    def __init__(self, *args: Any, by: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.by = by
        sections = Section.objects.visible_to(by).order_by("name", "id")[:MOST_SECTIONS]
        self.section_keys = [one.pk for one in sections]
        self._offer("section", _("All sections"), [(str(one.pk), str(one)) for one in sections])
        work = Assignment.objects.visible_to(by).select_related("section").order_by("-created_at", "id")
        titles = [(str(one.pk), f"{one.title} · {one.section}") for one in work[: self.MOST_OPTIONS]]
        self._offer("assignment", _("All, and free practice"), titles)
        clients = ClientProfile.objects.visible_to(by).order_by("name", "id").values_list("pk", "name")
        self._offer("client", _("All clients"), [(str(pk), name) for pk, name in clients[: self.MOST_OPTIONS]])

    def _offer(self, name: str, every: Any, options: list[tuple[str, str]]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101  for the type checker
        field.choices = [("", every), *options]

    def clean(self) -> dict[str, Any]:
        """The first day must not be after the last, and both must be days that a portal can have seen."""
        cleaned = super().clean() or {}
        since, until = cleaned.get("since"), cleaned.get("until")
        for name, day in (("since", since), ("until", until)):
            if day and not YEARS[0] <= day.year <= YEARS[1]:
                words = _("Choose a year between %(first)d and %(last)d.")
                self.add_error(name, ValidationError(words, params={"first": YEARS[0], "last": YEARS[1]}))
        if since and until and since > until:
            self.add_error("until", _("The last day must not be before the first."))
        return cleaned

    def sessions(self) -> SessionQuerySet:
        """The conversations; none while something in the filter is wrong, so that nothing else is exported instead."""
        found = Session.objects.visible_to(self.by).filter(client__isnull=False)
        if not self.is_valid():
            return found.none()
        if self.cleaned_data["session"]:
            return found.filter(pk=self.cleaned_data["session"])
        return self.narrowed(found.filter(kind=Session.Kind.PRACTICE))

    def narrowed(self, found: SessionQuerySet) -> SessionQuerySet:
        """Those of these conversations that a valid filter leaves."""
        chosen = {name: value for name, value in self.cleaned_data.items() if value}
        for name in ("section", "assignment", "client"):
            if name in chosen:
                found = found.filter(**{f"{name}_id": uuid.UUID(chosen[name])})
        if "status" in chosen:
            found = found.filter(status__in=SessionFilter.STATUS[chosen["status"]])
        if "since" in chosen:
            found = found.filter(started_at__gte=_midnight(chosen["since"]))
        if "until" in chosen:
            found = found.filter(started_at__lt=_midnight(chosen["until"] + dt.timedelta(days=1)))
        return found


def _midnight(day: dt.date) -> dt.datetime:
    """The beginning of the day where the reader is."""
    return timezone.make_aware(dt.datetime.combine(day, dt.time.min))


class ExportForm(forms.Form):
    """What the files are and hold."""

    format = forms.ChoiceField(
        label=_("What you get"), choices=Format.choices, initial=Format.PDF, widget=forms.RadioSelect
    )
    levels = forms.BooleanField(label=_("Scoring: levels, comments, total"), required=False)
    notes = forms.BooleanField(label=_("Notes in the margin"), required=False)
    figures = forms.BooleanField(label=_("Model, tokens, cost, reply times"), required=False)
    hide_names = forms.BooleanField(
        label=_("Number the students instead of naming them"),
        required=False,
        widget=forms.CheckboxInput(attrs={"aria-describedby": "hide-help"}),
    )

    def __init__(self, *args: Any, by: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if by.is_student:
            del self.fields["figures"], self.fields["hide_names"]

    def choice(self) -> Choice:
        """What was ticked."""
        data = self.cleaned_data
        return Choice(
            scoring=data["levels"],
            notes=data["notes"],
            figures=data.get("figures", False),
            names=not data.get("hide_names", False),
        )
