"""OneRoster 1.1 and 1.2 as a zip of CSV files: its sections, and its people as the same rows as any table's."""

import datetime as dt
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field
from typing import IO

from django.utils.translation import gettext as _

from accounts.roster.archive import Archive, Record, ZipLimits
from accounts.roster.problems import Problem, RosterError
from accounts.roster.rows import LONGEST_CODE, LONGEST_TERM, Cells, Known, RosterRow
from accounts.roster.words import Field, Role

VERSIONS = ("1.1", "1.2")
MANIFEST = "manifest.csv"
# The files that are read, and the columns without which they cannot be. Names are case-sensitive.
FILES: dict[str, tuple[str, ...]] = {
    "orgs": ("sourcedId",),
    "academicSessions": ("sourcedId", "title"),
    "courses": ("sourcedId",),
    "classes": ("sourcedId", "title"),
    "users": ("sourcedId", "givenName", "familyName", "email"),
    "roles": ("userSourcedId", "role"),
    "enrollments": ("classSourcedId", "userSourcedId", "role"),
}
MODES = frozenset({"bulk", "delta", "absent"})

ROLES = {"student": Role.STUDENT, "teacher": Role.TEACHER, "aide": Role.ASSISTANT, "proctor": Role.ASSISTANT}
# Known, and no part of a section here: their rows are passed over.
OTHER_ROLES = frozenset(
    {
        *("administrator", "counselor", "districtadministrator", "guardian", "parent", "principal", "relative"),
        *("siteadministrator", "systemadministrator"),
    }
)


@dataclass(frozen=True, slots=True)
class RosterTerm:
    """An academic session of OneRoster; `key` is its sourcedId."""

    key: str
    name: str
    starts_on: dt.date | None
    ends_on: dt.date | None


@dataclass(frozen=True, slots=True)
class RosterSection:
    """A class of OneRoster; `key` is its sourcedId, which rows name as their section. "" and None are not told.

    `term` is the first of its terms, the days are those of all of them.
    """

    key: str
    name: str
    course_code: str = ""
    term: RosterTerm | None = None
    starts_on: dt.date | None = None
    ends_on: dt.date | None = None
    active: bool = True


@dataclass(slots=True)
class _Person:
    """What enrolments need to know of a row of users.csv."""

    email: str
    name: str
    given_name: str
    family_name: str
    active: bool
    sound: bool


@dataclass(frozen=True, slots=True)
class OneRoster:
    """An opened zip. `modes` says of each file in FILES whether it is bulk (all there is), delta or absent.

    `sections` and `problems` (those of the zip, its manifest and all files but users and enrollments) are read
    already; `row_count` is how many rows of people and enrolments `rows` has to go through, for progress.
    """

    version: str
    modes: Mapping[str, str]
    sections: tuple[RosterSection, ...]
    problems: tuple[Problem, ...]
    row_count: int
    _archive: Archive = field(repr=False)

    def rows(self) -> Iterator[RosterRow]:
        """First a row without section for each student, teacher and aide, then one for each enrolment.

        `external_id` is the sourcedId of the person. In a delta an enrolment may name people and classes that the
        zip does not hold; its e-mail is then "". Nothing is raised for a bad row, `RosterError` for a zip that breaks.
        """
        people: dict[str, _Person] = {}
        if self.modes["users"] != "absent":
            yield from self._people(people)
        if self.modes["enrollments"] != "absent":
            yield from self._enrolments(people)

    def _people(self, people: dict[str, _Person]) -> Iterator[RosterRow]:
        roles = self._roles()
        known = Known()
        for record in self._archive.records("users"):
            cells = Cells(record.number, "users.csv")
            active = _is_active(record, cells) and record["enabledUser"].lower() != "false"
            key = _key(record, "sourcedId", cells, taken=people)
            given = cells.text(Field.GIVEN_NAME, record["preferredGivenName"] or record["givenName"])
            family = cells.text(Field.FAMILY_NAME, record["preferredFamilyName"] or record["familyName"])
            word = roles.get(record["sourcedId"], "") if self.version != "1.1" else record["role"]
            told = self.modes["roles"] == "bulk" or self.version == "1.1"
            role, takes_part = _role_of(word, cells, required=active and told)
            address = record["email"] or (record["username"] if "@" in record["username"] else "")
            # Guardians are often without an address, and nobody needs one to be taken away.
            email = cells.email(address, required=takes_part and active)
            if (
                not cells.problems
                and email
                and (found := known.problem(number=record.number, person=email, section=""))
            ):
                cells.report(*found)
            name = f"{given} {family}".strip()
            if key and key not in people:
                people[key] = _Person(email, name, given, family, active, sound=not cells.problems)
            if takes_part or cells.problems:
                yield RosterRow(
                    number=record.number,
                    email=email,
                    name=name,
                    given_name=given,
                    family_name=family,
                    external_id=key,
                    role=role,
                    active=active,
                    file="users.csv",
                    problems=tuple(cells.problems),
                )

    def _enrolments(self, people: dict[str, _Person]) -> Iterator[RosterRow]:
        sections = {section.key: section.active for section in self.sections}
        known = Known()
        nobody = _Person("", "", "", "", active=True, sound=True)
        for record in self._archive.records("enrollments"):
            cells = Cells(record.number, "enrollments.csv")
            active = _is_active(record, cells)
            role, takes_part = _role_of(record["role"], cells, required=active)
            if not takes_part and not cells.problems:
                continue
            if role is Role.TEACHER and record["primary"].lower() == "false":
                role = Role.ASSISTANT
            key, section = (_key(record, column, cells) for column in ("userSourcedId", "classSourcedId"))
            person = people.get(key, nobody)
            if key and person is nobody and self.modes["users"] == "bulk":
                cells.report(Field.EXTERNAL_ID, _("users.csv has nobody with this userSourcedId."))
            if not person.sound:
                cells.report(Field.EXTERNAL_ID, _("The row of this person in users.csv has a problem."))
            if section and section not in sections and self.modes["classes"] == "bulk":
                cells.report(Field.SECTION, _("classes.csv has no class with this classSourcedId."))
            if not cells.problems and (found := known.problem(number=record.number, person=key, section=section)):
                cells.report(*found)
            yield RosterRow(
                number=record.number,
                email=person.email,
                name=person.name,
                given_name=person.given_name,
                family_name=person.family_name,
                external_id=key,
                role=role,
                section=section,
                active=active and person.active and sections.get(section, True),
                file="enrollments.csv",
                problems=tuple(cells.problems),
            )

    def _roles(self) -> dict[str, str]:
        """The role of each person in 1.2, the primary one where there are several."""
        roles: dict[str, str] = {}
        if self.version == "1.1" or self.modes["roles"] == "absent":
            return roles
        for record in self._archive.records("roles"):
            if record["status"].lower() == "tobedeleted":
                continue
            if record["roleType"].lower() == "primary":
                roles[record["userSourcedId"]] = record["role"]
            else:
                roles.setdefault(record["userSourcedId"], record["role"])
        return roles


def open_oneroster(file: IO[bytes], *, limits: ZipLimits | None = None) -> OneRoster:
    """The roster in a seekable zip, which stays open; raises RosterError for what is no OneRoster zip or too large.

    Nothing is ever unpacked to disk, and the password column leaves `tables` empty.
    """
    archive = Archive(file, ("manifest", *FILES), limits or ZipLimits())
    problems = archive.notices()
    version, modes = _manifest(archive, problems)
    for name in FILES:
        if modes[name] != "absent" and not _complete(archive, name, problems):
            modes[name] = "absent"
    if all(modes[name] == "absent" for name in ("users", "classes", "enrollments")):
        raise RosterError(_("The zip has no users, classes or enrolments to read."))
    sections = tuple(_sections(archive, modes, problems))
    row_count = sum(archive.table(name).row_count for name in ("users", "enrollments") if modes[name] != "absent")
    return OneRoster(version, modes, sections, tuple(problems), row_count, archive)


def _manifest(archive: Archive, problems: list[Problem]) -> tuple[str, dict[str, str]]:
    """The version and the mode of each file. Without a manifest nobody knows whether who is missing has left."""
    if not archive.has("manifest"):
        raise RosterError(_("There is no manifest.csv at the top of the zip, so this is not a OneRoster export."))
    properties = {
        record["propertyName"]: (record.number, record["value"].lower()) for record in archive.records("manifest")
    }
    _row, version = properties.get("oneroster.version", (0, ""))
    if version not in VERSIONS:
        raise RosterError(_("manifest.csv does not say that this is OneRoster 1.1 or 1.2, which are the ones read."))
    modes: dict[str, str] = {}
    for name in FILES:
        row, mode = properties.get(f"file.{name}", (0, "absent"))
        if mode not in MODES:
            message = _("The manifest has to say bulk, delta or absent of %(file)s.") % {"file": f"{name}.csv"}
            problems.append(Problem(row, "", message, MANIFEST))
            mode = "absent"
        if mode != "absent" and not archive.has(name):
            message = _("The manifest names %(file)s, and the zip does not have it.") % {"file": f"{name}.csv"}
            problems.append(Problem(row, "", message, MANIFEST))
            mode = "absent"
        elif mode == "absent" and archive.has(name):
            message = _("The manifest does not name %(file)s, so it is not read.") % {"file": f"{name}.csv"}
            problems.append(Problem(row, "", message, MANIFEST))
        modes[name] = mode
    if version == "1.2" and modes["users"] == "bulk" and modes["roles"] == "absent":
        problems.append(Problem(0, "", _("In OneRoster 1.2 roles.csv says who is what, and it is missing."), MANIFEST))
    return version, modes


def _complete(archive: Archive, name: str, problems: list[Problem]) -> bool:
    """Whether a file has the columns that it needs."""
    columns = archive.table(name).header
    missing = [column for column in FILES[name] if column not in columns]
    message = _("This column is missing, so the file is not read.")
    problems.extend(Problem(1, column, message, f"{name}.csv") for column in missing)
    return not missing


def _sections(archive: Archive, modes: Mapping[str, str], problems: list[Problem]) -> Iterator[RosterSection]:
    """The classes with the code of their course and their term."""

    def records(name: str) -> Iterator[Record]:
        return archive.records(name) if modes[name] != "absent" else iter(())

    orgs = {record["sourcedId"] for record in records("orgs")}
    codes: dict[str, str] = {}
    for record in records("courses"):
        cells = Cells(record.number, "courses.csv")
        codes[record["sourcedId"]] = cells.text("courseCode", record["courseCode"], longest=LONGEST_CODE)
        problems.extend(cells.problems)
    terms: dict[str, RosterTerm] = {}
    for record in records("academicSessions"):
        cells = Cells(record.number, "academicSessions.csv")
        title = cells.text("title", record["title"], longest=LONGEST_TERM)
        start, end = _day(record, "startDate", cells), _day(record, "endDate", cells)
        terms[record["sourcedId"]] = RosterTerm(record["sourcedId"], title, start, end)
        problems.extend(cells.problems)
    seen: set[str] = set()
    for record in records("classes"):
        cells = Cells(record.number, "classes.csv")
        active = _is_active(record, cells)
        key = _key(record, "sourcedId", cells, taken=seen)
        name = cells.text("title", record["title"])
        if active and not record["title"]:
            cells.report("title", _("There is no title."))
        code = codes.get(record["courseSourcedId"], "")
        if not code:
            code = cells.text("classCode", record["classCode"], longest=LONGEST_CODE)
        wanted = [text.strip() for text in record["termSourcedIds"].split(",") if text.strip()]
        _refer(record["courseSourcedId"], codes, modes["courses"], "courseSourcedId", cells)
        _refer(record["schoolSourcedId"], orgs, modes["orgs"], "schoolSourcedId", cells)
        for reference in wanted:
            _refer(reference, terms, modes["academicSessions"], "termSourcedIds", cells)
        problems.extend(cells.problems)
        if not key or key in seen or (active and not name):
            continue
        seen.add(key)
        found = [terms[reference] for reference in wanted if reference in terms]
        yield RosterSection(
            key=key,
            name=name,
            course_code=code,
            term=found[0] if found else None,
            starts_on=min((term.starts_on for term in found if term.starts_on), default=None),
            ends_on=max((term.ends_on for term in found if term.ends_on), default=None),
            active=active,
        )


def _refer(key: str, known: Container[str], mode: str, column: str, cells: Cells) -> None:
    """Report a reference that nothing answers to, where the file that would is complete."""
    if key and mode == "bulk" and key not in known:
        cells.report(column, _("Nothing in the zip has this sourcedId."))


def _key(record: Record, column: str, cells: Cells, *, taken: Container[str] = ()) -> str:
    """A sourcedId; reported if it is empty, unreadable or taken by an earlier row."""
    before = len(cells.problems)
    key = cells.text(column, record[column])
    if not key and len(cells.problems) == before:
        cells.report(column, _("There is no sourcedId."))
    elif key in taken:
        cells.report(column, _("An earlier row has this sourcedId."))
    return key


def _is_active(record: Record, cells: Cells) -> bool:
    """False for tobedeleted, and for the inactive of older exports; bulk files leave the status empty."""
    status = record["status"].lower()
    if status not in {"", "active", "tobedeleted", "inactive"}:
        cells.report("status", _("The status has to be active or tobedeleted."))
    return status in {"", "active"}


def _role_of(word: str, cells: Cells, *, required: bool) -> tuple[Role | None, bool]:
    """(role, whether people of this role are read at all)."""
    word = word.lower()
    if word in OTHER_ROLES:
        return None, False
    if word not in ROLES and (word or required):
        cells.report(Field.ROLE, _("There is no role here that OneRoster knows."))
    return ROLES.get(word), True


def _day(record: Record, column: str, cells: Cells) -> dt.date | None:
    try:
        return dt.date.fromisoformat(record[column]) if record[column] else None
    except ValueError:
        cells.report(column, _("This is not a date like 2026-09-01."))
        return None
