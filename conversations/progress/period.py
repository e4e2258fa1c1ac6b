"""The weeks that figures are about, as the reader's calendar has them."""

import datetime as dt
from dataclasses import dataclass

from django.db.models import TextChoices
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

WEEK = dt.timedelta(weeks=1)


class Length(TextChoices):
    """How far back figures look, in weeks."""

    MONTH = "4", _("Last 4 weeks")
    QUARTER = "12", _("Last 12 weeks")
    HALF = "26", _("Last 26 weeks")
    YEAR = "52", _("Last 52 weeks")


@dataclass(frozen=True, slots=True)
class Period:
    """Whole weeks from Monday on, the last of them the one that it is now; days are the reader's."""

    weeks: int
    last: dt.date

    @classmethod
    def of(cls, length: str) -> "Period":
        """The period that an address names; the last 12 weeks for anything else."""
        known = length if length in Length.values else Length.QUARTER
        return cls(int(known), timezone.localdate())

    @property
    def first(self) -> dt.date:
        """Its first day, a Monday."""
        return self.mondays[0]

    @property
    def start(self) -> dt.datetime:
        """The moment at which it begins."""
        return timezone.make_aware(dt.datetime.combine(self.first, dt.time()))

    @property
    def mondays(self) -> list[dt.date]:
        """The first day of each week, oldest first."""
        this = self.last - dt.timedelta(days=self.last.weekday())
        return [this - WEEK * back for back in reversed(range(self.weeks))]

    @property
    def label(self) -> str:
        """How it is called."""
        return str(Length(str(self.weeks)).label)
