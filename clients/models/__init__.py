"""The nouns of clients: profiles with facts, frozen versions, openings to sections; personas and who prefers them."""

from clients.models.bench import ClientRule, ClientTryout
from clients.models.opening import ClientOpening
from clients.models.persona import PersonaText, SectionPersonas
from clients.models.preference import TutorPreference
from clients.models.profile import ClientFact, ClientProfile
from clients.models.version import ClientVersion

__all__ = [
    "ClientFact",
    "ClientOpening",
    "ClientProfile",
    "ClientRule",
    "ClientTryout",
    "ClientVersion",
    "PersonaText",
    "SectionPersonas",
    "TutorPreference",
]
