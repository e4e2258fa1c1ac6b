"""When work may be begun, when it ends and what lateness costs."""

import datetime as dt
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversations.lateness import Deadlines, LateRule

DUE = dt.datetime(2026, 10, 1, 12, tzinfo=dt.UTC)
MINUTE, DAY = dt.timedelta(minutes=1), dt.timedelta(days=1)

moments = st.timedeltas(dt.timedelta(days=-90), dt.timedelta(days=90)).map(lambda step: DUE + step)
percents = st.integers(1, 100)
scores = st.integers(250, 1_000).map(lambda tenths: Decimal(tenths) / 10)


def test_without_dates_work_may_always_be_begun_and_never_ends() -> None:
    free = Deadlines()
    assert (free.accepts(DUE), free.end_of(DUE), free.days_late(DUE)) == (True, None, 0)
    assert free.share_kept(DUE) == 1


def test_nothing_can_be_begun_before_it_opens() -> None:
    assert not Deadlines(opens_at=DUE).accepts(DUE - MINUTE)
    assert Deadlines(opens_at=DUE).accepts(DUE)


@pytest.mark.parametrize(
    ("rule", "accepted"), [(LateRule.REFUSE, False), (LateRule.MARK, True), (LateRule.DEDUCT, True)]
)
def test_only_the_rule_that_refuses_takes_nothing_after_the_due_date(rule: LateRule, accepted: bool) -> None:
    deadlines = Deadlines(due_at=DUE, rule=rule)
    assert deadlines.accepts(DUE)
    assert deadlines.accepts(DUE + MINUTE) is accepted


def test_where_nothing_is_accepted_late_an_attempt_ends_with_the_due_date_or_its_time_limit() -> None:
    deadlines = Deadlines(due_at=DUE, rule=LateRule.REFUSE, limit=30 * MINUTE)
    assert deadlines.end_of(DUE - 10 * MINUTE) == DUE
    assert deadlines.end_of(DUE - 50 * MINUTE) == DUE - 20 * MINUTE


def test_a_day_is_deducted_as_soon_as_it_has_begun() -> None:
    deadlines = Deadlines(due_at=DUE, rule=LateRule.DEDUCT, percent=10)
    kept = [deadlines.kept(Decimal("80.0"), DUE + late) for late in (0 * DAY, MINUTE, DAY, DAY + MINUTE, 11 * DAY)]
    assert kept == [Decimal("80.0"), Decimal("72.0"), Decimal("72.0"), Decimal("64.0"), Decimal("0.0")]


@given(moments, moments, percents, scores)
def test_later_never_scores_more_and_in_time_scores_all(
    one: dt.datetime, other: dt.datetime, percent: int, score: Decimal
) -> None:
    deadlines = Deadlines(due_at=DUE, rule=LateRule.DEDUCT, percent=percent)
    earlier, later = sorted((one, other))
    assert 0 <= deadlines.kept(score, later) <= deadlines.kept(score, earlier) <= score
    assert deadlines.kept(score, min(one, DUE)) == score


@given(moments, st.sampled_from(LateRule), st.none() | st.integers(1, 500), moments)
def test_an_attempt_that_may_begin_ends_no_earlier_than_it_begins(
    due: dt.datetime, rule: LateRule, minutes: int | None, started: dt.datetime
) -> None:
    deadlines = Deadlines(due_at=due, rule=rule, limit=minutes * MINUTE if minutes else None)
    end = deadlines.end_of(started)
    if deadlines.accepts(started) and end is not None:
        assert end >= started
