"""The ASGI application: HTTP by Django, websockets by Channels, both behind the same sign-in."""

import logging
import os

from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import OriginValidator
from django.conf import settings
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")  # noqa: TID251
http = get_asgi_application()

from conversations.routing import websocket_urlpatterns  # noqa: E402  (needs the apps loaded)

logger = logging.getLogger("rapport.socket")


class LoggedOriginValidator(OriginValidator):
    """Refuses sockets opened by other sites' pages, and says so in the log."""

    def valid_origin(self, parsed_origin: object) -> bool:
        """Whether the page that opens the socket is ours; none and `null` are not."""
        valid: bool = super().valid_origin(parsed_origin)
        if not valid:
            logger.warning("websocket refused: origin %s", parsed_origin)
        return valid


application = ProtocolTypeRouter(
    {
        "http": http,
        "websocket": LoggedOriginValidator(
            AuthMiddlewareStack(URLRouter(websocket_urlpatterns)), settings.WEBSOCKET_ALLOWED_ORIGINS
        ),
    }
)
