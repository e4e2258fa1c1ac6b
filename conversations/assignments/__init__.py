"""What people do with assignments: write, publish, copy, grant exceptions, begin attempts; and where they stand."""

from conversations.assignments.attempts import finished, start_attempt, used
from conversations.assignments.exceptions import Grant, grant_exception, reopen_attempt, withdraw_exception
from conversations.assignments.results import Result, mean_percent, percent_of, result_of
from conversations.assignments.rules import (
    AssignmentRuleError,
    CannotStartError,
    InUseError,
    NotReadyError,
    NotYoursError,
    StaleEditError,
)
from conversations.assignments.standing import Standing, State, TaskStanding, standings
from conversations.assignments.writing import (
    MOST_CLIENTS,
    AssignmentValue,
    TaskValue,
    archive_assignment,
    copy_assignment,
    create_assignment,
    delete_unused,
    edit_assignment,
    missing,
    publish,
    restore_assignment,
    unpublish,
)

__all__ = [
    "MOST_CLIENTS",
    "AssignmentRuleError",
    "AssignmentValue",
    "CannotStartError",
    "Grant",
    "InUseError",
    "NotReadyError",
    "NotYoursError",
    "Result",
    "StaleEditError",
    "Standing",
    "State",
    "TaskStanding",
    "TaskValue",
    "archive_assignment",
    "copy_assignment",
    "create_assignment",
    "delete_unused",
    "edit_assignment",
    "finished",
    "grant_exception",
    "mean_percent",
    "missing",
    "percent_of",
    "publish",
    "reopen_attempt",
    "restore_assignment",
    "result_of",
    "standings",
    "start_attempt",
    "unpublish",
    "used",
    "withdraw_exception",
]
