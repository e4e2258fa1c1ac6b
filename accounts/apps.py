"""The accounts app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    """Who is who."""

    name = "accounts"
    verbose_name = _("People")

    def ready(self) -> None:
        """Tell monitoring of the school's days, terms, rosters and people, the transfer what teachers own here."""
        from accounts import calendar, names
        from accounts.models import User
        from accounts.services import budgets as own_budgets
        from accounts.services import privacy, transfer
        from accounts.services.privacy import belongings
        from accounts.services.rosters.job import KIND, step
        from monitoring import alerts, budgets, gauges, jobs, periods

        gauges.register_names("section", names.of_sections)
        gauges.register_names("user", names.of_people, permission="accounts.view_user")
        periods.register(zone=calendar.zone, term_start=calendar.term_start, next_term_start=calendar.next_term_start)
        jobs.register(KIND, step, page="roster-report")
        jobs.register(privacy.EXPORT_KIND, privacy.export, private=True)
        jobs.register(privacy.ERASURE_KIND, privacy.erase)
        belongings.register_all()
        alerts.register(User.objects.operating)
        budgets.register_teller("notifications", own_budgets.tell_of_budget)
        transfer.register(
            "sections", label=_("sections taught"), count=transfer.count_sections, move=transfer.move_sections
        )
        transfer.register(
            "invitations", label=_("open invitations"), count=transfer.count_invitations, move=transfer.move_invitations
        )
