"""The bench measures a real server and judges it by what arrives."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench.load import Chat, Findings, Plan, Seat, share

ROOT = Path(__file__).resolve().parents[2]
PLAN = Plan(turns=1, think=0, tokens=3, timeout=5)


def test_a_small_run_loses_nothing_and_names_its_limits(tmp_path: Path) -> None:
    out = tmp_path / "figures.jsonl"
    options = "--chats 3 --turns 2 --think 0.2 --tokens 5 --out"
    command = [sys.executable, "-m", "bench", *options.split(), str(out)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "limits set for this run: REPLY_MAX_TOKENS=4096" in run.stdout
    figures = json.loads(out.read_text())
    for name in ("rapport", "floor"):
        assert (figures[name]["turns"], figures[name]["lost turns"]) == (6, 0)
        assert figures[name]["CPU seconds per 1,000 tokens"] > 0


@pytest.mark.parametrize(
    ("status", "stored", "arrived", "reason"),
    [
        ("complete", "~0:1:1 ~1:2 ~2:3 ", "~0:1:1 ~1:2 ~2:3 ", None),
        ("interrupted", "~0:1:1 ", "~0:1:1 ", "status interrupted"),
        ("complete", "~0:1:1 ~2:3 ", "~0:1:1 ~2:3 ", "tokens missing"),
        ("complete", "~0:1:1 ~1:2 ~2:3 ", "~0:1:1 ~2:3 ", "deltas differ from the stored text"),
    ],
)
def test_a_turn_counts_as_lost_unless_every_token_arrived_and_was_stored(
    status: str, stored: str, arrived: str, reason: str | None
) -> None:
    findings = Findings()
    Chat(Seat("ws://127.0.0.1:1/ws"), PLAN, findings).judge(status, stored, arrived)
    assert list(findings.lost) == ([reason] if reason else [])


def test_percentiles_are_values_that_were_measured() -> None:
    values = [float(value) for value in range(100, 0, -1)]
    assert share(values, 50) == 51.0
    assert share(values, 99) == 100.0
    assert share([], 50) != share([], 50)
