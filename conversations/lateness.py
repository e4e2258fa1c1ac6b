"""When work may be begun, when it ends and what lateness costs: pure rules, no database. Times are aware."""

import datetime as dt
import math
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

DAY = dt.timedelta(days=1)


class LateRule(TextChoices):
    """What happens after the due date."""

    REFUSE = "refuse", _("nothing more is accepted")
    MARK = "mark", _("accepted and marked as late")
    DEDUCT = "deduct", _("accepted, with a share deducted for each day")


@dataclass(frozen=True, slots=True)
class Deadlines:
    """The dates and rules that hold for one student.

    `percent` of the score is deducted for each day begun; `limit` is how long one attempt may take; `attempts` how
    many each client may be tried (None: any number).
    """

    opens_at: dt.datetime | None = None
    due_at: dt.datetime | None = None
    rule: LateRule = LateRule.MARK
    percent: int = 10
    limit: dt.timedelta | None = None
    attempts: int | None = None

    @property
    def minutes(self) -> int | None:
        """The limit in whole minutes."""
        return round(self.limit.total_seconds() / 60) if self.limit else None

    def is_open(self, now: dt.datetime) -> bool:
        """Whether the day from which it is available has come."""
        return self.opens_at is None or now >= self.opens_at

    def is_past_due(self, now: dt.datetime) -> bool:
        """Whether the due date has gone by."""
        return self.due_at is not None and now > self.due_at

    def accepts(self, now: dt.datetime) -> bool:
        """Whether an attempt may be begun now."""
        return self.is_open(now) and not (self.rule == LateRule.REFUSE and self.is_past_due(now))

    def end_of(self, started: dt.datetime) -> dt.datetime | None:
        """When an attempt that began then must end, None for never.

        The time limit, and the due date itself where nothing is accepted after it.
        """
        ends = [started + self.limit] if self.limit else []
        if self.rule == LateRule.REFUSE and self.due_at is not None:
            ends.append(self.due_at)
        return min(ends, default=None)

    def days_late(self, finished: dt.datetime) -> int:
        """How many days have begun between the due date and then; 0 in time."""
        if self.due_at is None or finished <= self.due_at:
            return 0
        return math.ceil((finished - self.due_at) / DAY)

    def share_kept(self, finished: dt.datetime) -> Decimal:
        """What is left of a score after lateness, 0 to 1."""
        if self.rule != LateRule.DEDUCT:
            return Decimal(1)
        return max(Decimal(0), 1 - Decimal(self.percent * self.days_late(finished)) / 100)

    def kept(self, percent: Decimal, finished: dt.datetime) -> Decimal:
        """A score in percent after lateness, one decimal, half rounded up."""
        return (percent * self.share_kept(finished)).quantize(Decimal("0.1"), rounding=ROUND_HALF_UP)
