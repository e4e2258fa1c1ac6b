"""One's own budget: what is used, what is left, and when it renews, in conversations."""

from collections.abc import Iterator
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.permissions import signed_in
from accounts.services.notifications import mark_seen
from monitoring import standings
from monitoring.budgets import conversations_left
from monitoring.models import Budget
from monitoring.standings import Standing

NEARLY = 90


@login_required
@never_cache
@require_safe
def budget(request: HttpRequest) -> HttpResponse:
    """How each budget stands that limits this person alone; amounts of money only for who sees money anyway."""
    user = signed_in(request)
    mark_seen(by=user, path=request.path)
    context = {
        "rows": list(_rows(standings.standings(user.pk))),
        "shows_money": user.has_perm("monitoring.view_budget"),
    }
    return render(request, "accounts/budget.html", context)


def _rows(found: list[Standing]) -> Iterator[dict[str, Any]]:
    """What the page says of each: `level` calm | low | nearly | used; numbers of conversations None while unknown."""
    names = {Budget.Period.DAY: _("Today"), Budget.Period.MONTH: _("This month"), Budget.Period.TERM: _("This term")}
    for one in found:
        yield {
            "period": one.budget.period,
            "name": names[Budget.Period(one.budget.period)],
            "percent": one.percent,
            "percent_left": 100 - one.percent,
            "left": conversations_left(one.account.left_microusd),
            "whole": conversations_left(one.budget.limit_microusd),
            "used_microusd": one.account.used_microusd,
            "limit_microusd": one.budget.limit_microusd,
            "renews_on": one.claim.renews_on,
            "level": _level(one.step),
        }


def _level(step: int) -> str:
    if not step:
        return "calm"
    if step < NEARLY:
        return "low"
    return "nearly" if step < 100 else "used"
