"""The clients app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ClientsConfig(AppConfig):
    """Whom students talk to."""

    name = "clients"
    verbose_name = _("Clients")

    def ready(self) -> None:
        """Tell what teachers own, for when one leaves or is erased, and tell workers who rehearses clients."""
        from accounts.services import transfer
        from clients import services, tryouts
        from clients.models import ClientProfile, ClientRule, ClientTryout
        from monitoring import jobs, privacy

        transfer.register("clients", label=_("clients"), count=services.count_clients, move=services.move_clients)
        jobs.register(tryouts.KIND, tryouts.step, atomic=False, page="tryout")
        privacy.register_of_staff(ClientProfile, ClientRule, ClientTryout)
