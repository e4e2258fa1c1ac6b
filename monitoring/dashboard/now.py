"""What goes on now: the gauges of the apps above, how fast replies come, and how many fail."""

import datetime as dt

from django.db.models import Count, Q
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from monitoring import gauges, latency, rollups
from monitoring.dashboard.look import Look
from monitoring.dashboard.panel import Content
from monitoring.models import LedgerEntry
from monitoring.tables import Figure, Level, Mark, Unit, said

LATELY = dt.timedelta(hours=1)
# Shares of failures from which on people should look, and should hurry.
WORRYING, ALARMING = 0.02, 0.1


def gather(look: Look) -> Content:
    """The figures of this moment; the last hour is the sixty minutes before now."""
    since = look.now - LATELY
    counts = LedgerEntry.objects.filter(settled_at__gte=since).aggregate(
        attempts=Count("pk"), failures=Count("pk", filter=Q(outcome__in=rollups.FAILURES))
    )
    attempts, failures = counts["attempts"], counts["failures"]
    figures = [
        Figure(gauge.name, gauge.label, reading.value, gauge.unit, reading.note)
        for gauge, reading in ((gauge, gauge.read()) for gauge in gauges.all_gauges())
    ]
    waits = rollups.first_text_between(since, look.now)
    timed = sum(waits.values())
    told = ngettext("Of %(count)s reply of the last hour.", "Of %(count)s replies of the last hour.", timed)
    note = told % {"count": said(timed, Unit.COUNT)} if timed else _("No reply in the last hour.")
    figures += [
        Figure("first_text_p50_ms", _("First text, median"), latency.percentile(waits, 0.5), Unit.MILLISECONDS, note),
        Figure("first_text_p95_ms", _("First text, p95"), latency.percentile(waits, 0.95), Unit.MILLISECONDS, note),
        Figure(
            "error_rate",
            _("Failed"),
            failures / attempts if attempts else None,
            Unit.SHARE,
            _("%(failures)s of %(count)s attempts of the last hour.") % _facts(attempts, failures),
        ),
    ]
    return Content(_state(attempts, failures), figures)


def _facts(attempts: int, failures: int) -> dict[str, str]:
    return {"failures": said(failures, Unit.COUNT), "count": said(attempts, Unit.COUNT)}


def _state(attempts: int, failures: int) -> Mark:
    if not attempts:
        return Mark(_("No replies were asked for in the last hour."))
    if not failures:
        words = ngettext(
            "The %(count)s attempt of the last hour succeeded.",
            "All %(count)s attempts of the last hour succeeded.",
            attempts,
        )
        return Mark(words % _facts(attempts, failures))
    share = failures / attempts
    level = Level.DANGER if share >= ALARMING else Level.ATTENTION if share >= WORRYING else Level.FINE
    words = ngettext(
        "%(failures)s of %(count)s attempt of the last hour failed.",
        "%(failures)s of %(count)s attempts of the last hour failed.",
        attempts,
    )
    return Mark(words % _facts(attempts, failures), level)
