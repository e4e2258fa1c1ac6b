"""Retention: what is old enough is counted first, deleted in batches, and written down.

Apps say when they start which kinds of rows there are. Nothing of a kind is deleted before an operator saved a rule for
it and saw what that comes to: the days that a kind suggests do nothing by themselves.
"""

from monitoring.retention.registry import Batch, Kind, bounded, delete_rows, kinds, register, register_rows
from monitoring.retention.run import (
    KIND,
    MOST_DAYS,
    RetentionError,
    begin,
    begin_nightly,
    last_trial,
    may_delete,
    rules,
    running,
    save_rules,
    step,
)

__all__ = [
    "KIND",
    "MOST_DAYS",
    "Batch",
    "Kind",
    "RetentionError",
    "begin",
    "begin_nightly",
    "bounded",
    "delete_rows",
    "kinds",
    "last_trial",
    "may_delete",
    "register",
    "register_rows",
    "rules",
    "running",
    "save_rules",
    "step",
]
