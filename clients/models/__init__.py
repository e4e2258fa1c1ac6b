"""The nouns of clients: profiles with their facts, frozen versions, openings to sections."""

from clients.models.bench import ClientRule, ClientTryout
from clients.models.opening import ClientOpening
from clients.models.profile import ClientFact, ClientProfile
from clients.models.version import ClientVersion

__all__ = ["ClientFact", "ClientOpening", "ClientProfile", "ClientRule", "ClientTryout", "ClientVersion"]
