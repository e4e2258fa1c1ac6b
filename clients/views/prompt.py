"""The system prompt of a client: preview, edited version, model and what a conversation costs."""

import uuid

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.permissions import signed_in, staff_only
from clients import prompts, services
from clients.costs import EXCHANGES, estimates
from clients.forms import PromptForm
from clients.models import ClientProfile
from clients.views.profile import newest_revision
from monitoring.providers import endpoint_of


@staff_only
@require_http_methods(["GET", "HEAD", "POST"])
def client_prompt(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Whoever sees the client reads the prompt; only who may change the client edits it."""
    user = signed_in(request)
    clients = ClientProfile.objects
    allowed = clients.editable_by(user) if request.method == "POST" else clients.visible_to(user)
    client = get_object_or_404(allowed, pk=pk)
    rows = estimates(client)
    snapshot = client.snapshot()
    written = prompts.written_prompt(snapshot)
    saved = {"override": client.prompt_override or written, "model": client.model, "revision": client.revision}
    form = PromptForm(request.POST or None, models=[row.model for row in rows], initial=saved)
    revision = None
    if request.method == "POST" and form.is_valid():
        cleaned = form.cleaned_data
        override = "" if "reset" in request.POST else cleaned["override"]
        try:
            services.set_prompt(
                by=user, client=client, revision=cleaned["revision"], override=override, model=cleaned["model"]
            )
        except services.StaleEditError as error:
            form.add_error(None, str(error))
            revision = newest_revision(client)
        else:
            messages.success(request, _("The prompt and the model are saved. Running conversations keep theirs."))
            return redirect("client-prompt", client.pk)
    context = {
        "client": client,
        "form": form,
        "rows": rows,
        "revision": revision,
        "changeable": client.may_be_changed_by(user),
        "edited": bool(client.prompt_override),
        "limits": prompts.limits(snapshot),
        "messages_in_estimate": 2 * EXCHANGES,
        "default": settings.MODEL_DEFAULT,
        "warning_limit": settings.COST_WARNING_MICROUSD,
        "key_missing": not endpoint_of(client.chosen_model).is_ready,
    }
    return render(request, "clients/prompt.html", context)
