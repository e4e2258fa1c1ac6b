"""What is set, and by what it is judged: assignments, attempts, rubrics. They are written on pages of the portal."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from accounts.admin.search import PeopleFirstAdmin
from conversations.models import (
    Assignment,
    AssignmentClient,
    AssignmentException,
    Attempt,
    Criterion,
    Rubric,
    RubricVersion,
)
from monitoring.admin.readonly import ReadOnlyAdmin


class ReadOnlyInline(admin.TabularInline):
    """Rows of a page that people may look at and nobody may change."""

    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class AssignmentClientInline(ReadOnlyInline):
    """The clients of an assignment."""

    model = AssignmentClient
    fields = ["position", "client", "rubric", "min_exchanges"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """With their names, in one query."""
        return super().get_queryset(request).select_related("client", "rubric", "assignment")


class AssignmentExceptionInline(ReadOnlyInline):
    """What single students are granted."""

    model = AssignmentException
    fields = ["student", "due_at", "extra_attempts", "extra_minutes", "granted_by", "granted_at"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """With their names, in one query."""
        return super().get_queryset(request).select_related("student", "granted_by", "assignment")


@admin.register(Assignment)
class AssignmentAdmin(ReadOnlyAdmin):
    """Work that sections are set."""

    list_display = ["title", "section", "created_by", "due_at", "grading", "published_at", "archived_at"]
    list_filter = [
        "grading", ("published_at", admin.EmptyFieldListFilter), ("archived_at", admin.EmptyFieldListFilter),
    ]  # fmt: skip
    list_select_related = ["section", "created_by"]
    search_fields = ["title", "section__name", "section__course_code"]
    search_help_text = _("A title, or the name or code of a section.")
    date_hierarchy = "due_at"
    ordering = ["-due_at", "title"]
    inlines = [AssignmentClientInline, AssignmentExceptionInline]


@admin.register(Attempt)
class AttemptAdmin(PeopleFirstAdmin):
    """Attempts at assignments, by assignment."""

    list_display = ["assignment", "student", "client", "number", "session_status"]
    list_select_related = ["assignment", "student", "task__client", "session"]
    search_help_text = _("A student's name or address, or the id of an assignment, a conversation or a student.")
    people = ("student",)
    by_uuid = ("pk", "assignment", "session", "student")
    ordering = ["assignment", "student"]

    @admin.display(description=_("client"))
    def client(self, attempt: Attempt) -> str:
        """With whom."""
        return str(attempt.task.client)

    @admin.display(description=_("status"))
    def session_status(self, attempt: Attempt) -> str:
        """That of the conversation."""
        return attempt.session.get_status_display()


class CriterionInline(ReadOnlyInline):
    """The criteria of a rubric."""

    model = Criterion
    fields = ["position", "name", "weight", "excellent", "good", "satisfactory", "needs_improvement"]


@admin.register(Rubric)
class RubricAdmin(ReadOnlyAdmin):
    """What conversations are scored by. Its page in the portal is where it is written: weights must come to a whole."""

    list_display = ["name", "owner", "archived_at", "updated_at"]
    list_filter = [("archived_at", admin.EmptyFieldListFilter), ("owner", admin.EmptyFieldListFilter)]
    list_select_related = ["owner"]
    search_fields = ["name", "description", "owner__display_name", "owner__email"]
    search_help_text = _("A name, words of what it is for, or its owner's name or address.")
    date_hierarchy = "updated_at"
    inlines = [CriterionInline]
    actions = ["archive", "restore"]

    @admin.action(description=_("Archive: nobody can choose it, nothing is deleted"), permissions=["act"])
    def archive(self, request: HttpRequest, queryset: QuerySet[Rubric]) -> None:
        """Take the chosen rubrics out of use."""
        done = self._set(request, queryset.filter(archived_at=None), archived=True, words=gettext("Archived."))
        words = ngettext("%(count)d rubric is archived.", "%(count)d rubrics are archived.", done)
        messages.success(request, words % {"count": done})

    @admin.action(description=_("Restore: bring archived rubrics back"), permissions=["act"])
    def restore(self, request: HttpRequest, queryset: QuerySet[Rubric]) -> None:
        """Bring the chosen rubrics back into use."""
        done = self._set(request, queryset.exclude(archived_at=None), archived=False, words=gettext("Restored."))
        words = ngettext("%(count)d rubric can be used again.", "%(count)d rubrics can be used again.", done)
        messages.success(request, words % {"count": done})

    def _set(self, request: HttpRequest, found: QuerySet[Rubric], *, archived: bool, words: str) -> int:
        chosen = list(found)
        for rubric in chosen:
            rubric.set_archived(archived)
            self.log_change(request, rubric, words)
        return len(chosen)


@admin.register(RubricVersion)
class RubricVersionAdmin(ReadOnlyAdmin):
    """Rubrics as they were when something was judged by them."""

    list_display = ["rubric", "created_at", "fingerprint"]
    list_select_related = ["rubric"]
    search_fields = ["rubric__name"]
    search_help_text = _("The name of a rubric.")
    date_hierarchy = "created_at"
    ordering = ["-created_at"]
