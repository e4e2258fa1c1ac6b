"""Tutors in the administration: the texts of personas, what sections allow, and who prefers what."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.admin.search import PeopleFirstAdmin
from accounts.permissions import signed_in
from clients.models import PersonaText, SectionPersonas, TutorPreference
from clients.models.persona import ACTIVE_MAX
from clients.personas import PersonaError, built_in, built_in_text, compose
from clients.tutor_forms import PersonaTextForm, PromptSampleForm
from monitoring.admin.readonly import ReadOnlyAdmin


@admin.register(PersonaText)
class PersonaTextAdmin(admin.ModelAdmin):
    """Personas that the school adds, or rewrites in place of the portal's. A row is never deleted: it is not active."""

    form = PersonaTextForm
    list_display = ["key", "title", "is_active", "changed_by", "changed_at", "prompt"]
    list_filter = ["is_active"]
    list_select_related = ["changed_by"]
    list_per_page = ACTIVE_MAX
    search_fields = ["key", "text"]
    search_help_text = _("A persona's key, or words of its text.")

    class Media:
        css = {"all": ["css/admin-personas.css"]}

    @admin.display(description=_("name"))
    def title(self, row: PersonaText) -> str:
        """Its title, or that it has none that can be read."""
        try:
            return row.persona().title
        except PersonaError:
            return gettext("It cannot be read: open it and save it to see why.")

    @admin.display(description=_("prompt"))
    def prompt(self, row: PersonaText) -> SafeString:
        """The way to what a model is told."""
        return format_html(
            '<a href="{}?persona={}">{}</a>', reverse("admin:clients_persona_prompt"), row.pk, gettext("Look at it")
        )

    def get_readonly_fields(self, request: HttpRequest, obj: PersonaText | None = None) -> list[str]:
        """Who changed it and when; and a key once it is there, since sections and people have chosen by it."""
        return ["changed_by", "changed_at", *(["key"] if obj else [])]

    def get_fields(self, request: HttpRequest, obj: PersonaText | None = None) -> list[Any]:
        """A new one was changed by nobody."""
        return ["key", "is_active", "text", *(["changed_by", "changed_at"] if obj else [])]

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """The text of one of the portal's to begin with, if the address asks for it."""
        begin_with = request.GET.get("from", "")
        return {"text": built_in_text(begin_with)} if begin_with in built_in() else {}

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """With the personas that one can begin from."""
        return super().add_view(request, form_url, {**(extra_context or {}), "begin_from": built_in().values()})

    def save_model(self, request: HttpRequest, obj: PersonaText, form: Any, change: bool) -> None:
        """Keep who wrote it."""
        obj.changed_by = signed_in(request)
        super().save_model(request, obj, form, change)
        if obj.is_active:
            messages.info(request, gettext("It is offered within a second. Conversations that run keep their prompt."))

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """People and sections have chosen by its key."""
        return False

    def get_urls(self) -> list[URLPattern]:
        """With the page that shows prompts."""
        page = path("prompt/", self.admin_site.admin_view(self.prompt_page), name="clients_persona_prompt")
        return [page, *super().get_urls()]

    def prompt_page(self, request: HttpRequest) -> HttpResponse:
        """What a model is told for a persona, active or not, and sample choices, all from the address."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        rows = PersonaText.objects.order_by("-is_active", "-changed_at")[: 2 * ACTIVE_MAX]
        form = PromptSampleForm(request.GET.dict(), rows=list(rows))
        prompt, problems = "", []
        if form.is_valid():
            try:
                prompt = compose(form.chosen(), form.learner)
            except PersonaError as error:
                problems = error.problems
        context = {
            **self.admin_site.each_context(request),
            "title": _("What a model is told"),
            "opts": self.model._meta,
            "form": form,
            "prompt": prompt,
            "problems": problems,
        }
        return TemplateResponse(request, "admin/clients/personatext/prompt.html", context)


@admin.register(SectionPersonas)
class SectionPersonasAdmin(ReadOnlyAdmin):
    """Which personas sections allow, where their teachers chose; they do on the section's page."""

    list_display = ["section", "personas", "chosen_by", "chosen_at"]
    list_select_related = ["section", "chosen_by"]
    search_fields = ["section__name", "section__course_code"]
    search_help_text = _("The name or code of a section.")
    date_hierarchy = "chosen_at"

    @admin.display(description=_("allowed personas"))
    def personas(self, row: SectionPersonas) -> str:
        """Their keys, or that there are none."""
        return ", ".join(str(key) for key in row.allowed) or gettext("none")


@admin.register(TutorPreference)
class TutorPreferenceAdmin(PeopleFirstAdmin):
    """Which tutor people prefer; what they want to learn is for them."""

    list_display = ["user", "persona", "changed_at"]
    list_filter = ["persona"]
    list_select_related = ["user"]
    search_help_text = _("The name, address or id of a person.")
    people = ("user",)
    by_uuid = ("user",)
    exclude = ["customisation"]
    ordering = ["user"]
