"""What the overview of the admin says about health."""

from django import template
from django.conf import settings

from monitoring import breakers

register = template.Library()


@register.simple_tag
def speaking_status() -> breakers.Status:
    """How the models of the settings are, all together; healthy where the scripted voice alone speaks."""
    models = [settings.MODEL_DEFAULT, *settings.FALLBACK_MODELS] if settings.ANTHROPIC_API_KEY else []
    return breakers.status(models)
