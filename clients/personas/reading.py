"""Personas as text: Markdown with front matter in TOML, read and checked as a whole."""

import re
import tomllib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from clients.personas.criteria import CRITERIA
from clients.personas.learner import LANGUAGES

FOLDER = Path(__file__).parent / "files"
GLOBAL = "global"
SECTIONS = (
    "Style", "Precedence", "Guardrails", "Edge cases", "Clarification", "Success criteria", "Cultural notes",
)  # fmt: skip
GLOBAL_SECTIONS = ("Role", "Precedence", "Guardrails", "Clarification", "Form")
NOTES = "Cultural notes"
FIELDS = ("subject", "learner_level", "language")
TEXT_MAX = 20_000
# Names and sentences of the front matter, and how long each may be.
HEAD = {"title": 60, "summary": 200, "greeting": 300}
SAMPLE = {"learner": 300, "tutor": 600}
_FRONT = re.compile(r"\A\+\+\+\n(.*?)\n\+\+\+\n", re.DOTALL)
_FENCED = re.compile(rf"<({'|'.join(FIELDS)})>\{{\1\}}</\1>")
_UNFIT = re.compile(r"[<>{}\u2028\u2029]")
_BRACES = re.compile(r"[{}]")


class PersonaError(Exception):
    """This text is no persona; `problems` says all that is wrong with it, in plain words."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Sample:
    """An exchange that shows how a persona talks: what a learner says, and the reply."""

    learner: str
    tutor: str


@dataclass(frozen=True, slots=True)
class Persona:
    """A way to teach: its words for learners, its text by section, a note for each language, and its thresholds.

    `criteria` names what is measured (clients.personas.criteria) and from or up to which value it is met.
    """

    key: str
    title: str
    summary: str
    greeting: str
    order: int
    sections: Mapping[str, str]
    notes: Mapping[str, str]
    criteria: Mapping[str, float]
    sample: Sample | None = None


def read(key: str, text: str) -> Persona:
    """The persona that this text is. Raises PersonaError with everything that is wrong."""
    head, body, problems = _split(text)
    sections = _headed(body, "## ")
    notes = _headed(sections.get(NOTES, ""), "### ")
    # Of a front matter that cannot be read, nothing is missing before it can.
    problems += _wrong_with_head(head) if head or not problems else []
    problems += _wrong_with_parts(sections, SECTIONS, "##")
    problems += _wrong_with_parts(notes, tuple(LANGUAGES), "###")
    problems += _wrong_with_fields(body)
    if problems:
        raise PersonaError(problems)
    return Persona(
        key=key,
        **{name: head[name].strip() for name in HEAD},
        order=head.get("order", 0),
        sections={name: sections[name] for name in SECTIONS if name != NOTES},
        notes=notes,
        criteria={name: float(value) for name, value in head["criteria"].items()},
        sample=Sample(**{name: head["sample"][name].strip() for name in SAMPLE}) if "sample" in head else None,
    )


@cache
def built_in() -> Mapping[str, Persona]:
    """The personas that come with the portal, by key, in their order."""
    keys = (file.stem for file in FOLDER.glob("*.md") if file.stem != GLOBAL)
    personas = (read(key, built_in_text(key)) for key in keys)
    return {persona.key: persona for persona in sorted(personas, key=lambda one: one.order)}


def built_in_text(key: str) -> str:
    """The text of a persona that comes with the portal, as it was written."""
    return (FOLDER / f"{key}.md").read_text(encoding="utf-8")


@cache
def global_guidelines() -> Mapping[str, str]:
    """What holds over every persona, by section."""
    _head, body, problems = _split(built_in_text(GLOBAL))
    sections = _headed(body, "## ")
    problems += _wrong_with_parts(sections, GLOBAL_SECTIONS, "##")
    if _BRACES.search(body):
        problems.append(_("The global guidelines have no fields."))
    if problems:
        raise PersonaError(problems)
    return sections


def _split(text: str) -> tuple[dict[str, Any], str, list[str]]:
    """Front matter and body, and what is wrong with either so far."""
    text = text.replace("\r\n", "\n")
    problems: list[str] = []
    if len(text) > TEXT_MAX:
        # What reads it takes its time with more.
        raise PersonaError([_("Write %(limit)d characters at most.") % {"limit": TEXT_MAX}])
    front = _FRONT.match(text)
    if front is None:
        return {}, text, [*problems, _("Begin with the front matter: a line +++, its fields, and a line +++.")]
    try:
        head = tomllib.loads(front[1])
    except (ValueError, RecursionError) as error:  # tomllib gives up so on numbers and lists beyond all measure
        head = {}
        problems.append(_("The front matter cannot be read: %(why)s.") % {"why": error})
    return head, text[front.end() :], problems


def _headed(text: str, mark: str) -> dict[str, str]:
    """The text under each heading of this mark, in one line or more; a heading that comes twice keeps both."""
    found: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in text.splitlines():
        if line.startswith(mark):
            lines = found.setdefault(line.removeprefix(mark).strip(), [])
        else:
            lines.append(line)
    return {name: "\n".join(lines).strip() for name, lines in found.items()}


def _wrong_with_head(head: Mapping[str, Any]) -> list[str]:
    problems = _wrong_with_texts(head, HEAD)
    # It stands in the prompt, where braces are fields, lines are headings and marks are fences.
    title = str(head.get("title", ""))
    if _UNFIT.search(title) or any(unicodedata.category(sign)[0] == "C" for sign in title):
        problems.append(_("Front matter: “title” stands on one line, without < > { } and control characters."))
    if type(head.get("order", 0)) is not int:
        problems.append(_("Front matter: “order” is a whole number."))
    problems += _unknown(head, {*HEAD, "order", "criteria", "sample"})
    return [*problems, *_wrong_with_criteria(head.get("criteria")), *_wrong_with_sample(head.get("sample"))]


def _wrong_with_texts(found: Mapping[str, Any], limits: Mapping[str, int], inside: str = "") -> list[str]:
    problems = []
    for name, most in limits.items():
        value, called = found.get(name), f"{inside}{name}"
        if not isinstance(value, str) or not value.strip():
            problems.append(_("Front matter: “%(name)s” is missing.") % {"name": called})
        elif len(value) > most:
            words = _("Front matter: “%(name)s” has %(limit)d characters at most.")
            problems.append(words % {"name": called, "limit": most})
    return problems


def _unknown(found: Mapping[str, Any], known: set[str], inside: str = "") -> list[str]:
    names = (f"{inside}{name}" for name in sorted(found.keys() - known))
    return [_("Front matter: there is no field “%(name)s”.") % {"name": name} for name in names]


def _wrong_with_sample(sample: Any) -> list[str]:
    if sample is None:
        return []
    if not isinstance(sample, dict):
        return [_("Front matter: write the sample under [sample], as “learner” and “tutor”.")]
    return [*_wrong_with_texts(sample, SAMPLE, "sample."), *_unknown(sample, set(SAMPLE), "sample.")]


def _wrong_with_criteria(criteria: Any) -> list[str]:
    if not isinstance(criteria, dict) or not criteria:
        return [_("Front matter: name at least one success criterion under [criteria].")]
    problems = []
    for name, value in criteria.items():
        known = CRITERIA.get(name)
        if known is None:
            words = _("Criterion “%(name)s” is none that is measured. There are: %(known)s.")
            problems.append(words % {"name": name, "known": ", ".join(CRITERIA)})
        elif type(value) not in {int, float} or not 0 <= value <= known.most:
            words = _("Criterion “%(name)s” needs a number from 0 to %(most)g.")
            problems.append(words % {"name": name, "most": known.most})
    return problems


def _wrong_with_parts(found: Mapping[str, str], wanted: tuple[str, ...], mark: str) -> list[str]:
    missing = [name for name in wanted if not found.get(name)]
    unknown = [name for name in found if name not in wanted]
    return [
        *(_("The part “%(mark)s %(name)s” is missing or empty.") % {"mark": mark, "name": name} for name in missing),
        *(_("There is no part “%(mark)s %(name)s”.") % {"mark": mark, "name": name} for name in unknown),
    ]


def _wrong_with_fields(body: str) -> list[str]:
    """Whether every field is known and fenced: what a learner typed must not stand bare in a prompt."""
    # In one pass: what is left must not close up into a fence.
    body = _FENCED.sub("", body)
    bare = sorted(set(re.findall(r"\{[^{}\n]{0,40}\}?|\}", body)))
    words = _("“%(field)s” is no field in its fence, such as <subject>{subject}</subject>. There are: %(known)s.")
    return [words % {"field": field, "known": ", ".join(FIELDS)} for field in bare]
