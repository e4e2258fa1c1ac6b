"""Money in the admin: prices and limits are set, what was reserved and settled is only read."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from monitoring import figures, periods, rollups
from monitoring.admin.confirmation import confirm
from monitoring.admin.filters import DaysFilter, LatelySeenFilter, days_of
from monitoring.admin.readonly import BigTableAdmin
from monitoring.admin.totals import Totals, TotalsAdmin
from monitoring.models import LedgerEntry, Reservation, RolledUp
from monitoring.pricing import usd
from monitoring.repairs import release_held

# So many days that are not added up yet are asked of the ledger itself for the totals of a list.
OPEN_DAYS = 2


@admin.register(LedgerEntry)
class LedgerEntryAdmin(TotalsAdmin, BigTableAdmin):
    """Settlements, newest first."""

    list_display = ["settled_at", "kind", "model", "input_tokens", "output_tokens", "cost", "outcome"]
    list_filter = [("settled_at", DaysFilter), ("kind", LatelySeenFilter), ("model", LatelySeenFilter)]
    search_fields = ["id"]
    search_help_text = gettext_lazy("The id of an entry, a reservation, a conversation, a reply or a person.")
    by_uuid = ("pk", "reservation", "session_uuid", "message_uuid", "user")
    sortable_by = ("settled_at",)
    ordering = ["-settled_at"]
    totals = ("input_tokens", "output_tokens", "cache_write_tokens", "cache_read_tokens", "cost_microusd")

    @admin.display(description=gettext_lazy("cost"))
    def cost(self, entry: LedgerEntry) -> str:
        """In dollars."""
        return usd(entry.cost_microusd)

    def totals_of(self, changelist: ChangeList) -> Totals | None:
        """From the sums of whole days where they tell apart what was filtered by; else of the rows of the list."""
        return self._of_days(changelist) or super().totals_of(changelist)

    def _of_days(self, changelist: ChangeList) -> Totals | None:
        asked = {name: values[-1] for name, values in changelist.get_filters_params().items()}
        days = days_of(asked.pop("settled_at__days", ""))
        # Days before the first settlement have nothing to add up, and are marked never.
        begun = next(rollups.days_of_ledger(), None)
        if changelist.query or asked.keys() - {"kind", "model"} or begun is None:
            return None
        first, last = days or (begun, periods.today())
        first, last = max(first, begun), min(last, periods.today())
        if first > last:
            return None
        kept = rollups.marks(first, last).filter(period=RolledUp.Period.DAY).count()
        if (last - first).days + 1 - kept > OPEN_DAYS:
            return None
        sums = dict.fromkeys(("attempts", *self.totals), 0)
        for (kind, model), found in figures.usage_between(first, last, "kind", "model", only=tuple(sums)).items():
            if asked.get("kind", kind) == kind and asked.get("model", model) == model:
                sums = {name: sum_so_far + found[name] for name, sum_so_far in sums.items()}
        of = _("From the sums of the days from %(first)s to %(last)s, all of their rows come to this.")
        attempts = sums.pop("attempts")
        return Totals(
            of % {"first": date_format(first), "last": date_format(last)},
            [(_("Attempts"), number_format(attempts, force_grouping=True)), *self.figures(sums)],
        )


class HeldFilter(admin.SimpleListFilter):
    """What is held now, of which there is little; all that ever was has no order but that of its ids."""

    title = gettext_lazy("state")
    parameter_name = "which"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Held is what the list begins with."""
        return [("all", gettext_lazy("All, by id"))]

    def choices(self, changelist: ChangeList) -> Any:
        """The two, the first without a parameter."""
        held, everything = super().choices(changelist)
        return [{**held, "display": Reservation.State.HELD.label}, everything]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Those that are held, unless all were asked for, or one by its id."""
        found_by_id = bool(request.GET.get("q"))
        return queryset if self.value() or found_by_id else queryset.filter(state=Reservation.State.HELD)


@admin.register(Reservation)
class ReservationAdmin(BigTableAdmin):
    """Money set aside: what is held now, newest first."""

    list_display = ["created_at", "kind", "amount", "state", "id"]
    list_filter = [HeldFilter]
    search_fields = ["id"]
    search_help_text = gettext_lazy("The id of a reservation.")
    actions = ["release"]

    def get_ordering(self, request: HttpRequest) -> Any:
        """By time as far as an index goes: that of what is held."""
        return ["pk"] if request.GET.get("which") else ["-created_at"]

    @admin.display(description=gettext_lazy("amount"))
    def amount(self, reservation: Reservation) -> str:
        """In dollars."""
        return usd(reservation.amount_microusd)

    @admin.action(description=gettext_lazy("Give back what is held for nothing"), permissions=["act"])
    def release(self, request: HttpRequest, queryset: QuerySet[Reservation]) -> HttpResponse | None:
        """Ask, then free what these reservations hold, where no running work holds it."""

        def act(rows: list[Reservation], _form: Any) -> None:
            freed = release_held(by=request.user, reservations=rows)
            for row in freed:
                self.log_change(request, row, _("Given back."))
            words = ngettext("%d reservation is given back.", "%d reservations are given back.", len(freed))
            messages.success(request, words % len(freed))
            if kept := len(rows) - len(freed):
                words = ngettext(
                    "%d is left as it is: work holds it, or did a moment ago.",
                    "%d are left as they are: work holds them, or did a moment ago.",
                    kept,
                )
                messages.warning(request, words % kept)

        return confirm(
            self,
            request,
            queryset,
            title=_("Give back what is held for nothing"),
            text=_("The budgets get this money back. What work still holds is left alone."),
            button=_("Give back"),
            act=act,
        )
