"""The nouns of monitoring: money, limits, what answers, what went wrong."""

from monitoring.models.alert import Alert, ErrorEntry, ErrorKind, Severity
from monitoring.models.breaker import Breaker
from monitoring.models.budget import NOBODY, Budget, BudgetAccount
from monitoring.models.health import HealthReport
from monitoring.models.heartbeat import Heartbeat
from monitoring.models.job import Job, JobFile, JobProblem
from monitoring.models.ledger import LedgerEntry, Reservation
from monitoring.models.limit import RateLimit, RateWindow
from monitoring.models.price import ModelPrice
from monitoring.models.privacy import AdminReading, Erasure, RetentionRule, RetentionRun
from monitoring.models.provider import Provider, ProviderModel
from monitoring.models.usage import DailyUsage, DailyUserUsage, HourlyLatency, HourlyUsage, RolledUp, Usage

__all__ = [
    "NOBODY",
    "AdminReading",
    "Alert",
    "Breaker",
    "Budget",
    "BudgetAccount",
    "DailyUsage",
    "DailyUserUsage",
    "Erasure",
    "ErrorEntry",
    "ErrorKind",
    "HealthReport",
    "Heartbeat",
    "HourlyLatency",
    "HourlyUsage",
    "Job",
    "JobFile",
    "JobProblem",
    "LedgerEntry",
    "ModelPrice",
    "Provider",
    "ProviderModel",
    "RateLimit",
    "RateWindow",
    "Reservation",
    "RetentionRule",
    "RetentionRun",
    "RolledUp",
    "Severity",
    "Usage",
]
