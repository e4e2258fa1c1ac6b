"""Circuit breakers: a model that does not answer is left alone, then tried by one call at a time.

The rows are shared by all processes and moved by conditional updates only, so that of many who see the same fault one
opens the breaker, and of many who would try it again one does. See docs/adr/0010.
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from monitoring import errors, providers
from monitoring.alerts import raise_alert
from monitoring.models import Alert, Breaker, Severity

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser, PermissionsMixin

State = Breaker.State

# What says that a model does not answer. A rate limit is an answer ("later"), and so is the refusal of a request.
COUNTED = frozenset({
    "authentication", "permission", "spend_cap", "overloaded", "timeout", "connection", "server", "empty",
})  # fmt: skip
WAIT_MAX_SECONDS = 86_400.0


class Status(StrEnum):
    """How the models that may speak are, all together."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    UNAVAILABLE = "unavailable"

    @property
    def for_students(self) -> str:
        """What a student may expect, in plain words; "" when all is well."""
        return {
            Status.HEALTHY: "",
            Status.DEGRADED: _("Replies may take longer than usual just now."),
            Status.UNAVAILABLE: _(
                "Clients cannot answer just now. What you write is kept; try again in a few minutes."
            ),
        }[self]

    @property
    def for_operators(self) -> str:
        """What is the matter, in plain words."""
        return {
            Status.HEALTHY: _("All models answer."),
            Status.DEGRADED: _("A model does not answer, or asks to wait. The provider states say which."),
            Status.UNAVAILABLE: _("No model answers. The provider states say since when and why."),
        }[self]


def read() -> dict[tuple[str, str], Breaker]:
    """Every breaker by provider and model, in one query; one without a row answers."""
    return {(row.provider, row.model): row for row in Breaker.objects.all()}


def failed(*, provider: str, model: str, fault: str, wait_seconds: float | None = None) -> None:
    """A call failed: count it, and open the breaker when it was the last of too many, or the probe.

    A rate limit counts nothing; `wait_seconds`, where the provider named them, make everyone wait.
    """
    if fault == "rate_limit" and wait_seconds:
        _row(provider, model)
        until = timezone.now() + dt.timedelta(seconds=min(wait_seconds, WAIT_MAX_SECONDS))
        shorter = Q(wait_until=None) | Q(wait_until__lt=until)
        Breaker.objects.filter(shorter, provider=provider, model=model).update(wait_until=until)
    elif fault in COUNTED:
        _row(provider, model)
        _count(provider, model, fault)


def _row(provider: str, model: str) -> None:
    Breaker.objects.get_or_create(provider=provider, model=model)


@transaction.atomic
def _count(provider: str, model: str, fault: str) -> None:
    now = timezone.now()
    row = Breaker.objects.filter(provider=provider, model=model)
    row.update(failures=F("failures") + 1, last_fault=fault, failed_at=now)
    # A failed probe goes on with the outage that is known already.
    row.filter(state=State.HALF_OPEN).update(state=State.OPEN, probe_until=None)
    too_many = row.filter(state=State.CLOSED, failures__gte=settings.BREAKER_FAILURES)
    if too_many.update(state=State.OPEN, opened_at=now, probe_until=None):
        _tell(provider, model, fault, now)


def _tell(provider: str, model: str, fault: str, opened_at: dt.datetime) -> None:
    with translation.override(settings.LANGUAGE_CODE):
        text = _(
            "%(model)s at %(provider)s does not answer: %(count)d failures in a row, the last one %(fault)s. "
            "It is left alone and tried again every %(seconds)d seconds."
        ) % {
            "model": model, "provider": provider, "count": settings.BREAKER_FAILURES, "fault": fault,
            "seconds": settings.BREAKER_OPEN_SECONDS,
        }  # fmt: skip
    key = f"breaker:{provider}:{model}"[:160] + f":{opened_at.isoformat()}"
    raise_alert(key=key, kind=Alert.Kind.BREAKER, severity=Severity.CRITICAL, text=text)
    errors.record(kind=f"breaker.{fault}", source=f"{model} {provider}", detail=text, severity=Severity.CRITICAL)


def succeeded(*, provider: str, model: str) -> None:
    """A call was answered: it closes the breaker, whoever made it. Changes nothing in one that is well."""
    ill = ~Q(state=State.CLOSED) | Q(failures__gt=0)
    Breaker.objects.filter(ill, provider=provider, model=model).update(
        state=State.CLOSED, failures=0, opened_at=None, probe_until=None
    )


def try_probe(*, provider: str, model: str) -> bool:
    """Take the one probe of a model that was left alone for long enough; of many who ask at once, one gets True.

    A probe that never reports is free again after BREAKER_PROBE_SECONDS.
    """
    now = timezone.now()
    rested = Q(state=State.OPEN, failed_at__lte=now - dt.timedelta(seconds=settings.BREAKER_OPEN_SECONDS))
    free = Q(state=State.HALF_OPEN) & (Q(probe_until=None) | Q(probe_until__lte=now))
    taken = Breaker.objects.filter(rested | free, provider=provider, model=model).update(
        state=State.HALF_OPEN, probe_until=now + dt.timedelta(seconds=settings.BREAKER_PROBE_SECONDS)
    )
    return bool(taken)


def release_probe(*, provider: str, model: str) -> None:
    """Give the probe back: the call ended without telling whether the model answers, as when somebody stopped it."""
    Breaker.objects.filter(provider=provider, model=model, state=State.HALF_OPEN).update(probe_until=None)


def try_again_now(*, by: "PermissionsMixin | AnonymousUser", breakers: Iterable[Breaker]) -> None:
    """Close these breakers and forget what the provider asked for: the next reply calls it.

    Raises PermissionDenied for who may not change provider states.
    """
    if not by.has_perm("monitoring.change_breaker"):
        raise PermissionDenied
    Breaker.objects.filter(pk__in=[breaker.pk for breaker in breakers]).update(
        state=State.CLOSED, failures=0, opened_at=None, probe_until=None, wait_until=None
    )


def status(models: Sequence[str]) -> Status:
    """How these models are, each at its provider, in one query.

    A model that may be tried again counts as degraded: it takes somebody's message to find out.
    """
    provider = {model: providers.endpoint_of(model).provider for model in models}
    rows = [row for row in Breaker.objects.filter(model__in=models) if row.provider == provider[row.model]]
    troubled = [row for row in rows if row.state != State.CLOSED or row.wait_seconds]
    if not troubled:
        return Status.HEALTHY
    resting = sum(bool(row.rest_seconds) for row in troubled)
    return Status.UNAVAILABLE if resting == len(set(models)) else Status.DEGRADED
