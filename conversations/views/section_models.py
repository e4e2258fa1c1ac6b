"""The page on which a section's models are chosen."""

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.models import Section
from accounts.permissions import signed_in, staff_only
from clients.costs import typical
from conversations import section_models
from conversations.model_forms import SectionModelsForm
from conversations.models import SectionModels
from monitoring import breakers
from monitoring.models import Breaker
from monitoring.pricing import usd
from monitoring.providers import endpoint_of
from monitoring.services import offered_models


@staff_only
@require_http_methods(["GET", "HEAD", "POST"])
def section_models_page(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Who speaks in this section and who stands in; only for those who lead it."""
    user = signed_in(request)
    section = get_object_or_404(Section.objects.led_by(user), pk=pk)
    if request.method == "POST" and "reset" in request.POST:
        section_models.reset(by=user, section=section)
        messages.success(request, _("The choice of the site holds again."))
        return redirect("section-models", pk)
    choice = section_models.choice_of(section.pk)
    form = SectionModelsForm(request.POST or None, offered=_offered(), choice=choice)
    if request.method == "POST" and form.is_valid():
        try:
            section_models.choose(by=user, section=section, model=form.cleaned_data["model"], stand_ins=form.stand_ins)
        except section_models.SectionModelsError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, _("The models are saved. Running conversations keep the one that speaks."))
            return redirect("section", pk)
    chosen = SectionModels.objects.filter(section=section).select_related("changed_by").first()
    return render(request, "conversations/section_models.html", {"form": form, "section": section, "chosen": chosen})


def _offered() -> list[tuple[str, str]]:
    """Every model that is offered, with what a conversation costs about, and whether it answers."""
    rows = breakers.read()
    offered = []
    for model, microusd in typical(offered_models()):
        label = _("%(model)s: about %(price)s for a conversation") % {"model": model, "price": usd(microusd)}
        row = rows.get((endpoint_of(model).provider, model))
        if row is not None and row.state != Breaker.State.CLOSED:
            label = _("%(label)s, does not answer just now") % {"label": label}
        offered.append((model, label))
    return offered
