"""The school, terms, sections, enrolments and invitations in the admin."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts import services
from accounts.admin.actions import for_each, show_links
from accounts.forms import LogoField
from accounts.models import Enrolment, Invitation, School, Section, SectionTeacher, Student, Teacher, Term
from accounts.permissions import signed_in


class SchoolForm(forms.ModelForm):
    """The school, with a logo that every browser shows."""

    logo = LogoField(label=gettext_lazy("Logo"), required=False)

    class Meta:
        model = School
        fields = ["name", "logo", "time_zone", "support_contact", "help_text", "help_contacts", "built_ins_allowed"]


@admin.register(School)
class SchoolAdmin(admin.ModelAdmin):
    """One row, so the list leads straight to it."""

    form = SchoolForm

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Only until there is one."""
        return super().has_add_permission(request) and not School.objects.exists()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Every page names the school."""
        return False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Open the school itself once it exists."""
        if School.objects.exists() and self.has_view_or_change_permission(request):
            return redirect("admin:accounts_school_change", 1)
        return super().changelist_view(request, extra_context)


@admin.register(Term)
class TermAdmin(admin.ModelAdmin):
    """Stretches of the school year."""

    list_display = ["name", "starts_on", "ends_on"]
    search_fields = ["name"]
    search_help_text = gettext_lazy("A term's name.")
    date_hierarchy = "starts_on"


class TeachersInline(admin.TabularInline):
    """Who teaches the section."""

    model = SectionTeacher
    autocomplete_fields = ["teacher"]
    extra = 0

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Only teachers can be chosen."""
        if db_field.name == "teacher":
            kwargs["queryset"] = Teacher.objects.all()
        return super().formfield_for_foreignkey(db_field, request, **kwargs)


class NewPlaceForm(forms.ModelForm):
    """A student who is to have a place in the section."""

    class Meta:
        model = Enrolment
        fields = ["student"]

    def clean_student(self) -> Student:
        """One who has none there. Forms of a section leave its constraints to the database, which would only fail."""
        student: Student = self.cleaned_data["student"]
        if Enrolment.objects.filter(section=self.instance.section_id, student=student).exists():
            raise forms.ValidationError(
                _("This student has a place here already. If it was removed, return it in the list of enrolments.")
            )
        return student


class EnrolmentsInline(admin.TabularInline):
    """More students for a section. Those who are enrolled have a list of their own: a lecture has thousands."""

    model = Enrolment
    form = NewPlaceForm
    autocomplete_fields = ["student"]
    extra = 0
    can_delete = False

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Only students can be chosen."""
        if db_field.name == "student":
            kwargs["queryset"] = Student.objects.all()
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def get_queryset(self, request: HttpRequest) -> "QuerySet[Enrolment]":
        """None of those that exist."""
        return super().get_queryset(request).none()


@admin.register(Section)
class SectionAdmin(admin.ModelAdmin):
    """Sections with their teachers and students."""

    list_display = ["name", "course_code", "term", "enrolled", "archived_at"]
    list_filter = ["term", ("archived_at", admin.EmptyFieldListFilter)]
    list_select_related = ["term"]
    list_per_page = 50
    search_fields = ["name", "course_code"]
    search_help_text = gettext_lazy("A section's name or code.")
    inlines = [TeachersInline, EnrolmentsInline]

    def get_queryset(self, request: HttpRequest) -> "QuerySet[Section]":
        """With the number of students, in one query."""
        active = Count("enrolments", filter=Q(enrolments__removed_at=None))
        return super().get_queryset(request).annotate(enrolled_count=active)

    @admin.display(description=gettext_lazy("students"), ordering="enrolled_count")
    def enrolled(self, section: Any) -> int:
        """Students who are enrolled now."""
        return int(section.enrolled_count)

    @admin.display(description=gettext_lazy("students"))
    def places(self, section: Any) -> str:
        """Their number, which leads to the list of them."""
        address = reverse("admin:accounts_enrolment_changelist")
        number = section.enrolled_count
        words = ngettext("%(count)d student", "%(count)d students", number) % {"count": number}
        return format_html('<a href="{}?section__id__exact={}">{}</a>', address, section.pk, words)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """With the way to the enrolments of a section that exists, for those who may see them."""
        return ["places"] if obj and request.user.has_perm("accounts.view_enrolment") else []

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Sections are archived: enrolments and conversations refer to them."""
        return False


@admin.register(Enrolment)
class EnrolmentAdmin(admin.ModelAdmin):
    """Places of students in sections; removed ones stay and can be returned."""

    # To count every value of every filter is to look at all of them, several times.
    show_facets = admin.ShowFacets.NEVER
    list_display = ["student", "section", "enrolled_at", "removed_at"]
    list_filter = [("removed_at", admin.EmptyFieldListFilter), "section"]
    list_select_related = ["student", "section"]
    list_per_page = 50
    search_fields = ["student__display_name", "student__email", "section__name", "section__course_code"]
    search_help_text = gettext_lazy("The name or address of a student, or the name or code of a section.")
    autocomplete_fields = ["student", "section"]
    readonly_fields = ["removed_at"]
    actions = ["remove", "give_back"]
    show_full_result_count = False

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Only students can be chosen."""
        if db_field.name == "student":
            kwargs["queryset"] = Student.objects.all()
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Removed, not deleted, so that a return loses nothing."""
        return False

    @admin.action(description=gettext_lazy("Remove from the section"), permissions=["change"])
    def remove(self, request: HttpRequest, queryset: "QuerySet[Enrolment]") -> None:
        """End the chosen places."""
        for enrolment in queryset:
            services.remove_from_section(by=signed_in(request), enrolment=enrolment)
        messages.success(request, _("Removed. Conversations are kept, and a return gives everything back."))

    @admin.action(description=gettext_lazy("Return to the section"), permissions=["change"])
    def give_back(self, request: HttpRequest, queryset: "QuerySet[Enrolment]") -> None:
        """Give the chosen places back."""
        for enrolment in queryset:
            services.return_to_section(by=signed_in(request), enrolment=enrolment)
        messages.success(request, _("Returned."))


@admin.register(Invitation)
class InvitationAdmin(admin.ModelAdmin):
    """Invitations to look at, make again or revoke; new ones are made on the invitations page."""

    list_display = ["email", "display_name", "role", "section", "invited_by", "created_at", "state_word"]
    list_filter = ["role", ("used_at", admin.EmptyFieldListFilter), ("revoked_at", admin.EmptyFieldListFilter)]
    list_select_related = ["section", "invited_by"]
    list_per_page = 50
    search_fields = ["email", "display_name"]
    search_help_text = gettext_lazy("A name or an address.")
    actions = ["reissue", "revoke"]
    show_full_result_count = False

    @admin.display(description=gettext_lazy("state"))
    def state_word(self, invitation: Invitation) -> str:
        """Waiting, used, expired or revoked."""
        return str(invitation.state.label)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """The invitations page makes them, since it can show the link."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Read only; a list of nothing in particular may still offer its actions."""
        return obj is None and super().has_change_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Kept, as a record of who let whom in."""
        return False

    @admin.action(description=gettext_lazy("Make new links"), permissions=["change"])
    def reissue(self, request: HttpRequest, queryset: "QuerySet[Invitation]") -> HttpResponse | None:
        """Show a fresh link for each of the chosen invitations."""
        by = signed_in(request)
        return show_links(request, queryset, lambda row: services.reissue_invitation(by=by, invitation=row))

    @admin.action(description=gettext_lazy("Revoke"), permissions=["change"])
    def revoke(self, request: HttpRequest, queryset: "QuerySet[Invitation]") -> None:
        """End the chosen invitations."""

        def revoke_one(invitation: Invitation) -> None:
            services.revoke_invitation(by=signed_in(request), invitation=invitation)
            messages.success(request, _("%(email)s is revoked.") % {"email": invitation})

        for_each(request, queryset, revoke_one)
