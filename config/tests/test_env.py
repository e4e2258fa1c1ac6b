"""Settings are read with their types, and a wrong one stops the start with its name."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from config.env import Reader


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Reader]:
    """A reader of an environment in which X has the given value."""

    def with_x(value: str) -> Reader:
        monkeypatch.setenv("X", value)
        return Reader()

    return with_x


Case = tuple[Callable[[Reader], Any], str, Any]


@pytest.mark.parametrize(
    ("ask", "value", "answer"),
    [
        (lambda r: r.text("X"), "a", "a"),
        (lambda r: r.text("X", "b"), "", "b"),
        (lambda r: r.boolean("X", default=False), "Yes", True),
        (lambda r: r.boolean("X", default=True), "off", False),
        (lambda r: r.boolean("X", default=True), "", True),
        (lambda r: r.integer("X", 3), "7", 7),
        (lambda r: r.integer("X", 3), "", 3),
        (lambda r: r.seconds("X", 3.0), "0.5", 0.5),
        (lambda r: r.listed("X", ["z"]), "a, b,,c ", ["a", "b", "c"]),
        (lambda r: r.listed("X", ["z"]), "", ["z"]),
        (lambda r: r.choice("X", "a", ("a", "b")), "b", "b"),
        (lambda r: r.url("X", "", ("https",)), "https://a.example", "https://a.example"),
        (lambda r: r.url("X", "", ("https",)), "", ""),
        (lambda r: r.database("X", "sqlite:///x")["NAME"], "postgres://u@h:5432/school", "school"),
        (lambda r: r.mail("X", "consolemail://")["EMAIL_HOST"], "smtp+tls://u:p@mail.example:587", "mail.example"),
    ],
)
def test_a_good_value_is_read_with_its_type(
    read: Callable[[str], Reader], ask: Callable[[Reader], Any], value: str, answer: Any
) -> None:
    assert ask(read(value)) == answer


@pytest.mark.parametrize(
    ("ask", "value"),
    [
        (lambda r: r.text("X"), ""),
        (lambda r: r.boolean("X", default=False), "maybe"),
        (lambda r: r.integer("X", 3), "seven"),
        (lambda r: r.integer("X", 3, minimum=5), "4"),
        (lambda r: r.integer("X", 3, maximum=5), "6"),
        (lambda r: r.seconds("X", 3.0), "soon"),
        (lambda r: r.choice("X", "a", ("a", "b")), "c"),
        (lambda r: r.url("X", "", ("https",)), "ftp://a.example"),
        (lambda r: r.database("X", "sqlite:///x"), "mysql://u@h/db"),
        (lambda r: r.mail("X", "consolemail://"), "carrier-pigeon://coop"),
    ],
)
def test_a_wrong_value_stops_the_start_and_names_the_variable(
    read: Callable[[str], Reader], ask: Callable[[Reader], Any], value: str
) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"^X "):
        ask(read(value))


def test_the_environment_wins_over_the_env_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / ".env"
    file.write_text("X=file\nRAPPORT_ONLY_IN_FILE=file\n")
    monkeypatch.setenv("X", "environment")
    monkeypatch.delenv("RAPPORT_ONLY_IN_FILE", raising=False)
    reader = Reader(file)
    assert reader.text("X") == "environment"
    assert reader.text("RAPPORT_ONLY_IN_FILE") == "file"
    monkeypatch.delenv("RAPPORT_ONLY_IN_FILE")
