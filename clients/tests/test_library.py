"""What the built-in clients promise, and how a wrong library file is refused."""

from pathlib import Path

import pytest

from clients.library import load_library, read_client
from clients.vocabulary import ACTS, DIFFICULTIES, DOMAINS

FACTS = "\n".join(
    f"""
[[facts]]
topic = "topic {number}"
depth = "{"surface" if number < 5 else "real"}"
unlock = {10 if number < 5 else 60}
lines = ["I know thing number {number}.", "And a second thing of {number}."]
"""
    for number in range(8)
)
FILE = f"""
name = "Ada Low"
age = 40
pronouns = "she/her"
traits = ["warm", "proud"]
background = "{"word " * 150}"
communication_style = "brief"
scenario = "A waiting room."
reason = "A letter came."
challenges = "She is slow to speak."
content_note = "Talks about letters."
{FACTS}
[script]
greeting = ["Hello there.", "You found me."]
"""


def write(folder: Path, old: str = "", new: str = "") -> Path:
    assert old in FILE
    path = folder / "ada-low.toml"
    path.write_text(FILE.replace(old, new, 1), encoding="utf-8")
    return path


def test_a_library_file_gives_its_slug_note_and_client(tmp_path: Path) -> None:
    client = read_client(write(tmp_path))
    assert (client.slug, client.content_note, client.snapshot.name) == ("ada-low", "Talks about letters.", "Ada Low")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('name = "Ada Low"', "name = 3", "name: expected text"),
        ('name = "Ada Low"', "name = ", "Invalid value"),
        ('"Talks about letters."', "5", "content_note: expected text"),
        ('"A letter came."', '" "', "reason: may not be empty"),
        ("age = 40", 'age = 40\ndomain = "cooking"', "domain: expected one of"),
        ("age = 40", 'age = 40\ndifficulty = "easy"', "difficulty: expected one of"),
        ("age = 40", "age = 40\nclient_speaks_first = true", "opening_line: may not be empty"),
        ('"warm", "proud"', '"warm"', "traits: expected 2 to 5, got 1"),
        ("word word word", "word", "background: expected 150 words, got 148"),
        (FACTS, "", "facts: expected 8, got 0"),
        ("unlock = 60", "unlock = 40", "'topic 5' is real but unlocks at 40"),
        ('"You found me."', '"hello, there"', "stands twice"),
        ('"You found me."', '"Hello there."', "stands twice"),
        ('"You found me."', '"I know thing number 3."', "script.greeting: the line .* stands twice, also in facts"),
        ("greeting = ", "waving = ", "script.waving: unknown act"),
    ],
)
def test_a_wrong_library_file_is_refused_with_its_name_and_field(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    with pytest.raises(ValueError, match=rf"ada-low.toml: .*{message}"):
        read_client(write(tmp_path, old, new))


def test_facts_have_both_depths(tmp_path: Path) -> None:
    path = write(tmp_path)
    path.write_text(FILE.replace('"real"', '"surface"').replace("= 60", "= 20"), encoding="utf-8")
    with pytest.raises(ValueError, match="facts: none of depth 'real'"):
        read_client(path)


def test_the_library_holds_at_least_ten_clients_of_every_domain_and_difficulty() -> None:
    clients = [client.snapshot for client in load_library()]
    assert len(clients) >= 10
    assert {client.domain for client in clients} == set(DOMAINS)
    assert {client.difficulty for client in clients} == set(DIFFICULTIES)
    assert len({client.name for client in clients}) == len(clients)


def test_every_built_in_client_has_lines_of_their_own_for_every_act() -> None:
    for client in load_library():
        assert set(client.snapshot.script) == set(ACTS), client.slug
        assert all(
            len(lines) >= (2 if act in {"leaving", "agreeing"} else 4) for act, lines in client.snapshot.script.items()
        ), client.slug
