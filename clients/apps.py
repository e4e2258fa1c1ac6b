"""The clients app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ClientsConfig(AppConfig):
    """Whom students talk to."""

    name = "clients"
    verbose_name = _("Clients")

    def ready(self) -> None:
        """Tell what teachers own and what is kept of people, for when one leaves or is erased; and who rehearses."""
        from accounts.services import transfer
        from clients import personal, services, tryouts
        from clients.models import ClientProfile, ClientRule, ClientTryout, PersonaText
        from monitoring import jobs, privacy

        transfer.register("clients", label=_("clients"), count=services.count_clients, move=services.move_clients)
        jobs.register(tryouts.KIND, tryouts.step, atomic=False, page="tryout")
        privacy.register_of_staff(ClientProfile, ClientRule, ClientTryout, PersonaText)
        personal.register_all()
