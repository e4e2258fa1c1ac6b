"""The accounts app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    """Who is who."""

    name = "accounts"
    verbose_name = _("People")

    def ready(self) -> None:
        """Tell monitoring of the school's days, its terms and its rosters, and the transfer what teachers own here."""
        from accounts import calendar
        from accounts.services import transfer
        from accounts.services.rosters.job import KIND, step
        from monitoring import jobs, periods

        periods.register(zone=calendar.zone, term_start=calendar.term_start, next_term_start=calendar.next_term_start)
        jobs.register(KIND, step, page="roster-report")
        transfer.register(
            "sections", label=_("sections taught"), count=transfer.count_sections, move=transfer.move_sections
        )
        transfer.register(
            "invitations", label=_("open invitations"), count=transfer.count_invitations, move=transfer.move_invitations
        )
