"""What the overview of the admin says about health."""

from django import template
from django.conf import settings

from monitoring import breakers, providers

register = template.Library()


@register.simple_tag
def speaking_status() -> breakers.Status:
    """How the models of the settings are, all together; healthy where the scripted voice alone speaks."""
    models = [settings.MODEL_DEFAULT, *settings.FALLBACK_MODELS]
    return breakers.status([model for model in models if providers.endpoint_of(model).is_ready])
