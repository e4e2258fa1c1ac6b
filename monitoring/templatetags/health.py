"""What the overview of the admin says about health."""

from django import template
from django.conf import settings

from monitoring import breakers
from monitoring.models import Alert

register = template.Library()


@register.simple_tag
def speaking_status() -> breakers.Status:
    """How the models of the settings are, all together; healthy where the scripted voice alone speaks."""
    models = [settings.MODEL_DEFAULT, *settings.FALLBACK_MODELS] if settings.ANTHROPIC_API_KEY else []
    return breakers.status(models)


@register.simple_tag
def last_alerts(count: int = 5) -> list[Alert]:
    """The newest alerts."""
    return list(Alert.objects.all()[:count])
