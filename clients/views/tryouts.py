"""The test bench of a client: rehearsals by scripted students, and the rules that come of them."""

import re
import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST, require_safe

from accounts.permissions import signed_in, staff_only
from clients import choices, corrections, tryouts
from clients.measures import MARKS, measure
from clients.models import ClientProfile, ClientRule, ClientTryout
from clients.services import ClientRuleError
from monitoring.views.jobs import job_context

LATEST = 10
STYLES = {
    "skilled": gettext_lazy("Skilled student"),
    "clumsy": gettext_lazy("Clumsy student"),
    "hostile": gettext_lazy("Hostile student"),
    "jailbreaking": gettext_lazy("Student who tries to break the client"),
}
MEASURES = {
    "median_words": gettext_lazy("Words in a reply, half of them have more"),
    "p90_words": gettext_lazy("Words in a long reply, one in ten has more"),
    "helper": gettext_lazy("Replies that talk like a helper"),
    "agreement": gettext_lazy("Replies that begin by agreeing"),
    "questions": gettext_lazy("Replies with a question"),
}


@staff_only
@require_safe
def bench(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The rules of a client, the latest rehearsals, and the way to the next one."""
    user = signed_in(request)
    client = get_object_or_404(ClientProfile.objects.visible_to(user), pk=pk)
    context = {
        "client": client,
        "changeable": client.may_be_changed_by(user),
        "rules": client.rules.select_related("written_by"),
        "most_rules": corrections.MOST_RULES,
        "tryouts": [(one, _sums(_talks(one))) for one in client.tryouts.select_related("by", "job")[:LATEST]],
        "exchanges": tryouts.EXCHANGES,
        "cost": tryouts.cost_of_a_run(client),
        "text": request.GET.get("text", ""),
    }
    return render(request, "clients/bench.html", context)


@staff_only
@require_POST
def bench_run(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Begin a rehearsal."""
    user = signed_in(request)
    client = get_object_or_404(ClientProfile.objects.visible_to(user), pk=pk)
    try:
        tryout = tryouts.start_tryout(by=user, client=client)
    except ClientRuleError as error:
        messages.error(request, str(error))
        return redirect("client-bench", client.pk)
    return redirect("tryout", tryout.job_id)


@staff_only
@never_cache
@require_GET
def tryout(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """One rehearsal by the key of its job: how far it is, the table, and every conversation to read and correct."""
    user = signed_in(request)
    seen = ClientTryout.objects.filter(client__in=ClientProfile.objects.visible_to(user).order_by().values("pk"))
    found = get_object_or_404(seen.select_related("client", "job", "by"), job=pk)
    talks = _talks(found)
    context: dict[str, Any] = {
        "tryout": found,
        "client": found.client,
        "changeable": found.client.may_be_changed_by(user),
        "talks": [
            {
                "talk": talk,
                "style": STYLES.get(talk.style, talk.style),
                "outcome": choices.label(choices.Outcome.choices, talk.outcome),
                "replies": [(f"-{number}-{place}", reply) for place, reply in enumerate(talk.replies)],
            }
            for number, talk in enumerate(talks)
        ],
        "measures": _measures(talks, found.client.language),
        "sums": _sums(talks),
    }
    if found.job and (found.by_id == user.pk or user.is_admin):
        context |= job_context(request, found.job)
    return render(request, "clients/tryout.html", context)


@staff_only
@require_POST
def rule_new(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Hold the client to a sentence; a refused one is shown again in its field.

    Saved beside a reply of a rehearsal (`back` its job, `place` the reply's), it leads back to that reply.
    """
    user = signed_in(request)
    client = get_object_or_404(ClientProfile.objects.editable_by(user), pk=pk)
    sent = {name: request.POST.get(name, "") for name in ("text", "about", "back", "place")}
    try:
        corrections.add_rule(by=user, client=client, text=sent["text"], about=sent["about"])
    except ClientRuleError as error:
        return render(request, "clients/rule.html", {"client": client, **sent, "error": str(error)}, status=422)
    messages.success(request, _("The rule is saved. It holds from the next conversation on."))
    if found := _rehearsal(client, sent["back"]):
        place = sent["place"] if re.fullmatch(r"(-\d{1,4}){2}", sent["place"], re.ASCII) else ""
        return redirect(reverse("tryout", args=[found.job_id]) + (f"#reply{place}" if place else ""))
    return redirect("client-bench", client.pk)


def _rehearsal(client: ClientProfile, key: str) -> ClientTryout | None:
    """The rehearsal of this client whose job has this key; None for anything else."""
    try:
        return client.tryouts.filter(job=uuid.UUID(key)).first()
    except ValueError:
        return None


@staff_only
@require_POST
def rule_remove(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Take a rule back."""
    user = signed_in(request)
    rules = ClientRule.objects.filter(client__in=ClientProfile.objects.editable_by(user).order_by().values("pk"))
    rule = get_object_or_404(rules.select_related("client"), pk=pk)
    corrections.remove_rule(by=user, rule=rule)
    messages.success(request, _("The rule is removed: “%(rule)s”") % {"rule": rule.text})
    return redirect("client-bench", rule.client_id)


def _talks(found: ClientTryout) -> list[tryouts.Talk]:
    return [tryouts.Talk.from_json(talk) for talk in found.talks]


def _sums(talks: list[tryouts.Talk]) -> dict[str, int]:
    """Over all conversations of a rehearsal: replies, breaks of character, facts told too early."""
    replies = sum(len(talk.replies) for talk in talks)
    breaks = sum(talk.breaks for talk in talks)
    return {
        "replies": replies,
        "breaks": breaks,
        "leaks": sum(talk.leaks for talk in talks),
        "in_character": round(100 * (replies - breaks) / replies) if replies else 0,
    }


def _measures(talks: list[tryouts.Talk], language: str) -> list[dict[str, Any]]:
    """The measures over all replies, each as text beside what real clients show, and whether it is an alarm."""
    found = measure([(reply.reply, language) for talk in talks for reply in talk.replies])
    return [
        {
            "label": MEASURES[mark.name],
            "found": mark.shown(getattr(found, mark.name)),
            "real": mark.shown(mark.real),
            "alarm": mark.shown(mark.alarm),
            "is_alarm": mark.name in found.alarms,
        }
        for mark in MARKS
    ]
