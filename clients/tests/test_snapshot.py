"""What a snapshot promises: a faithful round trip, and errors that name the field."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.snapshot import ClientSnapshot, Fact
from clients.vocabulary import DEPTHS

words = st.text(min_size=1).filter(lambda text: bool(text.strip()))
facts = st.builds(
    Fact,
    topic=words,
    depth=st.sampled_from(DEPTHS),
    unlock=st.integers(0, 100),
    lines=st.lists(words, min_size=1, max_size=3).map(tuple),
    keywords=st.lists(words, max_size=3).map(tuple),
)
snapshots = st.builds(
    ClientSnapshot,
    name=words,
    age=st.integers(1, 120),
    gender=st.text(),
    issues=st.lists(st.text(), max_size=3).map(tuple),
    traits=st.lists(st.text(), max_size=5).map(tuple),
    background=st.text(),
    client_speaks_first=st.booleans(),
    facts=st.lists(facts, max_size=3).map(tuple),
    script=st.dictionaries(words, st.lists(words, max_size=2).map(tuple), max_size=2),
)


@given(snapshots)
def test_a_snapshot_survives_the_way_through_json(snapshot: ClientSnapshot) -> None:
    assert ClientSnapshot.from_json(snapshot.to_json()) == snapshot


def test_absent_fields_take_their_defaults() -> None:
    snapshot = ClientSnapshot.from_json({"name": "Ada", "age": 30})
    assert (snapshot.language, snapshot.difficulty, snapshot.facts, snapshot.script) == ("en", "moderate", (), {})


FACT: dict[str, Any] = {"topic": "work", "depth": "surface", "unlock": 5, "lines": ["I work."]}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": 3}, "name: expected text, got int"),
        ({"name": "  "}, "name: may not be empty"),
        ({"age": "30"}, "age: expected a whole number, got str"),
        ({"age": True}, "age: expected a whole number, got bool"),
        ({"age": 121}, "age: expected 1 to 120, got 121"),
        ({"reason": None}, "reason: expected text, got NoneType"),
        ({"traits": "warm"}, "traits: expected a list of texts, got str"),
        ({"issues": [1]}, "issues: expected text, got int"),
        ({"client_speaks_first": 1}, "client_speaks_first: expected true or false, got int"),
        ({"shoe_size": 44}, "shoe_size: unknown field"),
        ({"facts": {}}, "facts: expected a list, got dict"),
        ({"facts": ["x"]}, r"facts\[1\]: expected a table, got str"),
        ({"facts": [FACT, {**FACT, "topic": " "}]}, r"facts\[2\].topic: may not be empty"),
        ({"facts": [{**FACT, "depth": "deep"}]}, r"facts\[1\].depth: expected one of surface, real, got 'deep'"),
        ({"facts": [{**FACT, "unlock": 101}]}, r"facts\[1\].unlock: expected 0 to 100, got 101"),
        ({"facts": [{**FACT, "lines": []}]}, r"facts\[1\].lines: expected at least one line"),
        ({"facts": [{**FACT, "lines": ["a", ""]}]}, r"facts\[1\].lines: expected at least one line"),
        ({"facts": [{**FACT, "mood": "x"}]}, r"facts\[1\].mood: unknown field"),
        ({"script": []}, "script: expected a table of acts, got list"),
        ({"script": {"greeting": "hi"}}, "script.greeting: expected a list of texts, got str"),
    ],
)
def test_a_wrong_field_is_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ClientSnapshot.from_json({"name": "Ada", "age": 30, **change})
