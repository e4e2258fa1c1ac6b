"""Users, students and teachers in the admin; passwords are set by one-time links, so that operators never know one."""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts import services
from accounts.admin.actions import for_each, show_links
from accounts.admin.privacy import PrivacyActions
from accounts.forms import TransferForm
from accounts.models import Student, StudentDetails, Teacher, TeacherDetails, User
from accounts.permissions import signed_in

RIGHTS = ("role", "is_superuser")
STUDENT_DETAILS, TEACHER_DETAILS = "accounts.view_studentdetails", "accounts.view_teacherdetails"

# Groups give nothing: what people may do goes by their role.
admin.site.unregister(Group)


class PersonForm(forms.ModelForm):
    """An account; its address is one that nobody has, whatever the role: students and teachers share one table."""

    class Meta:
        model = User
        fields = ["email", "display_name"]

    def clean_email(self) -> str:
        """The address in lower case; raises ValidationError where somebody has it."""
        email: str = self.cleaned_data["email"].lower()
        if User.objects.filter(email=email).exclude(pk=self.instance.pk).exists():
            raise forms.ValidationError(User._meta.get_field("email").error_messages["unique"], code="unique")
        return email

    def clean_is_active(self) -> bool:
        """Whether it is active; raises ValidationError where somebody who is being erased, or was, would be."""
        wanted: bool = self.cleaned_data["is_active"]
        if wanted and not self.initial.get("is_active"):
            try:
                services.check_not_erased(self.instance)
            except services.ErasedError as error:
                raise forms.ValidationError(str(error)) from error
        return wanted


class NewUserForm(PersonForm):
    """A new account; its owner sets the password by a one-time link."""

    def save(self, commit: bool = True) -> User:
        """A user without a usable password."""
        self.instance.set_unusable_password()
        user: User = super().save(commit)
        return user


class PersonAdmin(DjangoUserAdmin):
    """What users, students and teachers have in common in the admin."""

    form = PersonForm
    add_form = NewUserForm
    list_display = ["display_name", "email", "is_active", "last_login", "date_joined"]
    list_filter = ["is_active", "enrolments__section"]
    search_fields = ["display_name", "email"]
    search_help_text = gettext_lazy("A name or an address.")
    ordering = ["display_name", "email"]
    filter_horizontal = []
    readonly_fields = ["has_password", "last_login", "date_joined", "is_demo", "budgets"]
    actions = ["disable", "enable", "make_password_link"]
    list_per_page = 50
    show_full_result_count = False
    add_fieldsets = [(None, {"fields": ["email", "display_name"]})]
    fieldsets = [
        (None, {"fields": ["email", "display_name", "has_password", "is_active"]}),
        (gettext_lazy("Time and language"), {"fields": ["time_zone", "language"]}),
        (gettext_lazy("Facts"), {"fields": ["last_login", "date_joined", "is_demo"]}),
    ]
    # Columns, filters and searches that tell of more than the account, each with the right that it needs.
    needs: Mapping[str, str] = {"enrolments__section": "accounts.view_enrolment"}

    def get_urls(self) -> list[URLPattern]:
        """Without Django's page on which staff type a password for somebody else."""
        return [url for url in super().get_urls() if url.name != "auth_user_password_change"]

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        """The columns that this person may see."""
        return self._offered(request, super().get_list_display(request))

    def get_list_filter(self, request: HttpRequest) -> list[Any]:
        """The filters that tell nothing this person may not see."""
        return self._offered(request, super().get_list_filter(request))

    def get_search_fields(self, request: HttpRequest) -> list[Any]:
        """The fields that this person may see."""
        return self._offered(request, super().get_search_fields(request))

    def _offered(self, request: HttpRequest, names: Iterable[Any]) -> list[Any]:
        user = signed_in(request)
        return [name for name in names if name not in self.needs or user.has_perm(self.needs[name])]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """With the way to the person's budgets for who sees money."""
        found = super().get_fieldsets(request, obj)
        if obj is None or not signed_in(request).has_perm("monitoring.view_budget"):
            return found
        return [*found, (_("Money"), {"fields": ["budgets"]})]

    @admin.display(description=gettext_lazy("budgets"))
    def budgets(self, user: User) -> str:
        """The page on which they are seen and, by who may, set."""
        page = reverse("admin:monitoring_person_budgets", args=[user.pk])
        return format_html('<a href="{}">{}</a>', page, _("what is used and left, set or raise it"))

    @admin.display(description=gettext_lazy("has a password"), boolean=True)
    def has_password(self, user: User) -> bool:
        """Whether the owner has set one; of the password itself nothing is shown."""
        return user.has_usable_password()

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Staff are changed only by admins with every right, or one of them could take over another."""
        allowed = super().has_change_permission(request, obj)
        return allowed and (obj is None or not obj.is_staff or signed_in(request).is_superuser)

    def has_disable_permission(self, request: HttpRequest) -> bool:
        """Who may use the actions that close and open an account."""
        return signed_in(request).has_perm("accounts.disable_user")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Accounts are disabled, not deleted: conversations and costs refer to them."""
        return False

    @admin.action(description=gettext_lazy("Disable the accounts"), permissions=["disable"])
    def disable(self, request: HttpRequest, queryset: "QuerySet[User]") -> None:
        """End sign-ins and open chats of the chosen people."""
        by = signed_in(request)
        done = for_each(request, queryset, lambda user: services.disable_user(by=by, user=user))
        if done:
            text = ngettext("%(count)d account disabled.", "%(count)d accounts disabled.", done) % {"count": done}
            messages.success(request, text)

    @admin.action(description=gettext_lazy("Enable the accounts"), permissions=["disable"])
    def enable(self, request: HttpRequest, queryset: "QuerySet[User]") -> None:
        """Let the chosen people sign in again."""
        by = signed_in(request)
        done = for_each(request, queryset, lambda user: services.enable_user(by=by, user=user))
        if done:
            text = ngettext("%(count)d account enabled.", "%(count)d accounts enabled.", done) % {"count": done}
            messages.success(request, text)

    @admin.action(description=gettext_lazy("Make one-time password links"), permissions=["change"])
    def make_password_link(self, request: HttpRequest, queryset: "QuerySet[User]") -> HttpResponse | None:
        """Show a link for each of the chosen people, to copy or print."""
        by = signed_in(request)
        return show_links(request, queryset, lambda user: services.issue_password_link(by=by, user=user))

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """A new address is told to the old one: who can set it could ask for a new password there."""
        super().save_model(request, obj, form, change)
        if change and form.initial["email"] != obj.email:
            transaction.on_commit(partial(services.mail_address_changed, user=obj, old=form.initial["email"]))

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: str | None = None) -> HttpResponse:
        """Say how the new person gets in."""
        text = _("Choose “Make one-time password links” in the list to let %(name)s set a password.")
        messages.info(request, text % {"name": obj})
        return super().response_add(request, obj, post_url_continue)


@admin.register(User)
class UserAdmin(PersonAdmin):
    """All people, with their role and rights."""

    list_display = ["display_name", "email", "role", "is_active", "last_login"]
    list_filter = ["role", "is_active", "is_superuser"]
    add_fieldsets = [(None, {"fields": ["email", "display_name", "role"]})]
    fieldsets = [
        *PersonAdmin.fieldsets[:1],
        (gettext_lazy("Role and rights"), {"fields": RIGHTS}),
        *PersonAdmin.fieldsets[1:],
    ]

    def get_search_results(
        self, request: HttpRequest, queryset: "QuerySet[Any]", search_term: str
    ) -> "tuple[QuerySet[Any], bool]":
        """Where a section's or enrolment's form asks for a student or teacher, offer only those."""
        field = request.GET.get("field_name", "")
        if field in {User.Role.STUDENT, User.Role.TEACHER}:
            queryset = queryset.filter(role=field)
        return super().get_search_results(request, queryset, search_term)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """Only an admin with every right gives rights."""
        return [*super().get_readonly_fields(request, obj), *([] if signed_in(request).is_superuser else RIGHTS)]


class StudentDetailsInline(admin.StackedInline):
    """Student number, pronouns, programme."""

    model = StudentDetails
    can_delete = False


class TeacherDetailsInline(admin.StackedInline):
    """Title, department, office."""

    model = TeacherDetails
    can_delete = False


@admin.register(Student)
class StudentAdmin(PrivacyActions, PersonAdmin):
    """Students; the role is fixed."""

    actions = [*PersonAdmin.actions, "export_everything", "erase_everything"]
    inlines = [StudentDetailsInline]
    # To count every value of every filter is to look at all of them, several times.
    show_facets = admin.ShowFacets.NEVER
    list_display = ["display_name", "email", "student_number", "programme", "is_active", "last_login"]
    search_fields = [*PersonAdmin.search_fields, "student_details__student_number"]
    search_help_text = gettext_lazy("A name, an address or a student number.")
    list_select_related = ["student_details"]
    needs = {
        **PersonAdmin.needs,
        "student_number": STUDENT_DETAILS,
        "programme": STUDENT_DETAILS,
        "student_details__student_number": STUDENT_DETAILS,
    }

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        """Its search names only what this person can search for."""
        found = super().get_changelist_instance(request)
        if not signed_in(request).has_perm(STUDENT_DETAILS):
            found.search_help_text = str(PersonAdmin.search_help_text)
        return found

    @admin.display(description=gettext_lazy("student number"), ordering="student_details__student_number")
    def student_number(self, user: User) -> str:
        """From the details, where there are any."""
        return user.student_details.student_number if hasattr(user, "student_details") else ""

    @admin.display(description=gettext_lazy("programme"), ordering="student_details__programme")
    def programme(self, user: User) -> str:
        """From the details, where there are any."""
        return user.student_details.programme if hasattr(user, "student_details") else ""

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """A student stays one."""
        obj.role = User.Role.STUDENT
        super().save_model(request, obj, form, change)


@admin.register(Teacher)
class TeacherAdmin(PersonAdmin):
    """Teachers; the role is fixed."""

    inlines = [TeacherDetailsInline]
    list_display = ["display_name", "email", "department", "is_active", "last_login"]
    list_filter = ["is_active", "teacher_details__department"]
    list_select_related = ["teacher_details"]
    actions = [*PersonAdmin.actions, "transfer"]
    needs = {"department": TEACHER_DETAILS, "teacher_details__department": TEACHER_DETAILS}

    @admin.display(description=gettext_lazy("department"), ordering="teacher_details__department")
    def department(self, user: User) -> str:
        """From the details, where there are any."""
        return user.teacher_details.department if hasattr(user, "teacher_details") else ""

    def has_transfer_permission(self, request: HttpRequest) -> bool:
        """Who may give a teacher's sections and clients to another."""
        return signed_in(request).has_perm("accounts.transfer_teacher")

    @admin.action(description=gettext_lazy("Transfer everything a leaving teacher owns"), permissions=["transfer"])
    def transfer(self, request: HttpRequest, queryset: "QuerySet[User]") -> HttpResponse | None:
        """Ask who receives everything of the one chosen teacher, show what that is, and transfer it."""
        chosen = list(queryset[:2])
        if len(chosen) != 1:
            messages.error(request, _("Choose one teacher: everything goes to one colleague. Nothing was changed."))
            return None
        leaving = chosen[0]
        form = TransferForm(request.POST if "receiving" in request.POST else None, leaving=leaving)
        if form.is_valid():
            receiving = form.cleaned_data["receiving"]
            try:
                moved = services.transfer_everything(by=signed_in(request), leaving=leaving, receiving=receiving)
            except services.RuleBrokenError as error:
                form.add_error(None, str(error))
            else:
                listed = ", ".join(f"{label}: {number}" for label, number in moved)
                text = _("%(receiving)s now has everything of %(leaving)s (%(listed)s).")
                messages.success(request, text % {"receiving": receiving, "leaving": leaving, "listed": listed})
                return None
        context = {
            **self.admin_site.each_context(request),
            "title": _("Transfer everything of %(name)s") % {"name": leaving},
            "opts": self.opts,
            "leaving": leaving,
            "belongings": services.belongings_of(leaving),
            "form": form,
        }
        return TemplateResponse(request, "admin/accounts/teacher/transfer.html", context)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """A teacher stays one."""
        obj.role = User.Role.TEACHER
        super().save_model(request, obj, form, change)
