"""Forms of rubrics: the rubric with its criteria, whose rows can be added, removed and moved; the list; a scoring."""

import uuid
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from clients.forms import Lines, Text
from conversations.forms import Filter, Resent, RowFormSet
from conversations.rubrics import MarkValue
from conversations.scores import WHOLE, CriterionValue, Level, RubricValue, percent_text

CRITERIA_MAX = 12
POINTS_MAX = 12
NEW_ROWS = 3


class RubricFilter(Filter):
    """Whose rubrics somebody looks for, and by which word."""

    TABS = (
        ("mine", _("Mine")),
        ("builtin", _("Built-in")),
        ("colleagues", _("Colleagues")),
        ("archived", _("Archived")),
    )

    tab = forms.ChoiceField(required=False, choices=TABS)

    def chosen(self) -> dict[str, str]:
        """The filters that say something; the tab always does."""
        return {"tab": "mine"} | super().chosen()


class RubricForm(Resent):
    """What stands above the criteria."""

    name = Text(label=_("Name"), max_length=120)
    description = Text(
        label=_("What it is for"), max_length=1_000, required=False, widget=forms.Textarea(attrs={"rows": 2})
    )
    revision = forms.IntegerField(widget=forms.HiddenInput, required=False, min_value=0)


def _level(level: Level) -> Text:
    return Text(
        label=f"{int(level)} · {capfirst(level.label)}", max_length=600, widget=forms.Textarea(attrs={"rows": 4})
    )


class CriterionForm(forms.Form):
    """One criterion; the weight is typed in percent."""

    name = Text(label=_("Criterion"), max_length=120)
    weight = forms.DecimalField(
        label=_("Weight in percent"),
        min_value=Decimal("0.01"),
        max_value=100,
        decimal_places=2,
        error_messages=dict.fromkeys(
            ("invalid", "min_value", "max_value", "max_decimal_places"),
            _("A weight is a number above 0 and at most 100, with at most two decimals."),
        ),
        widget=forms.NumberInput(attrs={"step": "any", "inputmode": "decimal"}),
    )
    excellent = _level(Level.EXCELLENT)
    good = _level(Level.GOOD)
    satisfactory = _level(Level.SATISFACTORY)
    needs_improvement = _level(Level.NEEDS_IMPROVEMENT)
    points = Lines(
        label=_("What to look for"),
        commas=False,
        most=POINTS_MAX,
        longest=200,
        help_text=_("One point a line."),
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def value(self) -> CriterionValue:
        """The criterion that the row describes; only of a valid form."""
        cleaned = self.cleaned_data
        descriptions = (cleaned["excellent"], cleaned["good"], cleaned["satisfactory"], cleaned["needs_improvement"])
        return CriterionValue(cleaned["name"], int(cleaned["weight"] * 100), descriptions, tuple(cleaned["points"]))

    @property
    def levels(self) -> list[forms.BoundField]:
        """The fields of the four descriptions, best first."""
        return [self[level.name.lower()] for level in Level]


class CriterionFormSet(RowFormSet):
    """The criteria in order. Every row counts, and the weights must sum to 100 percent."""

    form, name = CriterionForm, "criteria"
    max_num, absolute_max = CRITERIA_MAX, CRITERIA_MAX + 50

    def __init__(self, data: Any = None, *, rows: list[dict[str, Any]] | None = None) -> None:
        super().__init__(
            data, rows=rows,
            error_messages={
                "too_many_forms": gettext("A rubric can have at most %(num)d criteria.") % {"num": CRITERIA_MAX},
                "too_few_forms": gettext("A rubric needs at least one criterion."),
            },
        )  # fmt: skip

    def clean(self) -> None:
        """The weights sum to 100 percent, once each of them is a weight."""
        if any("weight" in form.errors for form in self.forms):
            return
        found = sum(int(form.cleaned_data["weight"] * 100) for form in self.forms)
        if self.forms and found != WHOLE:
            raise ValidationError(
                _("The weights sum to %(sum)s percent. They must sum to 100: %(step)s."),
                params={"sum": percent_text(found), "step": _step(found)},
            )


def _step(found: int) -> Any:
    missing = percent_text(abs(WHOLE - found))
    return (_("add %(percent)s") if found < WHOLE else _("take away %(percent)s")) % {"percent": missing}


def rubric_value(form: RubricForm, criteria: CriterionFormSet) -> RubricValue:
    """The rubric that two valid forms describe."""
    rows = tuple(row.value() for row in criteria.forms)
    return RubricValue(form.cleaned_data["name"], form.cleaned_data["description"], rows)


def rows_of(value: RubricValue) -> list[dict[str, Any]]:
    """The criteria as rows of the form."""
    return [
        {"name": row.name, "weight": row.percent, "points": list(row.points)}
        | {level.name.lower(): text for level, text in row.levels}
        for row in value.criteria
    ]


def blank_rows() -> list[dict[str, Any]]:
    """What a new rubric begins with."""
    return [{} for _row in range(NEW_ROWS)]


class ScoringForm(Resent):
    """A level and a comment for each criterion of one rubric, and an overall comment; a draft may lack levels."""

    comment = Text(
        label=_("Overall comment"), required=False, max_length=4_000, widget=forms.Textarea(attrs={"rows": 4})
    )
    shows_evidence = forms.BooleanField(
        label=_("Show the student what the draft quotes as evidence"),
        required=False,
        help_text=_("After the release, under each criterion. What you have struck stays out."),
    )
    number = forms.IntegerField(widget=forms.HiddenInput, min_value=0)
    fingerprint = forms.CharField(widget=forms.HiddenInput)
    # The draft that stands beside the form.
    evaluation = forms.UUIDField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, rubric: RubricValue, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.rubric = rubric
        for position in range(len(rubric.criteria)):
            self.fields[f"level-{position}"] = forms.TypedChoiceField(
                required=False, coerce=int, empty_value=None, choices=Level.choices
            )
            self.fields[f"comment-{position}"] = Text(
                label=_("Comment"), required=False, max_length=2_000, widget=forms.Textarea(attrs={"rows": 2})
            )

    def stand_beside(self, evaluation: uuid.UUID) -> None:
        """Note the draft that the page shows, so that it is known what the person had before them."""
        self.initial["evaluation"] = evaluation
        if self.is_bound:
            self.with_told(evaluation=evaluation)

    def marks(self) -> list[MarkValue]:
        """The marks in the order of the criteria; only of a valid form."""
        return [
            MarkValue(self.cleaned_data[f"level-{position}"], self.cleaned_data[f"comment-{position}"])
            for position in range(len(self.rubric.criteria))
        ]

    def rows(self) -> list[dict[str, Any]]:
        """For the page: each criterion with its level's name in the form, the chosen level, and the comment's field."""
        return [
            {
                "criterion": criterion,
                "name": self.add_prefix(f"level-{position}"),
                "chosen": str(self[f"level-{position}"].value() or ""),
                "levels": [(str(int(level)), level.label, text) for level, text in criterion.levels],
                "level": self[f"level-{position}"],
                "comment": self[f"comment-{position}"],
            }
            for position, criterion in enumerate(self.rubric.criteria)
        ]
