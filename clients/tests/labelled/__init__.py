"""Messages labelled by hand, and how well the rules do on them. `python -m clients.tests.labelled` prints it.

Each set lies in two halves, split at random: rules may be written with "dev" in sight, "held" is for measuring alone.
One hand wrote and labelled them all: agreement here is with one reader, on messages that no student has sent.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

HALVES = ("dev", "held")


def read(name: str) -> list[dict[str, Any]]:
    """The messages of `<name>.toml` in this folder, as written there."""
    path = Path(__file__).parent / f"{name}.toml"
    messages: list[dict[str, Any]] = tomllib.loads(path.read_text(encoding="utf-8"))["messages"]
    return messages
