"""The nouns of monitoring: money, limits, what answers, what went wrong."""

from monitoring.models.alert import Alert, ErrorEntry, Severity
from monitoring.models.breaker import Breaker
from monitoring.models.budget import NOBODY, Budget, BudgetAccount
from monitoring.models.heartbeat import Heartbeat
from monitoring.models.job import Job, JobFile, JobProblem
from monitoring.models.ledger import LedgerEntry, Reservation
from monitoring.models.limit import RateLimit, RateWindow
from monitoring.models.price import ModelPrice
from monitoring.models.usage import DailyUsage

__all__ = [
    "NOBODY",
    "Alert",
    "Breaker",
    "Budget",
    "BudgetAccount",
    "DailyUsage",
    "ErrorEntry",
    "Heartbeat",
    "Job",
    "JobFile",
    "JobProblem",
    "LedgerEntry",
    "ModelPrice",
    "RateLimit",
    "RateWindow",
    "Reservation",
    "Severity",
]
