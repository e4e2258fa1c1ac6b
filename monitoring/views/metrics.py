"""What Prometheus asks."""

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4

from monitoring.metrics import exposition


@require_safe
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """The metrics of this process and of the tables, for whoever shows the token; for others there is no such page."""
    scheme, _, shown = request.headers.get("Authorization", "").partition(" ")
    allowed = settings.METRICS_TOKEN and constant_time_compare(shown.strip(), settings.METRICS_TOKEN)
    if scheme.lower() != "bearer" or not allowed:
        raise Http404
    return HttpResponse(exposition(), content_type=CONTENT_TYPE_PLAIN_0_0_4)
