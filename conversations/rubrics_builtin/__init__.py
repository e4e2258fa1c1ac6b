"""The built-in rubrics: one TOML file each, in our own words, read and checked here."""

import tomllib
from functools import cache
from pathlib import Path

from conversations.scores import RubricValue

FOLDER = Path(__file__).parent


@cache
def load_rubrics() -> dict[str, RubricValue]:
    """All built-in rubrics by slug (the file's name without ending); ValueError names the file that is wrong."""
    return {path.stem: read_rubric(path) for path in sorted(FOLDER.glob("*.toml"))}


def read_rubric(path: Path) -> RubricValue:
    """One file, checked; ValueError names the file, and the criterion that says too little."""
    try:
        value = RubricValue.from_json(tomllib.loads(path.read_text(encoding="utf-8")))
    except (KeyError, ValueError) as error:
        raise ValueError(f"{path.name}: {error}") from error
    for criterion in value.criteria:
        if not criterion.name.strip() or not criterion.points or not all(map(str.strip, criterion.descriptions)):
            raise ValueError(f"{path.name}: {criterion.name!r} needs four descriptions and points to look for")
    return value
