"""A roster gone through once: counted for its preview, and written down as a plan for the job that imports it.

The plan is a file of JSON lines, so that a step finds its place by an offset and never holds the whole: a section
before the rows about it, and in the end, where it was chosen, who stays in each section.
"""

import json
import uuid
from collections import defaultdict
from dataclasses import dataclass, field
from typing import IO, Any

from accounts.models import Enrolment, Section, User
from accounts.roster import Problem, RosterRow
from accounts.services.rosters.batch import Batch, Decision
from accounts.services.rosters.opening import OpenRoster
from accounts.services.rosters.rows import PlannedRow, place_of
from accounts.services.rosters.sections import PlannedSection, Sections

# So many rows and problems a preview shows; on a phone a row is a card.
ROWS_SHOWN = 6
PROBLEMS_SHOWN = 10


@dataclass(slots=True)
class Survey:
    """What is in a roster. leaving: students of its sections who are not in it, 0 where nobody can tell."""

    rows: int = 0
    wrong: int = 0
    problems: list[Problem] = field(default_factory=list)
    sections: list[PlannedSection] = field(default_factory=list)
    sample: list[Decision] = field(default_factory=list)
    leaving: int = 0

    @property
    def good(self) -> int:
        """Rows that can be read."""
        return self.rows - self.wrong

    @property
    def new_sections(self) -> int:
        """Sections that the import makes."""
        return sum(section.is_new for section in self.sections)


class _Members:
    """Who is in the file, section by section, to tell who is not."""

    def __init__(self) -> None:
        self.of: defaultdict[uuid.UUID, set[str]] = defaultdict(set)

    def add(self, row: RosterRow, section: PlannedSection) -> None:
        """The person of this row stays in this section, by the address or by the sourcedId."""
        if row.active and not section.is_new:
            self.of[section.pk].update(word for word in (row.email, row.file and row.external_id) if word)

    def missing(self) -> int:
        """How many students are in these sections and not in the file; one query."""
        seats = Enrolment.objects.filter(section__in=list(self.of), removed_at=None)
        values = seats.values_list("section", "student__email", "student__roster_key__key")
        return sum(self.of[section].isdisjoint({email, key}) for section, email, key in values.iterator())


class _Walk:
    """One way through a roster: what was seen so far, and where it is written down."""

    def __init__(self, by: User, opened: OpenRoster, plan: IO[str] | None) -> None:
        self.by, self.opened, self._plan = by, opened, plan
        self.found = Survey()
        self._sections, self._members = Sections(by, opened), _Members()
        self._first: list[PlannedRow] = []
        self._written: set[uuid.UUID] = set()

    def begin(self) -> None:
        """What a OneRoster zip says before its people: sections, and what is wrong with it."""
        if self.opened.oneroster is None:
            return
        for section in self._sections.all():
            self._write_section(section)
        for problem in self.opened.oneroster.problems:
            self.found.problems.append(problem)
            place = place_of(problem.field, problem.file)
            self._write("problem", {"row": problem.row, "field": place, "message": problem.message})

    def take(self, row: RosterRow) -> None:
        """The next row."""
        section, problem = (None, None) if row.problems else self._sections.of(row)
        if not row.active and (problem or (section and section.archive)):
            return  # nobody has to leave a section that was never here, or that goes as a whole
        planned = PlannedRow.of(row, section.pk if section else None, problem)
        self._count(planned)
        if section is not None:
            section.rows += 1
            if section.is_new:
                self._write_section(section)
            self._members.add(row, section)
        self._write("row", planned.to_json())

    def end(self) -> Survey:
        """What was found."""
        found, choices = self.found, self.opened.choices
        found.sections = self._sections.all()
        # Where a row cannot be read nobody knows whom it is about: perhaps one of those who seem to be missing.
        if self.opened.is_complete and not found.wrong:
            found.leaving = self._members.missing()
            for pk, people in self._members.of.items() if choices.remove else ():
                self._write("members", {"section": str(pk), "people": sorted(people)})
        found.problems = found.problems[:PROBLEMS_SHOWN]
        # The plan has only sections that this person sees, or that are to be made.
        sections = {one.pk: Section(pk=one.pk, name=one.name) for one in found.sections}
        found.sample = Batch(by=self.by, rows=self._first, sections=sections, rename=choices.rename).decisions
        return found

    def _count(self, row: PlannedRow) -> None:
        self.found.rows += 1
        if len(self._first) < ROWS_SHOWN:
            self._first.append(row)
        if row.problem is not None:
            self.found.wrong += 1
            if len(self.found.problems) < PROBLEMS_SHOWN:
                self.found.problems.append(Problem(row.number, *row.problem, file=row.file))

    def _write_section(self, section: PlannedSection) -> None:
        if section.pk not in self._written:
            self._written.add(section.pk)
            self._write("section", section.to_json())

    def _write(self, kind: str, data: dict[str, Any]) -> None:
        if self._plan is not None:
            self._plan.write(json.dumps({"kind": kind, **data}, separators=(",", ":")) + "\n")


def survey(by: User, opened: OpenRoster, plan: IO[str] | None = None) -> Survey:
    """Go through the roster; with `plan` also write it down. Nothing else is written. Raises RosterError.

    A handful of queries, whatever the number of rows.
    """
    walk = _Walk(by, opened, plan)
    walk.begin()
    for row in opened.rows():
        walk.take(row)
    return walk.end()
