"""The `open_safety_alerts` tag of the administration's front page."""

from django import template

from accounts.models import User
from conversations.models import SafetyAlert

register = template.Library()


@register.simple_tag
def open_safety_alerts(user: User) -> int:
    """How many alerts that this person sees wait for somebody to see to them."""
    return SafetyAlert.objects.visible_to(user).waiting().count()
