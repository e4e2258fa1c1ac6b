"""What the forms accept, what they refuse with which words, and that nothing typed is lost."""

from typing import Any

import pytest
from django.http import QueryDict
from django.utils import translation

from clients.forms import FACTS_MAX, ClientForm, FactFormSet, FilterForm, PromptForm, refuse_unstorable
from clients.models import ClientProfile
from clients.snapshot import Fact
from clients.views.profile import with_another_row

pytestmark = pytest.mark.django_db


def profile(**changes: Any) -> dict[str, Any]:
    return {
        "name": "Tom", "age": "50", "reason": "A fine.", "background": "Tom drives a van.",
        "scenario": "At the counter.", "traits": ["proud", "warm"], "domain": "sales",
        "difficulty": "gentle", "language": "en", "communication_style": "brief", **changes,
    }  # fmt: skip


def facts(*rows: dict[str, str], total: int | None = None) -> dict[str, str]:
    count = len(rows) if total is None else total
    data = {"facts-TOTAL_FORMS": str(count), "facts-INITIAL_FORMS": "0"}
    for number, row in enumerate(rows):
        data |= {f"facts-{number}-{key}": value for key, value in {"depth": "surface", **row}.items()}
    return data


def errors(**changes: Any) -> dict[str, list[str]]:
    form = ClientForm(profile(**changes))
    form.is_valid()
    return {field: [str(error) for error in found] for field, found in form.errors.items()}


def test_a_short_profile_is_enough() -> None:
    form = ClientForm(profile())
    assert form.is_valid(), form.errors
    values = form.values()
    assert (values["name"], values["age"], values["traits"], values["issues"]) == ("Tom", 50, ["proud", "warm"], [])


@pytest.mark.parametrize("field", ["name", "age", "reason", "background", "scenario", "domain", "language"])
def test_what_a_conversation_needs_is_required(field: str) -> None:
    assert list(errors(**{field: ""})) == [field]


@pytest.mark.parametrize(("age", "fine"), [("0", False), ("1", True), ("120", True), ("121", False), ("old", False)])
def test_age_is_from_1_to_120(age: str, fine: bool) -> None:
    assert ("age" not in errors(age=age)) is fine


@pytest.mark.parametrize(
    ("traits", "own_traits", "fine"),
    [
        (["proud"], "", False),
        ([], "", False),
        (["proud"], "counts everything", True),
        ([], "kind, slow", True),
        (["proud", "warm", "loyal"], "a, b", True),
        (["proud", "warm", "loyal"], "a, b, c", False),
        (["proud"], "Proud", False),
        (["proud", "unheard of"], "", False),
    ],
)
def test_two_to_five_traits_from_the_list_and_in_own_words(traits: list[str], own_traits: str, fine: bool) -> None:
    found = errors(traits=traits, own_traits=own_traits)
    assert list(found) == ([] if fine else ["traits"])


def test_the_number_of_traits_is_named() -> None:
    assert errors(traits=["proud"]) == {"traits": ["Choose between 2 and 5 traits; here are 1."]}


def test_own_words_that_name_a_code_become_it_and_repetitions_go() -> None:
    form = ClientForm(profile(issues=["housing"], own_issues="Housing, Grief,  rising rent ,, rising rent"))
    assert form.is_valid(), form.errors
    assert form.values()["issues"] == ["housing", "grief", "rising rent"]


def test_gender_and_race_are_chosen_from_the_list_or_written_freely() -> None:
    form = ClientForm(profile(gender="woman", race="Romani"))
    assert form.is_valid()
    assert (form.values()["gender"], form.values()["race"]) == ("woman", "Romani")
    assert 'value="Woman"' in str(form["gender"])
    assert "<datalist" in str(form["gender"])
    with translation.override("es"):
        form = ClientForm(profile(gender="Woman"))
        assert form.is_valid()


def test_a_gender_box_that_was_not_sent_is_empty() -> None:
    form = ClientForm(profile())
    assert form.is_valid()
    assert form.values()["gender"] == ""
    assert 'name="gender"' in str(form["gender"])


def test_a_client_who_speaks_first_needs_a_line() -> None:
    assert list(errors(client_speaks_first="on")) == ["opening_line"]
    assert errors(client_speaks_first="on", opening_line="Morning.") == {}
    assert list(errors(client_speaks_first="on", opening_line="x" * 501)) == ["opening_line"]


@pytest.mark.parametrize(
    ("field", "limit"),
    [
        ("name", 100),
        ("reason", 200),
        ("background", 8_000),
        ("scenario", 1_000),
        ("challenges", 2_000),
        ("content_note", 300),
    ],
)
def test_a_text_over_its_limit_is_refused_with_the_limit_and_kept(field: str, limit: int) -> None:
    text = "x" * (limit + 1)
    form = ClientForm(profile(**{field: text}))
    assert f"at most {limit} characters" in str(form.errors[field])
    assert str(limit + 1) in str(form.errors[field])
    assert text in str(form[field])
    assert "maxlength" not in str(form[field])


@pytest.mark.parametrize("text", ["a\x00b", "a\ud800b"])
@pytest.mark.parametrize("field", ["name", "background", "gender", "own_traits"])
def test_text_that_no_database_keeps_is_refused(field: str, text: str) -> None:
    assert field in errors(**{field: text})


def test_emoji_and_right_to_left_text_are_kept() -> None:
    refuse_unstorable("👩‍👧 \u202eabc")
    form = ClientForm(profile(background="👩‍👧 \u202eשלום\r\nTwo lines\rthree"))
    assert form.is_valid()
    assert form.values()["background"] == "👩‍👧 \u202eשלום\nTwo lines\nthree"


def test_own_words_have_limits_that_are_named() -> None:
    assert "At most 12, and here are 13." in errors(own_issues=",".join("abcdefghijklm"))["own_issues"]
    assert "At most 80 characters each" in errors(own_issues="x" * 81)["own_issues"][0]


def test_an_existing_client_is_shown_as_it_is(client_profile: ClientProfile) -> None:
    client_profile.traits, client_profile.issues = ["warm", "slow to trust"], ["housing", "rising rent"]
    form = ClientForm(instance=client_profile)
    assert form["traits"].value() == ["warm"]
    assert 'value="slow to trust"' in str(form["own_traits"])
    assert 'value="rising rent"' in str(form["own_issues"])
    assert form["revision"].value() == 0


def test_a_draft_is_shown_without_errors_and_without_loss() -> None:
    form = ClientForm(profile(name="Tom", age="200", reason=""), draft=True)
    rows = FactFormSet(facts({"topic": "rent", "DELETE": "on"}), draft=True)
    assert not form.errors
    assert not any(rows.errors)
    assert 'value="200"' in str(form["age"])
    assert 'value="rent"' in str(rows.forms[0]["topic"])


def test_facts_are_read_from_the_rows_that_were_written_in() -> None:
    rows = FactFormSet(
        facts(
            {"topic": " ", "depth": "real"},
            {
                "topic": "rent",
                "text": "It is late.",
                "variants": "Two months.\n\nIt is late.\nThree.",
                "keywords": "Rent, landlord",
            },
            {"topic": "gone", "text": "Gone.", "DELETE": "on"},
            {"topic": "brother", "depth": "real", "text": "I gave it to him."},
            {"topic": "debt", "depth": "real", "unlock": "75", "text": "I owe."},
        )
    )
    assert rows.is_valid(), rows.errors
    assert rows.facts() == [
        Fact("rent", "surface", 10, ("It is late.", "Two months.", "Three."), ("rent", "landlord")),
        Fact("brother", "real", 60, ("I gave it to him.",)),
        Fact("debt", "real", 75, ("I owe.",)),
    ]


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ({"topic": "rent"}, "text"),
        ({"text": "It is late."}, "topic"),
        ({"topic": "rent", "text": "x", "unlock": "36"}, "unlock"),
        ({"topic": "rent", "text": "x", "unlock": "49", "depth": "real"}, "unlock"),
        ({"topic": "rent", "text": "x", "unlock": "101"}, "unlock"),
        ({"topic": "rent", "text": "x", "depth": "deep"}, "depth"),
        ({"topic": "x" * 81, "text": "x"}, "topic"),
        ({"topic": "rent", "text": "x" * 1_001}, "text"),
        ({"topic": "rent", "text": "x", "variants": "\n".join("abcdefghijklm")}, "variants"),
        ({"topic": "rent", "text": "x", "keywords": "x" * 61}, "keywords"),
        ({"topic": "a\ud800", "text": "x"}, "topic"),
    ],
)
def test_a_fact_that_breaks_a_rule_names_the_field(row: dict[str, str], field: str) -> None:
    rows = FactFormSet(facts(row))
    assert not rows.is_valid()
    assert list(rows.errors[0]) == [field]


def test_facts_of_a_client_stand_in_rows_with_two_to_spare() -> None:
    rows = FactFormSet(facts=[Fact("rent", "surface", 5, ("It is late.", "Two months."), ("rent", "flat"))])
    assert len(rows.forms) == 3
    html = str(rows.forms[0])
    for part in ('value="rent"', 'value="5"', "It is late.", "Two months.", 'value="rent, flat"'):
        assert part in html


def test_too_many_facts_are_refused_with_the_limit() -> None:
    row = {"topic": "rent", "text": "x"}
    rows = FactFormSet(facts(*[row] * (FACTS_MAX + 1)))
    assert not rows.is_valid()
    assert "at most 40 facts" in str(rows.non_form_errors())
    assert len(rows.forms) == FACTS_MAX + 1


def test_another_row_is_added_only_where_it_was_asked_for() -> None:
    assert with_another_row(QueryDict("facts-TOTAL_FORMS=2&add_fact=yes"))["facts-TOTAL_FORMS"] == "3"
    for query in ("facts-TOTAL_FORMS=2", "facts-TOTAL_FORMS=many&add_fact=yes", "add_fact=yes", ""):
        assert with_another_row(QueryDict(query)) == QueryDict(query)


def test_the_prompt_has_a_limit_and_only_offered_models() -> None:
    form = PromptForm({"override": "x" * 20_001, "model": "unknown", "revision": "0"}, models=["known"])
    assert set(form.errors) == {"override", "model"}
    assert PromptForm({"override": "", "model": "", "revision": "0"}, models=["known"]).is_valid()


@pytest.mark.parametrize("query", ["tab=nonsense&domain=x&sort=z&q=%00", ""])
def test_filters_that_make_no_sense_are_ignored(query: str) -> None:
    assert FilterForm(QueryDict(query)).chosen() == {"tab": "mine", "sort": "name"}


def test_filters_that_make_sense_are_kept() -> None:
    chosen = FilterForm(
        QueryDict("tab=builtin&q= ana &domain=health&difficulty=gentle&language=es&sort=-updated_at")
    ).chosen()
    assert chosen == {
        "tab": "builtin", "q": "ana", "domain": "health", "difficulty": "gentle", "language": "es",
        "sort": "-updated_at",
    }  # fmt: skip


def test_a_number_out_of_range_is_told_with_its_limits_and_without_jargon() -> None:
    for age in ("0", "-1", "121", "old"):
        assert errors(age=age) == {"age": ["Age is a number from 1 to 120."]}
    rows = FactFormSet(facts({"topic": "rent", "text": "It is due.", "unlock": "101"}))
    assert not rows.is_valid()
    assert rows.forms[0].errors == {"unlock": ["Trust is a number from 0 to 100."]}


def test_text_that_no_database_keeps_is_refused_in_plain_words() -> None:
    assert errors(name="T\0m") == {"name": ["This text has damaged characters. Type or paste it again."]}
