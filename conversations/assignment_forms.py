"""Forms of assignments: what is set, with rows of clients that can be added, removed and moved; copies; exceptions."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.models import Section, User
from clients.forms import Text
from clients.models import ClientProfile
from conversations.assignments import MOST_CLIENTS, AssignmentValue, Grant, TaskValue
from conversations.forms import Filter, Resent, RowFormSet
from conversations.lateness import LateRule
from conversations.models import Assignment, Rubric

YEARS = (2000, 2100)


class Moment(forms.DateTimeField):
    """Day and time in the reader's time zone; an hour that a clock change skips or doubles is refused in words."""

    def __init__(self, **kwargs: Any) -> None:
        widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
        super().__init__(
            required=False,
            widget=widget,
            error_messages={"invalid": _("Enter a day and a time, such as 2026-09-01 17:00.")},
            **kwargs,
        )

    def to_python(self, value: Any) -> dt.datetime | None:
        """The moment, aware; raises ValidationError for a year far away."""
        try:
            moment: dt.datetime | None = super().to_python(value)
        except OverflowError:
            moment = dt.datetime.max.replace(tzinfo=dt.UTC)
        except ValidationError as error:
            if error.code != "ambiguous_timezone":
                raise
            raise ValidationError(_("The clocks change in this hour. Choose a time before or after it.")) from error
        if moment is not None and not YEARS[0] <= moment.year <= YEARS[1]:
            raise ValidationError(
                _("Choose a year between %(first)d and %(last)d."), params={"first": YEARS[0], "last": YEARS[1]}
            )
        return moment


class WholeNumber(forms.IntegerField):
    """A whole number between two limits, which are named for whatever cannot be taken."""

    def __init__(self, *, least: int, most: int, **kwargs: Any) -> None:
        super().__init__(min_value=least, max_value=most, **kwargs)

    def clean(self, value: Any) -> Any:
        """The number, None for an empty one that may be; raises ValidationError."""
        try:
            return super().clean(value)
        except ValidationError as error:
            raise ValidationError(
                _("This is a whole number from %(least)d to %(most)d."),
                params={"least": self.min_value, "most": self.max_value},
            ) from error


class AssignmentFilter(Filter):
    """Which assignments somebody looks for."""

    TABS = (
        ("current", _("Current")),
        ("drafts", _("Drafts")),
        ("past", _("Past")),
        ("archived", _("Archived")),
    )

    tab = forms.ChoiceField(required=False, choices=TABS)
    section = forms.UUIDField(required=False)

    def chosen(self) -> dict[str, str]:
        """The filters that say something; the tab always does."""
        return {"tab": "current"} | {name: str(value) for name, value in super().chosen().items()}


class StudentSearch(Filter):
    """Which students of an assignment are shown."""

    q = forms.CharField(label=_("Search by name or address"), required=False, max_length=200)


def sections_to_set_work_for(user: User) -> QuerySet[Section]:
    """The sections in which this person may set work, by name."""
    return Section.objects.current().visible_to(user).order_by("name", "course_code", "id")


class AssignmentForm(Resent):
    """What stands above the clients; without `by` the section is settled."""

    section = forms.ModelChoiceField(
        label=_("Section"), queryset=Section.objects.none(), empty_label=_("Choose a section")
    )
    title = Text(label=_("Title"), max_length=150)
    instructions = Text(
        label=_("Instructions"),
        max_length=5_000,
        required=False,
        help_text=_("What students should do and look for. They read it before they begin."),
        widget=forms.Textarea(attrs={"rows": 5}),
    )
    grading = forms.ChoiceField(
        label=_("It counts as"),
        choices=[(value, capfirst(label)) for value, label in Assignment.Grading.choices],
        initial=Assignment.Grading.PRACTICE,
        widget=forms.RadioSelect,
    )
    opens_at = Moment(label=_("Available from"), help_text=_("Empty: as soon as it is published."))
    due_at = Moment(label=_("Due"), help_text=_("Empty: there is no due date."))
    late_rule = forms.ChoiceField(
        label=_("After the due date"),
        choices=[(value, capfirst(label)) for value, label in LateRule.choices],
        initial=LateRule.MARK,
        widget=forms.RadioSelect,
    )
    late_percent = WholeNumber(
        label=_("Percent of the score for each day"),
        least=1,
        most=100,
        required=False,
        initial=10,
        help_text=_("Only where a share is deducted."),
    )
    max_attempts = WholeNumber(
        label=_("Attempts per client"), least=1, most=100, required=False, help_text=_("Empty: as many as they like.")
    )
    counted = forms.ChoiceField(
        label=_("Which attempt counts"),
        choices=[(value, capfirst(label)) for value, label in Assignment.Counted.choices],
        initial=Assignment.Counted.BEST,
    )
    time_limit_minutes = WholeNumber(
        label=_("Minutes for one attempt"), least=1, most=1_440, required=False, help_text=_("Empty: no time limit.")
    )
    in_order = forms.BooleanField(label=_("Clients one after the other, in this order"), required=False)
    feedback = forms.ChoiceField(
        label=_("Feedback is shown"),
        choices=[(value, capfirst(label)) for value, label in Assignment.Feedback.choices],
        initial=Assignment.Feedback.END,
        widget=forms.RadioSelect,
    )
    revision = forms.IntegerField(widget=forms.HiddenInput, required=False, min_value=0)

    def __init__(self, *args: Any, by: User | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        section = self.fields["section"]
        assert isinstance(section, forms.ModelChoiceField)  # noqa: S101  narrows the type
        if by is None:
            del self.fields["section"]
        else:
            section.queryset = sections_to_set_work_for(by)

    def clean(self) -> dict[str, Any]:
        """A due date after the day from which it is available, and a share where one is deducted."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        opens, due = cleaned.get("opens_at"), cleaned.get("due_at")
        if opens and due and due <= opens:
            self.add_error("due_at", _("The due date must be after the day from which it is available."))
        rule = cleaned.get("late_rule")
        if rule == LateRule.DEDUCT and cleaned.get("late_percent") is None and "late_percent" not in self.errors:
            self.add_error("late_percent", _("Say how many percent are deducted for each day, from 1 to 100."))
        if rule in {LateRule.DEDUCT, LateRule.REFUSE} and not due and "due_at" not in self.errors:
            self.add_error("due_at", _("This rule for late work needs a due date."))
        return cleaned


class AssignedClientForm(forms.Form):
    """One client of an assignment, among the `clients` and `rubrics` that may stand there."""

    client = forms.CharField(widget=forms.HiddenInput)
    rubric = forms.ChoiceField(label=_("Rubric"), required=False, help_text=_("Students see its criteria."))
    min_exchanges = WholeNumber(
        label=_("Least number of exchanges"),
        least=0,
        most=500,
        required=False,
        help_text=_("Shorter conversations do not count."),
    )

    def __init__(self, *args: Any, offered: "Offered | None" = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offered = offered or Offered({}, {}, [])
        field = self.fields["rubric"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101  narrows the type
        field.choices = self.offered.rubric_choices

    @property
    def profile(self) -> ClientProfile | None:
        """The client of this row, None for one that may not stand there."""
        return self.offered.clients.get(str(self["client"].value()))

    def clean_client(self) -> ClientProfile:
        """The client; raises ValidationError for one that this person does not see."""
        profile = self.profile
        if profile is None:
            raise ValidationError(_("This client cannot be used any more. Remove it and choose another."))
        return profile

    def clean_rubric(self) -> Rubric | None:
        """The rubric, None for none."""
        return self.offered.rubrics.get(self.cleaned_data["rubric"])

    def value(self) -> TaskValue:
        """What the row describes; only of a valid form."""
        cleaned = self.cleaned_data
        return TaskValue(cleaned["client"], cleaned["rubric"], cleaned["min_exchanges"] or 0)


@dataclass(frozen=True, slots=True)
class Offered:
    """Clients and rubrics that may stand in the rows, by key, and the rubrics as grouped choices."""

    clients: Mapping[str, ClientProfile]
    rubrics: Mapping[str, Rubric]
    rubric_choices: Sequence[Any]


class AssignedClients(RowFormSet):
    """The clients in their order; a draft may have none yet."""

    form, name = AssignedClientForm, "clients"
    min_num, max_num, absolute_max = 0, MOST_CLIENTS, MOST_CLIENTS + 50

    def __init__(self, data: Any = None, *, rows: list[dict[str, Any]] | None = None, offered: Offered) -> None:
        too_many = gettext("An assignment can have at most %(num)d clients.") % {"num": MOST_CLIENTS}
        super().__init__(data, rows=rows, form_kwargs={"offered": offered}, error_messages={"too_many_forms": too_many})

    def clean(self) -> None:
        """Nobody stands there twice."""
        found = [form.cleaned_data["client"].pk for form in self.forms if "client" in form.cleaned_data]
        if len(found) != len(set(found)):
            raise ValidationError(_("The same client stands here twice. Remove one of the two."))


def assignment_value(form: AssignmentForm, clients: AssignedClients) -> AssignmentValue:
    """The assignment that two valid forms describe."""
    cleaned = {name: value for name, value in form.cleaned_data.items() if name not in {"section", "revision"}}
    cleaned["late_percent"] = cleaned["late_percent"] or AssignmentValue("").late_percent
    return AssignmentValue(**cleaned, tasks=[row.value() for row in clients.forms])


def fields_of(assignment: Assignment) -> dict[str, Any]:
    """What the form shows of an assignment that exists."""
    return {name: getattr(assignment, name) for name in AssignmentForm.base_fields}


class CopyForm(forms.Form):
    """Where a copy goes, and how its dates move."""

    section = forms.ModelChoiceField(
        label=_("Section"), queryset=Section.objects.none(), empty_label=_("Choose a section")
    )
    days = WholeNumber(
        label=_("Move the dates by so many days"),
        least=-3_650,
        most=3_650,
        required=False,
        help_text=_(
            "Empty: by as much as the first day of the one section is from that of the other (of their terms, where "
            "a section has none). Days back have a minus."
        ),
    )

    def __init__(self, *args: Any, by: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        section = self.fields["section"]
        assert isinstance(section, forms.ModelChoiceField)  # noqa: S101  narrows the type
        section.queryset = sections_to_set_work_for(by)


class GrantForm(forms.Form):
    """What one student is granted."""

    due_at = Moment(label=_("Due for them"), help_text=_("Empty: the same as for everyone."))
    extra_attempts = WholeNumber(label=_("More attempts with each client"), least=0, most=100, required=False)
    extra_minutes = WholeNumber(label=_("More minutes for each attempt"), least=0, most=1_440, required=False)
    reason = Text(label=_("Reason"), max_length=300, required=False, help_text=_("Only teachers and admins read it."))

    def __init__(self, *args: Any, assignment: Assignment, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.assignment = assignment
        # What has no limit needs no exception.
        if not assignment.due_at:
            del self.fields["due_at"]
        if not assignment.max_attempts:
            del self.fields["extra_attempts"]
        if not assignment.time_limit_minutes:
            del self.fields["extra_minutes"]

    def clean(self) -> dict[str, Any]:
        """Something is granted, and no due date is earlier than everyone's."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        due = cleaned.get("due_at")
        if due and self.assignment.due_at and due <= self.assignment.due_at:
            self.add_error("due_at", _("This is not later than the due date for everyone."))
        if not self.errors and not (due or cleaned.get("extra_attempts") or cleaned.get("extra_minutes")):
            raise ValidationError(_("Nothing is granted yet: fill in at least one of the fields."))
        return cleaned

    def grant(self) -> Grant:
        """What a valid form grants."""
        cleaned = self.cleaned_data
        return Grant(
            due_at=cleaned.get("due_at"),
            extra_attempts=cleaned.get("extra_attempts") or 0,
            extra_minutes=cleaned.get("extra_minutes") or 0,
            reason=cleaned["reason"],
        )


class ReopenForm(forms.Form):
    """For how long an ended attempt is opened again."""

    minutes = WholeNumber(label=_("Minutes"), least=1, most=1_440, required=False)
