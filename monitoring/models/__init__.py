"""The nouns of monitoring: prices, the ledger, heartbeats."""

from monitoring.models.heartbeat import Heartbeat
from monitoring.models.ledger import LedgerEntry, Reservation
from monitoring.models.price import ModelPrice

__all__ = ["Heartbeat", "LedgerEntry", "ModelPrice", "Reservation"]
