"""Providers in the admin: who they are, which models are theirs, and whether they can be called."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from monitoring import providers
from monitoring.models import Breaker, ModelPrice, Provider, ProviderModel


class ProviderModelFormSet(forms.BaseInlineFormSet):
    """Names that may have been used stay: without its row a model would be asked at the provider of the settings."""

    def clean(self) -> None:
        """Whether each name that is to go or to change was never asked, which is sure while it has no price."""
        super().clean()
        was = [form.initial.get("name") for form in self.initial_forms if form.has_changed() or self._gone(form)]
        if kept := ModelPrice.objects.filter(model__in=was).values_list("model", flat=True).first():
            words = _("%(model)s may have been asked here, and its name stays. Add another one, or switch this off.")
            raise forms.ValidationError(words % {"model": kept})

    def _gone(self, form: forms.ModelForm) -> bool:
        return bool(form.cleaned_data.get("DELETE")) if hasattr(form, "cleaned_data") else False


class ProviderModelInline(admin.TabularInline):
    """The models that are asked at this provider."""

    model = ProviderModel
    formset = ProviderModelFormSet
    extra = 1
    min_num = 0


@admin.register(Provider)
class ProviderAdmin(admin.ModelAdmin):
    """Providers beside the one of the settings. One that has answered is switched off and stays, for its bills."""

    list_display = ["name", "state", "models_of", "base_url", "is_active"]
    list_filter = ["protocol", "is_active"]
    search_fields = ["name", "models__name"]
    search_help_text = gettext_lazy("A provider's or a model's name.")
    inlines = [ProviderModelInline]
    fields = ["name", "protocol", "base_url", "key_name", "asks_usage", "calls_at_once", "is_active", "state"]
    readonly_fields = ["state"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Provider]:
        """With what the state is told from, in the same query."""
        troubled = Breaker.objects.filter(provider=OuterRef("name")).exclude(state=Breaker.State.CLOSED)
        price = ModelPrice.objects.filter(model=OuterRef("name"), from_input=0, valid_from__lte=timezone.now())
        unpriced = ProviderModel.objects.filter(~Q(Exists(price)), provider=OuterRef("pk"))
        found = super().get_queryset(request).prefetch_related("models")
        return found.annotate(number=Count("models"), troubled=Exists(troubled), unpriced=Exists(unpriced))

    @admin.display(description=gettext_lazy("models"))
    def models_of(self, provider: Provider) -> str:
        """Their names."""
        return ", ".join(model.name for model in provider.models.all()) or "–"

    @admin.display(description=gettext_lazy("state"))
    def state(self, provider: Any) -> str:
        """What is missing before it answers, in plain words."""
        if provider.pk is None:
            return "–"
        if missing := providers.endpoint_from(provider).missing:
            return missing
        if not provider.number:
            return _("Name at least one model.")
        if provider.unpriced:
            return _("A model has no price, so that it is never asked. Add one under model prices.")
        return _("A model does not answer: see the provider states.") if provider.troubled else _("ready")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody: it is switched off, and what it was asked for stays explained."""
        return False

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Let this process know at once, as the others do within ten seconds."""
        super().save_related(request, form, formsets, change)
        providers.forget()
