"""Which attempt counts, and what its score is after lateness."""

import datetime as dt
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from conversations.assignments.standing import Standing, TaskStanding
from conversations.models import Assignment, Attempt
from conversations.scores import Total


@dataclass(frozen=True, slots=True)
class Result:
    """The attempt that counts with one client, how many days late it is, and its score in percent after lateness.

    `percent` is None where there is no score.
    """

    attempt: Attempt
    days_late: int
    percent: Decimal | None


def result_of(standing: Standing, task: TaskStanding, totals: Mapping[uuid.UUID, Total]) -> Result | None:
    """What counts of a student's finished attempts with one client; None where none is finished.

    `totals` are the scores by session, those that the reader may see. The best attempt is that with the best score
    after lateness, the newest of equals and while nothing is scored.
    """
    results = [
        Result(attempt, standing.deadlines.days_late(attempt.finished_at), percent_of(standing, attempt, totals))
        for attempt in task.attempts
        if attempt.counts
    ]
    scored = [result for result in results if result.percent is not None]
    if scored and standing.assignment.counted == Assignment.Counted.BEST:
        return max(scored, key=lambda result: result.percent or Decimal(0))
    return results[0] if results else None


def mean_percent(results: "list[Result | None]", expected: int) -> Decimal | None:
    """The mean score over `expected` clients with a rubric; None while one of them has no score."""
    found = [result.percent for result in results if result and result.percent is not None]
    return sum(found, Decimal(0)) / expected if found and len(found) >= expected else None


def percent_of(standing: Standing, attempt: Attempt, totals: Mapping[uuid.UUID, Total]) -> Decimal | None:
    """An attempt's score in percent after lateness; None without one in `totals`."""
    total = totals.get(attempt.session_id)
    finished: dt.datetime = attempt.finished_at
    return standing.deadlines.kept(total.percent, finished) if total else None
