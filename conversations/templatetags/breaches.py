"""What pages say of breaches: the `breaches_of` tag of a client's page, and the `breach_words` of one kind."""

from django import template

from accounts.models import User
from clients.models import ClientProfile
from conversations.breaches import Tally, tally
from conversations.models import Breach

register = template.Library()


@register.simple_tag
def breaches_of(client: ClientProfile, user: User) -> Tally:
    """The client's breaches in figures, as far as this person sees them."""
    return tally(user, client)


@register.filter
def breach_words(kind: str) -> str:
    """What a breach of this kind did, such as "talked like a helper"."""
    return str(Breach.Kind(kind).label)
