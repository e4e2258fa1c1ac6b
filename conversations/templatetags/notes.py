"""The `note_on` tag: what stands beneath a reply that nobody could speak."""

from django import template

from conversations.models import Message

register = template.Library()


@register.simple_tag
def note_on(message: Message, client_name: str) -> str:
    """Why the client called so did not answer, in plain words; "" for a message that needs no note."""
    return message.note(client_name)
