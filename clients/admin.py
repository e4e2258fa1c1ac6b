"""Clients in the admin, and the page that tries the voice."""

from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from accounts.permissions import signed_in
from clients import persona_admin, services  # noqa: F401  the tutors' part of the administration
from clients.models import ClientFact, ClientOpening, ClientProfile, ClientRule, ClientTryout, ClientVersion
from clients.trial import try_voice
from monitoring.admin.readonly import ReadOnlyAdmin
from monitoring.budgets import BudgetExhaustedError, tell_refusal
from monitoring.pricing import usd
from monitoring.providers import endpoint_of
from monitoring.services import offered_models


class ClientFactInline(admin.StackedInline):
    """The facts of a client; those of built-in ones are renewed with the portal and only shown."""

    model = ClientFact
    extra = 0

    def has_change_permission(self, request: HttpRequest, obj: ClientProfile | None = None) -> bool:
        return super().has_change_permission(request, obj) and not (obj and obj.is_built_in)

    has_add_permission = has_delete_permission = has_change_permission


@admin.register(ClientProfile)
class ClientProfileAdmin(admin.ModelAdmin):
    """All clients. Built-in ones can be archived and given a model or an edited prompt, but not rewritten."""

    list_display = ["name", "owner", "domain", "difficulty", "language", "use", "archived_at", "updated_at"]
    list_filter = ["domain", "difficulty", "language", "visibility", ("archived_at", admin.EmptyFieldListFilter)]
    list_select_related = ["owner"]
    list_per_page = 50
    search_fields = ["name", "reason", "owner__display_name", "owner__email"]
    search_help_text = _("A client's name, why they come, or their owner's name or address.")
    autocomplete_fields = ["owner"]
    readonly_fields = ["slug", "copied_from", "archived_at", "created_at", "updated_at"]
    date_hierarchy = "updated_at"
    inlines = [ClientFactInline]
    actions = ["archive", "restore"]
    change_list_template = "admin/clients/clientprofile/change_list.html"

    @admin.display(description=_("visibility"), ordering="visibility")
    def use(self, client: ClientProfile) -> Any:
        """Who may use it, where somebody chose that; built-in ones belong to nobody."""
        return _("built-in") if client.is_built_in else client.get_visibility_display()

    def get_readonly_fields(self, request: HttpRequest, obj: ClientProfile | None = None) -> list[str]:
        """For built-in clients everything that the library writes."""
        written = ["owner", "visibility", *services.PROFILE_FIELDS] if obj and obj.is_built_in else []
        return [*self.readonly_fields, *written]

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """A client without an owner would count as built-in; those are only made by `load_library`."""
        return super().formfield_for_foreignkey(db_field, request, required=True, **kwargs)

    def save_model(self, request: HttpRequest, obj: ClientProfile, form: Any, change: bool) -> None:
        """A change here is noticed by a teacher's form that was opened before it."""
        obj.revision += 1
        super().save_model(request, obj, form, change)

    def has_delete_permission(self, request: HttpRequest, obj: ClientProfile | None = None) -> bool:
        """Clients are archived here; a teacher deletes an unused one on its page."""
        return False

    @admin.action(description=_("Archive: nobody can start it, nothing is deleted"), permissions=["change"])
    def archive(self, request: HttpRequest, queryset: QuerySet[ClientProfile]) -> None:
        """Take the chosen clients out of use."""
        chosen = list(queryset.filter(archived_at=None))
        for client in chosen:
            client.archive()
            self.log_change(request, client, gettext("Archived."))
        text = ngettext("%(count)d client is archived.", "%(count)d clients are archived.", len(chosen))
        messages.success(request, text % {"count": len(chosen)})

    @admin.action(description=_("Restore: bring archived clients back"), permissions=["change"])
    def restore(self, request: HttpRequest, queryset: QuerySet[ClientProfile]) -> None:
        """Bring the chosen clients back into use."""
        chosen = list(queryset.exclude(archived_at=None))
        for client in chosen:
            client.restore()
            self.log_change(request, client, gettext("Restored."))
        text = ngettext("%(count)d client can be used again.", "%(count)d clients can be used again.", len(chosen))
        messages.success(request, text % {"count": len(chosen)})

    def get_urls(self) -> list[URLPattern]:
        """With the page that tries the voice."""
        page = path("check-voice/", self.admin_site.admin_view(self.check_voice), name="clients_check_voice")
        return [page, *super().get_urls()]

    def check_voice(self, request: HttpRequest) -> HttpResponse:
        """Try the voice on a button, since every try costs a little; GET only shows the button.

        For who writes clients, and for who sees to it that models answer.
        """
        if not (self.has_change_permission(request) or request.user.has_perm("monitoring.change_breaker")):
            raise PermissionDenied
        models = offered_models()
        model = request.POST.get("model", settings.MODEL_DEFAULT)
        trial = None
        missing = endpoint_of(model).missing
        if request.method == "POST" and (model in models or missing):
            try:
                trial = try_voice(by=signed_in(request), model=model)
            except BudgetExhaustedError as error:
                tell_refusal(error)
                messages.error(request, str(error))
        context = {
            **self.admin_site.each_context(request),
            "title": _("Try the voice"),
            "opts": self.model._meta,
            "models": models,
            "model": model,
            "trial": trial,
            "missing": missing,
            "address": endpoint_of(model).base_url,
        }
        return TemplateResponse(request, "admin/clients/clientprofile/check_voice.html", context)


@admin.register(ClientVersion)
class ClientVersionAdmin(ReadOnlyAdmin):
    """Clients as they were when a conversation began."""

    list_display = ["client", "created_at", "fingerprint"]
    list_select_related = ["client"]
    search_fields = ["client__name"]
    search_help_text = _("A client's name.")
    date_hierarchy = "created_at"


@admin.register(ClientOpening)
class ClientOpeningAdmin(admin.ModelAdmin):
    """Which sections practise with which clients."""

    list_display = ["client", "section", "opened_by", "opened_at", "closed_at"]
    list_filter = [("closed_at", admin.EmptyFieldListFilter), "section"]
    list_select_related = ["client", "section", "opened_by"]
    search_fields = ["client__name", "section__name", "section__course_code"]
    search_help_text = _("A client's name, or the name or code of a section.")
    list_per_page = 50
    autocomplete_fields = ["client"]
    raw_id_fields = ["section", "opened_by"]


@admin.register(ClientRule)
class ClientRuleAdmin(ReadOnlyAdmin):
    """What teachers have corrected in their clients; it is written where the client is tried."""

    list_display = ["client", "text", "written_by", "written_at"]
    list_select_related = ["client", "written_by"]
    search_fields = ["client__name", "text"]
    search_help_text = _("A client's name, or words of the rule.")
    date_hierarchy = "written_at"
    ordering = ["-written_at"]


@admin.register(ClientTryout)
class ClientTryoutAdmin(ReadOnlyAdmin):
    """Runs of the test bench, the last first: what scripted students said and heard stands on the client's page."""

    list_display = ["started_at", "client", "by", "voice", "model", "finished_at", "cost"]
    list_filter = ["voice", ("finished_at", admin.EmptyFieldListFilter)]
    list_select_related = ["client", "by"]
    search_fields = ["client__name", "by__display_name", "by__email"]
    search_help_text = _("A client's name, or the name or address of whoever asked.")
    date_hierarchy = "started_at"
    ordering = ["-started_at"]
    exclude = ["talks", "cost_microusd"]
    readonly_fields = ["cost"]

    @admin.display(description=_("cost"))
    def cost(self, tryout: ClientTryout) -> str:
        """In dollars."""
        return usd(tryout.cost_microusd)
