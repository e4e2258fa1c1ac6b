"""What the dashboard's numbers say, to the micro-dollar, from a ledger small enough to add up by hand."""

import datetime as dt
import time
import uuid

import pytest
from django.utils import translation

from accounts.models import Section, User
from monitoring import alerts, dashboard, errors, gauges, health, kept, periods, reports, rollups
from monitoring.dashboard import find, look, money
from monitoring.dashboard.graphs import compact, dollars, seconds
from monitoring.gauges import Reading
from monitoring.models import Alert, Budget, BudgetAccount, ErrorEntry, Heartbeat
from monitoring.pricing import MILLION
from monitoring.tables import Level, Mark, Unit, said
from monitoring.tests.ledger import settled
from monitoring.tests.looking import EVERYTHING, NOON, TODAY, Person, at, column_of, figures_of, shown, table_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon")]


@pytest.fixture
def ledger(section: Section, student: User) -> None:
    """Four settlements of two models: today, yesterday, in the month and in the term before it."""
    one = {"session_uuid": uuid.UUID(int=1), "section_uuid": section.pk, "user": student}
    settled(at(hours=0.2), model="haiku", cost_microusd=700, input_tokens=900, first_text_ms=400, **one)
    settled(at(hours=20), model="haiku", cost_microusd=300, input_tokens=90, first_text_ms=800, **one)
    settled(at(days=10), model="opus", cost_microusd=50_000, session_uuid=uuid.UUID(int=2))
    settled(at(days=60), model="opus", cost_microusd=1_000_000)


def test_money_is_that_of_the_ledger_today_this_month_and_by_thousand_tokens(ledger: None) -> None:
    found = figures_of(shown("money"))
    assert (found["cost_today"], found["tokens_today"]) == (700, 910)
    assert found["cost_month"] == 51_000
    # 700 + 300 + 50,000 micro-dollars for 910 + 100 + 110 tokens.
    assert said(found["cost_per_1000_tokens"], Unit.PRICE) == "$0.045536"


def test_the_sums_are_the_same_whether_or_not_hours_are_kept(ledger: None) -> None:
    keys = ("money", "hours", "days", "sections", "models", "people")
    before = {key: [table.lines for table in shown(key).files] for key in keys}
    for _day in rollups.rebuild():
        pass
    dashboard.forget()
    assert {key: [table.lines for table in shown(key).files] for key in keys} == before


def test_too_much_without_sums_waits_for_the_roll_up(ledger: None, monkeypatch: pytest.MonkeyPatch) -> None:
    # Three settlements are of days that are over.
    monkeypatch.setattr(look, "MOST_LOOSE", 3)
    for key in ("money", "days", "sections", "models", "people"):
        assert shown(key).state.words.startswith("A worker adds up the hours of many days just now.")
    assert shown("hours").drawings
    for _day in rollups.rebuild(TODAY - dt.timedelta(days=10)):
        pass
    assert shown("money").figures
    for _day in rollups.rebuild(dt.date(2026, 7, 1)):
        pass
    assert shown("money").figures


def test_a_term_is_projected_by_the_mean_of_its_last_days_with_use(ledger: None) -> None:
    # Half a year from July, of which 43 days are left after today. Today is in what was spent and not in the mean.
    rows = table_of(shown("money"), "term").records
    assert rows == [
        {
            "model": "opus", "spent_microusd": 1_050_000, "mean_microusd": 525_000, "days_of_use": 2, "days_left": 43,
            "projected_microusd": 1_050_000 + 43 * 525_000,
        },
        {
            "model": "haiku", "spent_microusd": 1_000, "mean_microusd": 300, "days_of_use": 1, "days_left": 43,
            "projected_microusd": 1_000 + 43 * 300,
        },
    ]  # fmt: skip


def test_the_mean_takes_fourteen_days_and_nothing_is_projected_without_an_end() -> None:
    days = [TODAY - dt.timedelta(days=number) for number in range(1, 20)]
    daily = {(day, "m"): {"cost_microusd": number} for number, day in enumerate(days, start=1)}
    daily[TODAY, "m"] = {"cost_microusd": 1_000}
    daily[TODAY, "free"] = {"cost_microusd": 0}
    daily[days[-1], "old"] = {"cost_microusd": 9}
    found = money.project(daily, since=days[3], today=TODAY, next_term=None)
    # 1 to 14, though the last ten of these came before the term; rounded up.
    assert [(one.model, one.spent_microusd, one.mean_microusd, one.projected_microusd) for one in found] == [
        ("m", 1_000 + 1 + 2 + 3 + 4, 8, None)
    ]
    first = money.project({(TODAY, "m"): {"cost_microusd": 5}}, since=TODAY, today=TODAY, next_term=days[0])
    assert (first[0].mean_microusd, first[0].days_of_use) == (0, 0)


def test_the_page_says_when_nobody_knows_the_end_of_the_term(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown("money").note.startswith("Projected: what the term has cost so far")
    monkeypatch.setattr(periods, "next_start", lambda _period, _day: None)
    assert "so the end of this one is not projected" in shown("money").note


@pytest.mark.parametrize(
    ("spent", "words", "level"),
    [
        (0, "Within budget.", Level.FINE),
        (9_000, "nearly used up", Level.ATTENTION),
        (10_000, "used up: replies are refused", Level.DANGER),
    ],
)
def test_budgets_of_the_site_are_told_in_words_and_shares(spent: int, words: str, level: Level) -> None:
    assert shown("money").state == Mark("No budget for the whole site is in force.", Level.ATTENTION)
    day = Budget.objects.create(scope="site", period="day", limit_microusd=10_000)
    Budget.objects.create(scope="site", period="month", limit_microusd=MILLION)
    Budget.objects.create(scope="user", period="day", limit_microusd=1)
    BudgetAccount.objects.create(budget=day, starts_on=TODAY, spent_microusd=spent)
    BudgetAccount.objects.create(budget=day, starts_on=TODAY - dt.timedelta(days=1), spent_microusd=99)
    content = shown("money")
    assert words in content.state.words
    assert content.state.level == level
    assert figures_of(content)["budget_day"] == spent / 10_000
    assert figures_of(content)["budget_month"] == 0


def test_a_budget_that_refuses_before_all_of_it_is_spent_is_told() -> None:
    day = Budget.objects.create(scope="site", period="day", limit_microusd=300)
    BudgetAccount.objects.create(budget=day, starts_on=TODAY, alerted_percent=100)
    assert shown("money").state.level == Level.DANGER
    assert "too little left for a reply" in shown("money").state.words


def test_a_budget_of_nothing_is_used_up() -> None:
    Budget.objects.create(scope="site", period="day", limit_microusd=0)
    assert shown("money").state.level == Level.DANGER


def test_now_tells_first_texts_and_failures_of_the_last_sixty_minutes() -> None:
    assert shown("now").state.words == "No replies were asked for in the last hour."
    settled(at(hours=0.9), first_text_ms=400)
    settled(at(hours=1.1), first_text_ms=90_000, outcome="failed")
    assert shown("now").state.words == "The 1 attempt of the last hour succeeded."
    found = figures_of(shown("now"))
    assert 350 <= found["first_text_p50_ms"] <= found["first_text_p95_ms"] <= 460
    assert found["error_rate"] == 0
    for outcome in ("interrupted", "stopped"):
        settled(at(hours=0.1), outcome=outcome)
    content = shown("now")
    assert content.state == Mark("1 of 3 attempts of the last hour failed.", Level.DANGER)
    assert figures_of(content)["error_rate"] == pytest.approx(1 / 3)


@pytest.mark.parametrize(("attempts", "level"), [(60, Level.FINE), (20, Level.ATTENTION)])
def test_few_failures_among_many_worry_less(attempts: int, level: Level) -> None:
    assert dashboard.now._state(attempts, 1).level == level


def test_now_asks_every_gauge_and_says_of_what_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gauges, "_gauges", {})
    gauges.register("queue", label="Waiting", unit=Unit.COUNT, read=lambda: Reading(1_200, "Of today."))
    gauge = shown("now").figures[0]
    assert (gauge.key, gauge.text, gauge.note) == ("queue", "1,200", "Of today.")


def test_hours_and_days_stand_in_tables_that_add_up_to_the_ledger(ledger: None) -> None:
    hours, days = shown("hours"), shown("days")
    assert len(column_of(hours, "hours", "hour")) == 24
    assert column_of(hours, "hours", "hour")[-1] == "2026-11-18T12:00:00+00:00"
    assert [cost for cost in column_of(hours, "hours", "cost_microusd") if cost] == [300, 700]
    assert hours.state.words == "$0.0010, 1,010 tokens, conversations begun: 1."
    assert column_of(days, "days", "day")[0] == "2026-10-20"
    assert sum(column_of(days, "days", "cost_microusd")) == 51_000
    assert column_of(days, "days", "sessions")[-2:] == [1, 0]
    medians = column_of(days, "days", "first_text_p50_ms")
    assert [value is None for value in medians] == [True] * 28 + [False] * 2
    assert [drawing.id for drawing in days.drawings] == [
        "days-tokens", "days-cost_microusd", "days-sessions", "days-latency",
    ]  # fmt: skip
    assert "In all: $0.0510." in days.drawings[1].summary


def test_without_use_there_are_words_in_place_of_charts_and_without_replies_no_latency() -> None:
    for key in ("hours", "days"):
        assert not shown(key).drawings
        assert shown(key).state.words == "Nothing was used in this time."
    settled(at(hours=0))
    assert [drawing.id for drawing in shown("hours").drawings] == [
        "hours-tokens", "hours-cost_microusd", "hours-sessions",
    ]  # fmt: skip


def test_the_running_hour_is_exact_and_hours_that_are_over_are_a_minute_old_at_most(ledger: None) -> None:
    begun = column_of(shown("hours"), "hours", "cost_microusd")
    settled(at(hours=1), cost_microusd=40)
    settled(at(hours=0), cost_microusd=5)
    hours = shown("hours")
    assert column_of(hours, "hours", "cost_microusd") == [*begun[:-1], begun[-1] + 5]
    assert hours.as_of is not None
    dashboard.forget()
    assert column_of(shown("hours"), "hours", "cost_microusd") == [*begun[:-2], begun[-2] + 40, begun[-1] + 5]


def test_axes_are_short() -> None:
    assert [compact(value) for value in (0, 950, 12_000, 3_500_000, 2 * 10**9)] == ["0", "950", "12k", "3.5M", "2G"]
    assert [dollars(value) for value in (0, 50, 500_000, 12 * MILLION, 1_500_000 * MILLION)] == [
        "$0", "$0.00005", "$0.5", "$12", "$1,500,000",
    ]  # fmt: skip
    assert [seconds(value) for value in (0, 5, 500, 2_000)] == ["0 s", "0.005 s", "0.5 s", "2 s"]
    with translation.override("es"):
        assert [dollars(500_000), seconds(500)] == ["$0.5", "0,5 s"]


def test_the_dearest_come_first_by_name_with_tokens_and_conversations(ledger: None) -> None:
    sections = table_of(shown("sections"), "days")
    assert [row.values for row in sections.rows] == [
        ("Without a section", 50_000, 110, 1),
        ("SW 101 Interviewing", 1_000, 1_010, 1),
    ]
    assert column_of(shown("models"), "days", "name") == ["opus", "haiku"]
    assert column_of(shown("models"), "today", "cost_microusd") == [700]
    people = shown("people")
    assert [row.values for row in table_of(people, "days").rows] == [
        ("Nobody", 50_000, 110, 1),
        ("Student", 1_000, 1_010, 1),
    ]
    # The conversation began yesterday.
    assert [row.values for row in table_of(people, "today").rows] == [("Student", 700, 910, 0)]
    assert people.state.words == "Most in 30 days: Nobody, $0.0500."
    assert people.as_of == NOON


def test_conversations_of_today_are_counted_for_people_and_for_nobody(student: User) -> None:
    for user, session in ((student, uuid.uuid4()), (student, uuid.uuid4()), (None, uuid.uuid4())):
        settled(at(hours=1), user=user, session_uuid=session)
    for span in ("today", "days"):
        rows = table_of(shown("people"), span).records
        assert {row["name"]: row["sessions"] for row in rows} == {"Student": 2, "Nobody": 1}


def test_no_more_than_ten_are_named() -> None:
    for number in range(12):
        settled(at(hours=1), model=f"m{number:02}", cost_microusd=number)
    assert column_of(shown("models"), "today", "name") == [f"m{number:02}" for number in range(11, 1, -1)]


def test_people_are_named_to_those_alone_who_may_see_them(ledger: None, student: User) -> None:
    stranger = Person("monitoring.view_dailyuserusage")
    assert column_of(shown("people", stranger), "today", "name") == [f"no. {str(student.pk)[:8]}"]


def test_an_unknown_kind_of_name_and_what_is_gone_go_by_the_beginning_of_their_ids() -> None:
    gone = uuid.UUID(int=0xABCDEF0123456789ABCDEF0123456789)
    for kind in ("section", "planet"):
        assert gauges.names(kind, [gone], by=EVERYTHING) == {gone: "no. abcdef01"}


def test_tables_of_the_apps_above_are_panels_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gauges, "_tables", {})
    gauges.register_table(
        "queue", label="Queue", permission="app.view_queue", columns=(), rows=list, empty="Nobody waits."
    )
    assert shown("queue", Person("app.view_queue")).tables[0].empty == "Nobody waits."
    assert find("queue", Person("monitoring.view_dailyusage")) is None


def test_health_is_told_in_words_with_its_last_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_checks", {})
    monkeypatch.setattr(health, "_check_models", lambda: iter(()))
    health.register("disk", lambda: "", alert="")
    assert shown("health").state.words.startswith("Nobody looks: start a worker")
    reports.check_health()
    assert shown("health").state.words == "In order as far as it is known. Nobody has looked at: books."
    reports.record(reports.BOOKS, "")
    assert shown("health").state == Mark("Everything is in order.")
    reports.record(health._checks["disk"], "less than 5% is free")
    content = shown("health")
    assert content.state == Mark("Not in order: disk.", Level.DANGER)
    assert column_of(content, "checks", "state") == ["Not in order", "In order"]
    assert sorted(column_of(content, "changes", "said")) == ["", "", "less than 5% is free"]
    assert figures_of(content) == {"web": 0, "worker": 0, "beat": 0}


def test_processes_that_live_are_counted_by_kind() -> None:
    Heartbeat.objects.create(kind="web", name="a", beat_at=NOON)
    Heartbeat.objects.create(kind="web", name="b", beat_at=at(hours=1))
    Heartbeat.objects.create(kind="beat", name="c", beat_at=NOON)
    assert figures_of(shown("health")) == {"web": 1, "worker": 0, "beat": 1}


def test_alerts_that_wait_come_first(operator: User) -> None:
    assert shown("alerts").state.words == "No alert waits."
    assert shown("alerts").tables[0].empty == "There was no alert yet."
    for key, severity in (("a", "warning"), ("b", "critical")):
        alerts.raise_alert(key=key, kind="budget", severity=severity, text=f"Alert {key}.")
    alerts.acknowledge(by=operator, alerts=[Alert.objects.get(key="b")])
    content = shown("alerts")
    assert content.state.words == "1 alert waits."
    assert column_of(content, "alerts", "text") == ["Alert a.", "Alert b."]
    assert [bool(row.act) for row in content.tables[0].rows] == [True, False]
    assert not any(row.act for row in shown("alerts", Person("monitoring.view_alert")).tables[0].rows)


def test_errors_wait_by_kind_until_somebody_has_seen_to_them(operator: User) -> None:
    assert shown("errors").state.words == "No error waits."
    for kind, severity in (("a.b", "error"), ("a.b", "warning"), ("c.d", "warning")):
        errors.record(kind=kind, severity=severity)
    ErrorEntry.objects.filter(kind="a.b").update(at=at(hours=1))
    ErrorEntry.objects.filter(kind="c.d").update(at=at(days=8))
    content = shown("errors")
    assert content.state == Mark("1 kind of error waits.", Level.DANGER)
    assert [record["count"] for record in table_of(content, "errors").records] == [2]
    errors.record(kind="c.d", severity="warning")
    errors.acknowledge(by=operator, kinds=["a.b"])
    content = shown("errors")
    assert content.state == Mark("1 kind of error waits.", Level.ATTENTION)
    assert column_of(content, "errors", "kind") == ["c.d", "a.b"]
    assert [bool(row.act) for row in content.tables[0].rows] == [True, False]
    assert not any(row.act for row in shown("errors", Person("monitoring.view_errorentry")).tables[0].rows)


def test_the_newest_error_of_a_kind_says_where_and_what() -> None:
    errors.record(kind="a.b", source="turn 6", detail="old")
    errors.record(kind="a.b", source="turn 7", detail="The server closed the connection.")
    (row,) = table_of(shown("errors"), "errors").records
    assert (row["source"], row["detail"]) == ("turn 7", "The server closed the connection.")


def test_what_is_kept_is_asked_again_when_it_is_too_old(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    asked: list[str] = []

    def ask(which: str) -> int:
        asked.append(which)
        return len(asked)

    numbers = kept.Kept(10, ask)
    assert [numbers("a").value, numbers("a").value, numbers("b").value] == [1, 1, 2]
    clock[0] = 10
    assert (numbers("a").value, numbers("a").at) == (3, NOON)
    numbers.forget()
    assert numbers("a").value == 4
    assert asked == ["a", "b", "a", "a"]


def test_values_are_written_with_their_units() -> None:
    written = [
        (None, Unit.COUNT, "–"), (1_234, Unit.COUNT, "1,234"), (2_100, Unit.MONEY, "$0.0021"),
        (0.125, Unit.SHARE, "12.5%"),
        (840, Unit.MILLISECONDS, "840 ms"), (1_240, Unit.MILLISECONDS, "1.24 s"), (3.25, Unit.RATE, "3.2"),
        (at(hours=1), Unit.MOMENT, "11:30"), (at(days=1), Unit.MOMENT, "17 Nov, 12:30"), (TODAY, Unit.DAY, "18 Nov"),
        (Mark("Well"), Unit.TEXT, "Well"),
    ]  # fmt: skip
    assert [said(value, unit) for value, unit, _text in written] == [text for _value, _unit, text in written]
