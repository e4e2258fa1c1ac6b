"""Forms of staff about the conversations that they look after: which of them, and a note beside a line."""

import contextlib
import uuid
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from clients.forms import Text
from clients.models import ClientProfile
from conversations.export_forms import ExportFilter
from conversations.models import Assignment, Scoring, Session
from conversations.models.session import SessionQuerySet

MOST_STUDENTS = 50
_SCORINGS = Scoring.objects.filter(session=OuterRef("pk"))


class TaughtFilter(ExportFilter):
    """Which of the conversations of one's sections: as for an export, and by words, students and scoring."""

    SCORING = {
        # Not as joins, which PostgreSQL makes with all scorings before it takes a page.
        "none": Q(~Exists(_SCORINGS)),
        "draft": Q(Exists(_SCORINGS.filter(released=None))),
        "released": Q(Exists(_SCORINGS.filter(released__isnull=False))),
    }

    # A page of options, not a book: whoever needs another comes by a link.
    MOST_OPTIONS = 150
    LINKED: ClassVar[dict[str, Any]] = {"assignment": Assignment, "client": ClientProfile}

    # How Django takes a field away.
    session = None  # type: ignore[assignment]
    q = forms.CharField(
        label=_("What was said"),
        required=False,
        max_length=100,
        widget=forms.TextInput(attrs={"type": "search", "autocomplete": "off"}),
    )
    student = forms.CharField(
        label=_("Student"),
        required=False,
        max_length=100,
        widget=forms.TextInput(attrs={"type": "search", "autocomplete": "off"}),
    )
    scoring = forms.ChoiceField(
        label=_("Scoring"),
        required=False,
        choices=[("", _("All")), ("none", _("Not scored")), ("draft", _("Draft")), ("released", _("Released"))],
        widget=forms.Select(attrs={"data-submits": True}),
    )
    field_order = ["q", "student", "section", "assignment", "client", "status", "scoring", "since", "until"]

    def _offer(self, name: str, every: Any, options: list[tuple[str, str]]) -> None:
        """Offer also what a link asks for, where it is none of the newest."""
        asked = self.data.get(name, "")
        if name in self.LINKED and asked and asked not in dict(options):
            offered = self.LINKED[name].objects.visible_to(self.by)
            with contextlib.suppress(ValueError):
                options = [*options, *((asked, str(one)) for one in offered.filter(pk=uuid.UUID(asked)))]
        super()._offer(name, every, options)

    def clean_student(self) -> list[uuid.UUID] | None:
        """The keys of the students who are meant, None for all; refused when they are too many to mean anyone."""
        typed = self.cleaned_data["student"]
        if not typed:
            return None
        students = User.objects.filter(role=User.Role.STUDENT)
        if not self.by.is_admin:
            # Who has left a section is found too, since what they said there stays.
            students = students.filter(enrolments__section__in=self.by.sections.values("pk")).distinct()
        found = students.filter(Q(display_name__icontains=typed) | Q(email__icontains=typed)).order_by()
        keys = list(found.values_list("pk", flat=True)[: MOST_STUDENTS + 1])
        if len(keys) > MOST_STUDENTS:
            told = gettext("Student: more than %(limit)d names or addresses have “%(text)s” in them. Write more of it.")
            raise ValidationError(told % {"limit": MOST_STUDENTS, "text": typed})
        return keys

    def chosen(self) -> dict[str, str]:
        """The filters that say something, as they were sent."""
        self.is_valid()
        return {name: self.data[name] for name in self.fields if name in self.cleaned_data and self.data.get(name)}

    def sessions(self) -> SessionQuerySet:
        """The conversations in whatever section; whoever reads them asks for those of their own. None if not valid."""
        found = Session.objects.filter(kind=Session.Kind.PRACTICE, client__isnull=False).exclude(student=self.by)
        if not self.is_valid():
            return found.none()
        found = self.narrowed(found)
        if self.cleaned_data["student"] is not None:
            found = found.filter(student__in=self.cleaned_data["student"])
        if self.cleaned_data["scoring"]:
            found = found.filter(self.SCORING[self.cleaned_data["scoring"]])
        return found


class NoteForm(forms.Form):
    """A note in the margin, and who reads it."""

    text = Text(
        label=_("Note"),
        max_length=2_000,
        widget=forms.Textarea(attrs={"rows": 4, "autofocus": True}),
        error_messages={"required": _("Write something first.")},
    )
    shared = forms.BooleanField(label=_("The student sees it"), required=False)
