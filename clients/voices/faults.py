"""A provider's faults in the words that a student reads."""

from django.utils.translation import gettext as _

from clients.voices.base import Fault


def words(fault: Fault, name: str) -> str:
    """Why the client called `name` cannot answer, and what to do, in plain words; no detail of the provider's."""
    match fault:
        case Fault.OVERLOADED:
            sentence = _(
                "%(name)s cannot answer just now: the service that speaks for them is overloaded. "
                "Your message is kept; try again in a minute."
            )
        case Fault.RATE_LIMIT:
            sentence = _(
                "%(name)s cannot answer just now: very many people are talking at once. "
                "Your message is kept; try again in a minute."
            )
        case Fault.TIMEOUT:
            sentence = _(
                "%(name)s took too long to answer. Your message is kept; try again, it often works the second time."
            )
        case Fault.CONNECTION | Fault.SERVER | Fault.EMPTY:
            sentence = _(
                "%(name)s cannot answer just now: the service that speaks for them has a fault. "
                "Your message is kept; try again in a few minutes."
            )
        case _:
            sentence = _(
                "%(name)s cannot answer until your school's support has put something right. "
                "Your message is kept; trying again at once will not help."
            )
    return sentence % {"name": name}
