"""The clients app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ClientsConfig(AppConfig):
    """Whom students talk to."""

    name = "clients"
    verbose_name = _("Clients")

    def ready(self) -> None:
        """Tell the transfer of a leaving teacher that teachers own clients."""
        from accounts.services import transfer
        from clients import services

        transfer.register("clients", label=_("clients"), count=services.count_clients, move=services.move_clients)
