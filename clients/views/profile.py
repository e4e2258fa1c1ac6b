"""One client: read, written for the first time, and edited."""

import copy
import uuid
from typing import Any

from django.contrib import messages
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import Section, User
from accounts.permissions import signed_in, staff_only
from clients import choices, services
from clients.forms import ClientForm, FactFormSet
from clients.models import ClientFact, ClientProfile

SECTIONS = 50


@staff_only
@require_safe
def client_detail(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The profile as a page to read, with what can be done with it."""
    user = signed_in(request)
    client = get_object_or_404(ClientProfile.objects.visible_to(user).select_related("owner", "copied_from"), pk=pk)
    facts = list(client.facts.all())
    for fact in facts:
        fact.trust = choices.trust_words(fact.unlock)  # type: ignore[attr-defined]
    context = {
        "client": client,
        "changeable": client.may_be_changed_by(user),
        "gender": choices.label(choices.GENDER, client.gender),
        "race": choices.label(choices.RACE, client.race),
        "traits": [choices.label(choices.TRAITS, trait) for trait in client.traits],
        "issues": [choices.label(choices.ISSUES, issue) for issue in client.issues],
        "surface": [fact for fact in facts if fact.depth == ClientFact.Depth.SURFACE],
        "real": [fact for fact in facts if fact.depth == ClientFact.Depth.REAL],
        **sections_with_openings(user, client),
        "in_use": client.versions.exists(),
    }
    return render(request, "clients/detail.html", context)


def sections_with_openings(user: User, client: ClientProfile) -> dict[str, Any]:
    """`sections` that the person may open the client to, each with whether it is open there, and `sections_cut`.

    At most SECTIONS of them, those where it is open before others, by name; `sections_cut` is SECTIONS if there are
    more, else 0.
    """
    opened = Exists(client.openings.current().filter(section=OuterRef("pk")))
    found = Section.objects.current().visible_to(user).annotate(opened=opened).order_by("-opened", "name", "id")
    rows = list(found[: SECTIONS + 1])
    shown = sorted(rows[:SECTIONS], key=lambda section: section.name)
    return {
        "sections": [(section, section.opened) for section in shown],
        "sections_cut": SECTIONS if len(rows) > SECTIONS else 0,
    }


@staff_only
@require_http_methods(["GET", "HEAD", "POST"])
def client_new(request: HttpRequest) -> HttpResponse:
    """A blank form, and the built-in clients to start from instead."""
    user = signed_in(request)
    draft = "add_fact" in request.POST
    form = ClientForm(request.POST or None, draft=draft)
    facts = FactFormSet(with_another_row(request.POST) or None, draft=draft)
    if request.method == "POST" and not draft and form.is_valid() and facts.is_valid():
        client = services.create_client(by=user, values=form.values(), facts=facts.facts())
        messages.success(
            request, _("%(client)s is saved. Test the client before you open it to a section.") % {"client": client}
        )
        return redirect("client-detail", client.pk)
    return _form_page(request, form, facts, built_ins=built_ins())


@staff_only
@require_http_methods(["GET", "HEAD", "POST"])
def client_edit(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The same form for a client that exists; an edit on top of a newer one is refused and kept."""
    user = signed_in(request)
    client = get_object_or_404(ClientProfile.objects.editable_by(user).prefetch_related("facts"), pk=pk)
    if client.is_built_in:
        messages.info(request, _("Built-in clients are renewed with the portal. Make a copy and change that."))
        return redirect("client-detail", client.pk)
    draft = "add_fact" in request.POST
    form = ClientForm(request.POST or None, draft=draft, instance=copy.copy(client))
    kept = [fact.as_value() for fact in client.facts.all()]
    facts = FactFormSet(with_another_row(request.POST) or None, facts=kept, draft=draft)
    stale = False
    if request.method == "POST" and not draft and form.is_valid() and facts.is_valid():
        revision = form.cleaned_data["revision"] or 0
        try:
            services.update_client(by=user, client=client, revision=revision, values=form.values(), facts=facts.facts())
        except services.StaleEditError as error:
            form.add_error(None, str(error))
            stale = True
        else:
            messages.success(request, _("The changes to %(client)s are saved.") % {"client": client})
            return redirect("client-detail", client.pk)
    context = {"client": client, "revision": newest_revision(client) if stale else None}
    return _form_page(request, form, facts, **context)


def newest_revision(client: ClientProfile) -> int:
    """The revision that the next attempt replaces, once the person was told about it."""
    return ClientProfile.objects.values_list("revision", flat=True).get(pk=client.pk)


def built_ins() -> QuerySet[ClientProfile]:
    """The built-in clients that a first one can start from."""
    return ClientProfile.objects.filter(owner=None, archived_at=None).order_by("domain", "name")


def with_another_row(data: QueryDict) -> QueryDict:
    """The sent form with one more row for a fact, where that was asked for without scripts."""
    count = data.get("facts-TOTAL_FORMS", "")
    if "add_fact" not in data or not count.isdecimal():
        return data
    data = data.copy()
    data["facts-TOTAL_FORMS"] = str(int(count) + 1)
    return data


def _form_page(request: HttpRequest, form: ClientForm, facts: FactFormSet, **context: Any) -> HttpResponse:
    context |= {
        "form": form,
        "facts": facts,
        "wrong": bool(form.errors) or not (facts.is_valid() or not facts.is_bound),
    }
    return render(request, "clients/form.html", context)
