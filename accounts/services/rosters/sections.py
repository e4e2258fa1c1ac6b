"""Which section a row of a roster means: one that is here, one to be made, or none that anybody could tell."""

import datetime as dt
import uuid
from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.utils.translation import gettext as _

from accounts.models import Section, SectionKey, Term, User
from accounts.roster import Field, RosterRow, RosterSection, RosterTerm
from accounts.services.rosters.opening import OpenRoster


@dataclass(slots=True)
class PlannedSection:
    """A section of a roster. `pk` is known before the section is made, so that a step done again makes no second one.

    change: its name, code, term or days become those of the file. claim: it gets this sourcedId. archive: the school
    took it away. rows: how many rows of the roster are about it.
    """

    pk: uuid.UUID
    name: str
    course_code: str = ""
    term: str = ""
    term_starts_on: dt.date | None = None
    term_ends_on: dt.date | None = None
    starts_on: dt.date | None = None
    ends_on: dt.date | None = None
    key: str = ""
    is_new: bool = False
    change: bool = False
    claim: bool = False
    archive: bool = False
    rows: int = 0

    def __str__(self) -> str:
        return f"{self.course_code} {self.name}".strip()

    @property
    def is_written(self) -> bool:
        """Whether anything happens to the section itself."""
        return self.is_new or self.change or self.archive or self.claim

    def to_json(self) -> dict[str, Any]:
        """What a step needs of it."""
        days = ("term_starts_on", "term_ends_on", "starts_on", "ends_on")
        words = {name: getattr(self, name) for name in ("name", "course_code", "term", "key")}
        flags = {name: getattr(self, name) for name in ("is_new", "change", "claim", "archive")}
        dates = {name: value.isoformat() for name in days if (value := getattr(self, name))}
        return {"pk": str(self.pk), **words, **flags, **dates}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "PlannedSection":
        """The section that `to_json` was asked of."""
        days = ("term_starts_on", "term_ends_on", "starts_on", "ends_on")
        dates = {name: dt.date.fromisoformat(data[name]) for name in days if name in data}
        return cls(**{**data, "pk": uuid.UUID(data["pk"]), **dates})


@dataclass(frozen=True, slots=True)
class _Here:
    """A current section of the portal that this person sees."""

    pk: uuid.UUID
    name: str
    course_code: str
    term: str
    key: str

    def planned(self) -> PlannedSection:
        return PlannedSection(self.pk, self.name, self.course_code, self.term, key=self.key)


class Sections:
    """The sections of one roster, by the names or sourcedIds that its rows have. One query, and one more for terms."""

    def __init__(self, by: User, opened: OpenRoster) -> None:
        visible = Section.objects.current().visible_to(by)
        if opened.choices.section is not None:
            visible = visible.filter(pk=opened.choices.section)
        values = visible.values_list("pk", "name", "course_code", "term__name", "roster_key__key")
        self._here = [_Here(pk, name, code, term or "", key or "") for pk, name, code, term, key in values]
        self._named: defaultdict[str, list[_Here]] = defaultdict(list)
        for here in self._here:
            for name in {here.name.casefold(), f"{here.course_code} {here.name}".strip().casefold()}:
                self._named[name].append(here)
        self._planned: dict[object, PlannedSection] = {}
        self._found: dict[uuid.UUID, PlannedSection] = {}
        self._chosen: PlannedSection | None = None
        # Sections of OneRoster that were archived here stay so, whatever the school's system says.
        self._away: set[str] = set()
        self.is_oneroster = opened.oneroster is not None
        if opened.choices.section is not None:
            self._chosen = self._here[0].planned() if self._here else None
            self.one_for_all = True
        else:
            self.one_for_all = False
        if opened.oneroster is not None:
            self._plan_oneroster(opened)

    def all(self) -> list[PlannedSection]:
        """Those that rows asked for so far, and those of a OneRoster zip to which something happens."""
        planned = {one.pk: one for one in self._planned.values() if one.rows or one.is_written}
        return [self._chosen] if self._chosen else list(planned.values())

    def of(self, row: RosterRow) -> tuple[PlannedSection | None, tuple[str, str] | None]:
        """(section or None for a row without, (field, what is wrong with it) or None)."""
        if self.one_for_all:
            return self._chosen, None if self._chosen else (Field.SECTION, _not_yours())
        if not row.section:
            return None, None
        if self.is_oneroster:
            found = self._planned.get(row.section)
            if row.section in self._away:
                return None, (Field.SECTION, _("This section is archived. Reopen it first."))
            return found, None if found else (Field.SECTION, _("The portal does not know this section yet."))
        return self._of_table(row)

    @cached_property
    def _terms(self) -> set[str]:
        return set(Term.objects.values_list("name", flat=True))

    def _of_table(self, row: RosterRow) -> tuple[PlannedSection | None, tuple[str, str] | None]:
        place = (row.section.casefold(), row.course_code.casefold(), row.term.casefold())
        if place in self._planned:
            return self._planned[place], None
        found = self._matching(row.section, row.course_code, row.term)
        if len(found) > 1:
            return None, (Field.SECTION, _("Several sections have this name. Import the roster of each by itself."))
        if not found and row.term and row.term not in self._terms:
            return None, (Field.TERM, _("There is no term of this name. An admin can add it under Terms."))
        if found:
            planned = self._found.setdefault(found[0].pk, found[0].planned())
        else:
            planned = PlannedSection(uuid.uuid4(), row.section, row.course_code, row.term, is_new=True)
        self._planned[place] = planned
        return planned, None

    def _matching(self, name: str, code: str, term: str) -> list[_Here]:
        return [
            here
            for here in self._named[name.casefold()]
            if (not code or here.course_code.casefold() == code.casefold())
            and (not term or here.term.casefold() == term.casefold())
        ]

    def _plan_oneroster(self, opened: OpenRoster) -> None:
        assert opened.oneroster is not None  # noqa: S101  asked before
        keyed = {here.key: here for here in self._here if here.key}
        in_zip = {section.key for section in opened.oneroster.sections}
        self._planned |= {key: here.planned() for key, here in keyed.items() if key not in in_zip}
        archived = SectionKey.objects.filter(section__archived_at__isnull=False)
        self._away = set(archived.values_list("key", flat=True))
        claimed: set[uuid.UUID] = set()
        for section in opened.oneroster.sections:
            if section.key in self._away:
                continue
            here = keyed.get(section.key)
            if here is None and not section.active:
                continue
            here = here or self._unclaimed(section, claimed)
            if here is not None:
                claimed.add(here.pk)
            self._planned[section.key] = _planned(section, here, rename=opened.choices.rename)

    def _unclaimed(self, section: RosterSection, claimed: set[uuid.UUID]) -> _Here | None:
        """A section that was made by hand and is, by name, code and term, the only one that could be meant."""
        term = section.term.name if section.term else ""
        found = [
            here
            for here in self._matching(section.name, section.course_code, term)
            if not here.key and here.pk not in claimed
        ]
        return found[0] if len(found) == 1 else None


def _planned(section: RosterSection, here: _Here | None, *, rename: bool) -> PlannedSection:
    term = section.term or RosterTerm("", "", None, None)
    planned = PlannedSection(
        here.pk if here else uuid.uuid4(),
        section.name,
        section.course_code,
        term.name,
        term.starts_on,
        term.ends_on,
        section.starts_on,
        section.ends_on,
        key=section.key,
        is_new=here is None,
        archive=not section.active,
    )
    planned.change = here is not None and rename and section.active
    planned.claim = here is not None and not here.key
    if here is not None and not planned.change:
        planned.name, planned.course_code, planned.term = here.name, here.course_code, here.term
    return planned


def _not_yours() -> str:
    return _("You do not teach this section any more, or it was archived.")
