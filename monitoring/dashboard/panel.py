"""What a panel of the dashboard is: who may see it, and what it shows."""

import datetime as dt
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext as _

from monitoring.charts import Drawing
from monitoring.dashboard.look import Look
from monitoring.gauges import Viewer
from monitoring.tables import Figure, Level, Mark, Table, of_figures

logger = logging.getLogger("rapport.dashboard")


@dataclass(frozen=True, slots=True)
class Content:
    """What a panel shows, from top to bottom: its state in words, figures, drawings and tables.

    `behind` are the tables of what is drawn, for files. `as_of` is when the oldest of it was added up, where that is
    kept for a while. `more` is where the whole list stands.
    """

    state: Mark
    figures: Sequence[Figure] = ()
    drawings: Sequence[Drawing] = ()
    tables: Sequence[Table] = ()
    behind: Sequence[Table] = ()
    note: str = ""
    as_of: dt.datetime | None = None
    more: str = ""

    @property
    def files(self) -> list[Table]:
        """Everything that can be saved, a file each."""
        return [*([of_figures(self.figures)] if self.figures else []), *self.behind, *self.tables]


@dataclass(frozen=True, slots=True)
class Panel:
    """One part of the dashboard. `width` is how many of the twelve columns of the page it takes on a wide screen."""

    key: str
    title: str | Promise
    permission: str
    gather: Callable[[Look], Content]
    width: int = 12
    # Whether it shows sums of many days.
    sums: bool = False

    def may_see(self, user: Viewer) -> bool:
        """Whether this person may see it."""
        return user.has_perm(self.permission)

    def content(self, look: Look) -> Content:
        """What it shows; words alone where that would take too long just now, or raises: the others are shown."""
        if self.sums and look.is_too_much:
            words = _("A worker adds up the hours of many days just now. The figures come when it is through.")
            return Content(Mark(words, Level.ATTENTION))
        try:
            return self.gather(look)
        except Exception:
            logger.exception("panel %s of the dashboard failed", self.key)
            return Content(Mark(_("%(panel)s: does not answer.") % {"panel": self.title}, Level.DANGER))
