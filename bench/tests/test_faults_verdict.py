"""A line passes only on figures that hold, and says what was expected where one does not."""

import math

import pytest

from bench.faults.verdict import Figure, Report, percentile, table


def test_a_percentile_is_a_value_that_was_measured() -> None:
    values = [float(value) for value in range(100, 0, -1)]
    assert (percentile(values, 50), percentile(values, 95), percentile(values, 100)) == (50.0, 95.0, 100.0)
    assert percentile([7.0], 95) == 7.0
    assert math.isnan(percentile([], 95))


@pytest.mark.parametrize(
    ("figure", "holds", "words"),
    [
        (Figure("lost", 0, 0, 0), True, "lost 0"),
        (Figure("lost", 2, 0, 0), False, "lost 2 (expected 0)"),
        (Figure("reconnect p95", 5.0, None, 5.0, " s"), True, "reconnect p95 5.00 s"),
        (Figure("reconnect p95", 5.01, None, 5.0, " s"), False, "reconnect p95 5.01 s (at most 5.00)"),
        (Figure("cuts", 199, 200), False, "cuts 199 (at least 200)"),
        (Figure("wait", 9, 10, 20), False, "wait 9 (at least 10 and at most 20)"),
        (Figure("opened in", math.inf), True, "opened in inf"),
        (Figure("reconnect p95", math.nan, None, 5.0), False, "reconnect p95 nan (at most 5.00)"),
    ],
)
def test_a_figure_holds_within_its_bounds_and_names_them_otherwise(figure: Figure, holds: bool, words: str) -> None:
    assert figure.holds is holds
    assert str(figure) == words


def test_a_line_reads_as_what_was_done_what_was_found_and_how_it_ended() -> None:
    report = Report("A1", "kill -9 mid-stream", 2)
    report.note("500 turns in flight")
    report.exactly("acked lost", 0)
    report.at_least("kept", 500, 500)
    report.at_most("reconnect p95", 0.5, 5.0, " s")
    report.tell("recovered after", 9.25, " s")
    assert str(report) == (
        "A1  kill -9 mid-stream   500 turns in flight   acked lost 0   kept 500   reconnect p95 0.50 s   "
        "recovered after 9.25 s   PASS"
    )


def test_a_line_fails_by_a_figure_by_a_breach_and_by_finding_nothing() -> None:
    bad, broken, empty = (Report(name, "fault", 1) for name in ("A1", "A2", "A3"))
    bad.exactly("acked lost", 1)
    broken.exactly("acked lost", 0)
    broken.fail("audit: 1 hole")
    assert [report.outcome for report in (bad, broken, empty)] == ["FAIL", "FAIL", "FAIL"]
    assert str(broken).endswith("FAIL\n      audit: 1 hole")


def test_the_table_has_every_line_and_counts_those_that_passed() -> None:
    good, bad = Report("A8", "cut", 1, seconds=3.25), Report("A10", "two tabs send together", 2)
    good.exactly("identical", 200, 200)
    bad.exactly("interleaved", 3)
    lines = table([good, bad]).splitlines()
    assert lines[2].split() == ["A8", "cut", "1", "3.2", "PASS", "identical", "200"]
    assert lines[3].split()[-5:] == ["FAIL", "interleaved", "3", "(expected", "0)"]
    assert lines[-1] == "1 of 2 passed"
