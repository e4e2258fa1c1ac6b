"""The dashboard on the admin's front page: who sees which panel, its files, the cost sheet, and what is seen to."""

import csv
import dataclasses
import datetime as dt
import io
import json
import re
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client as Browser
from django.urls import reverse

from accounts.models import Section, User
from conftest import make_user
from monitoring import dashboard, errors, gauges
from monitoring.alerts import raise_alert
from monitoring.cells import unguarded
from monitoring.dashboard import costs
from monitoring.models import Alert, ErrorKind, RateLimit
from monitoring.tests.ledger import settled
from monitoring.tests.looking import NOON, at

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon")]

FRONT = "admin:index"


@pytest.fixture
def desk(client: Browser, operator: User) -> Browser:
    client.force_login(operator)
    return client


@pytest.fixture
def use(section: Section, student: User) -> None:
    """Some use today and a month ago, in a section that is called a formula."""
    Section.objects.filter(pk=section.pk).update(course_code="", name="=HYPERLINK(1)")
    one = {"session_uuid": uuid.UUID(int=1), "section_uuid": section.pk, "user": student}
    settled(at(hours=0.5), model="haiku", cost_microusd=1_234_567, first_text_ms=400, **one)
    settled(at(days=40), model="opus", cost_microusd=2_100)


def panels_of(page: str) -> list[str]:
    return re.findall(r'data-panel="([\w-]+)"', page)


def csv_of(browser: Browser, panel: str, table: str) -> list[list[str]]:
    answer = browser.get(reverse("dashboard-csv", args=[panel, table]))
    assert answer["Content-Disposition"] == f'attachment; filename="{panel}-{table}.csv"'
    return list(csv.reader(io.StringIO(answer.text.removeprefix("\ufeff"))))


def sheet_of(browser: Browser, ending: str, **days: str) -> str:
    answer: Any = browser.get(reverse(f"dashboard-costs-{ending}"), days)
    return b"".join(answer.streaming_content).decode()


def test_an_empty_portal_shows_every_panel_and_says_what_will_stand_there(desk: Browser) -> None:
    page = desk.get(reverse(FRONT)).text
    assert panels_of(page) == [
        "now", "alerts", "errors", "money", "health", "hours", "days", "active", "log", "sections", "models", "people",
    ]  # fmt: skip
    for words in ("Nobody looks: start a worker", "Nobody talks just now.", "No conversation has begun yet.",
                  "There was no alert yet.", "Nothing was spent this term yet."):  # fmt: skip
        assert words in page
    assert 'class="chart"' not in page


@pytest.mark.parametrize(("name", "panel"), [("active_sessions", "now"), ("active", "active")])
def test_a_panel_that_raises_says_so_and_the_others_are_shown(
    desk: Browser, monkeypatch: pytest.MonkeyPatch, name: str, panel: str
) -> None:
    def broken() -> Any:
        raise ZeroDivisionError

    for known in (gauges._gauges, gauges._tables):
        if name in known:
            monkeypatch.setitem(known, name, broken_one(known[name], broken))
    for address in (reverse(FRONT), reverse("dashboard-part")):
        page = desk.get(address).text
        assert len(panels_of(page)) == 12
        assert page.count("does not answer.") == 2, "in the panel and in the summary above"
        assert "No conversation has begun yet." in page
    found = desk.get(reverse("dashboard-json", args=[panel])).json()
    assert found["state"].endswith(": does not answer.")


def broken_one(one: Any, broken: Callable[[], Any]) -> Any:
    """The same gauge or table, which raises when it is asked."""
    return dataclasses.replace(one, **{"read" if isinstance(one, gauges.Gauge) else "rows": broken})


def test_what_an_error_says_is_opened_in_its_panel_and_runs_nothing(desk: Browser) -> None:
    detail = "<script>alert(1)</script> " + "word " * 40
    errors.record(kind="job.step", source="roster", detail=detail)
    page = desk.get(reverse(FRONT)).text
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; word word" in page
    assert "<summary>&lt;script&gt;" in page
    assert ">roster</td>" in page


def test_the_front_page_asks_no_more_queries_with_much_than_with_little(
    desk: Browser, use: None, django_assert_max_num_queries: Any
) -> None:
    raise_alert(key="a", kind="budget", severity="warning", text="Half is spent.")
    for number in range(5):
        errors.record(kind=f"kind.{number}")
        settled(at(hours=number, days=number), model=f"m{number}", section_uuid=uuid.uuid4())
    desk.get(reverse("dashboard-part"))
    with django_assert_max_num_queries(58):
        assert "chart" in desk.get(reverse("dashboard-part")).text


@pytest.mark.parametrize(
    ("role", "panels"),
    [
        ("operator", 12),
        ("auditor", 12),
        # School admins see what it costs, and neither errors nor processes.
        ("admin", 10),
        ("support", 0),
    ],
)
def test_a_role_sees_the_panels_that_it_may(client: Browser, role: str, panels: int) -> None:
    client.force_login(make_user("someone", role))
    page = client.get(reverse(FRONT))
    assert page.status_code == 200
    assert len(panels_of(page.text)) == panels
    assert ("dashboard.js" in page.text) == bool(panels)
    for panel in ("money", "errors", "health"):
        answer = client.get(reverse("dashboard-json", args=[panel]))
        assert answer.status_code == (200 if panel in panels_of(page.text) else 404)
    assert client.get(reverse("dashboard-costs-csv")).status_code == (200 if panels else 404)


def test_files_say_what_the_page_says(desk: Browser, use: None) -> None:
    page = desk.get(reverse(FRONT)).text
    assert "=HYPERLINK(1)" in page
    head, *rows = csv_of(desk, "sections", "days")
    assert head == ["name", "cost_microusd", "tokens", "sessions"]
    assert [[unguarded(cell) for cell in row] for row in rows] == [["=HYPERLINK(1)", "1234567", "110", "1"]]
    assert rows[0][0] == "'=HYPERLINK(1)"
    for panel in dashboard.panels_for(User.objects.get(email="operator@example.com")):
        answer = desk.get(reverse("dashboard-json", args=[panel.key]))
        assert answer["Content-Disposition"] == f'attachment; filename="{panel.key}.json"'
        found = answer.json()
        assert found["panel"] == panel.key
        for table, records in found.items():
            if isinstance(records, list):
                cells = [[unguarded(cell) for cell in row] for row in csv_of(desk, panel.key, table)[1:]]
                assert cells == [["" if one is None else str(one) for one in record.values()] for record in records]


def test_there_is_no_file_of_what_is_not_there(desk: Browser) -> None:
    assert desk.get(reverse("dashboard-csv", args=["money", "days"])).status_code == 404
    assert desk.get(reverse("dashboard-csv", args=["weather", "days"])).status_code == 404
    assert desk.get(reverse("dashboard-json", args=["weather"])).status_code == 404


def test_the_cost_sheet_has_a_line_for_each_day_model_and_section(desk: Browser, use: None, section: Section) -> None:
    head, *rows = csv.reader(io.StringIO(sheet_of(desk, "csv").removeprefix("\ufeff")))
    sheet = [dict(zip(head, row, strict=True)) for row in rows]
    assert [(row["day"], row["model"], row["section"], row["cost_microusd"], row["cost_usd"]) for row in sheet] == [
        ("2026-10-09", "opus", "", "2100", "0.002100"),
        ("2026-11-18", "haiku", "'=HYPERLINK(1)", "1234567", "1.234567"),
    ]
    assert sheet[1]["section_uuid"] == str(section.pk)
    found = json.loads(sheet_of(desk, "json", first="2026-11-01", last="2026-11-30"))
    assert (found["first"], found["last"], found["time_zone"]) == ("2026-11-01", "2026-11-30", "UTC")
    assert [(row["day"], row["cost_microusd"], row["sessions"]) for row in found["rows"]] == [
        ("2026-11-18", 1_234_567, 1)
    ]
    assert json.loads(sheet_of(desk, "json", last="2020-01-01"))["rows"] == []


@pytest.mark.parametrize(
    ("days", "words"),
    [
        ({"first": "yesterday"}, "Write both days as year-month-day"),
        ({"first": "2026-11-02", "last": "2026-11-01"}, "The first day comes after the last one."),
        ({"first": "2001-01-01"}, "longer than ten years"),
    ],
)
def test_days_that_make_no_sheet_are_refused_in_words(desk: Browser, days: dict[str, str], words: str) -> None:
    assert words in desk.get(reverse("dashboard-costs-csv"), days, follow=True).text


def test_sheets_count_as_downloads(desk: Browser) -> None:
    RateLimit.objects.filter(name="export_user").update(count=1)
    sheet_of(desk, "csv")
    refused = desk.get(reverse("dashboard-costs-csv"))
    assert refused.status_code == 429
    assert int(refused["Retry-After"]) > 0


def test_an_alert_and_a_kind_of_error_are_seen_to_once_and_it_is_written_down(desk: Browser, operator: User) -> None:
    raise_alert(key="a", kind="budget", severity="warning", text="Half is spent.")
    errors.record(kind="provider.overloaded")
    alert = Alert.objects.get()
    address = reverse("dashboard-alert", args=[alert.pk])
    assert address in desk.get(reverse(FRONT)).text
    for _ in range(2):
        assert desk.post(address)["Location"] == "/admin/#panel-alerts"
    alert.refresh_from_db()
    assert (alert.acknowledged_by, alert.acknowledged_at) == (operator, NOON)
    assert desk.post(reverse("dashboard-error", args=["provider.overloaded"]))["Location"] == "/admin/#panel-errors"
    assert ErrorKind.objects.get().acknowledged_by == operator
    assert sorted(LogEntry.objects.values_list("content_type__model", flat=True)) == ["alert", "errorkind"]
    assert desk.post(reverse("dashboard-error", args=["no.such"])).status_code == 404


def test_who_may_only_look_sees_to_nothing(client: Browser) -> None:
    raise_alert(key="a", kind="budget", severity="warning", text="Half is spent.")
    errors.record(kind="provider.overloaded")
    client.force_login(make_user("auditor", "auditor"))
    page = client.get(reverse(FRONT)).text
    assert "Half is spent." in page
    assert 'formaction="/admin/dashboard/alerts' not in page
    assert client.post(reverse("dashboard-alert", args=[Alert.objects.get().pk])).status_code == 404
    assert client.post(reverse("dashboard-error", args=["provider.overloaded"])).status_code == 404
    assert Alert.objects.get().acknowledged_at is None


def test_the_runbook_says_what_to_do_about_an_alert(desk: Browser, settings: Any, tmp_path: Path) -> None:
    settings.BASE_DIR = tmp_path
    page = reverse("dashboard-runbook", args=["budget"])
    assert "says nothing about this kind" in desk.get(page).text
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "runbook.md").write_text(
        "# Runbook\n\n## Budget\n\n**Do** raise\n<it> by `one` ([more](m.md)).\n\n## slow\n\nWait.\n"
    )
    shown = desk.get(page).text
    assert "<p><strong>Do</strong> raise &lt;it&gt; by <code>one</code> (<em>more</em>).</p>" in shown
    assert "Wait." not in shown
    assert desk.get(reverse("dashboard-runbook", args=["weather"])).status_code == 404


def test_days_are_those_of_the_term_where_nobody_chose_any() -> None:
    days = costs.Range.read("", "")
    assert (days.first, days.last) == (dt.date(2026, 7, 1), NOON.date())
    assert [piece[0] for piece in days.pieces][:2] == [dt.date(2026, 7, 1), dt.date(2026, 8, 1)]
