"""What a handful of rows comes to: decided in a few queries for all of them, shown in a preview, or written.

A teacher's word makes new accounts and fills the teacher's own sections with them. It never brings an account that is
here already into a section, since who teaches its owner can make a link that sets its password. Only whom the teacher
could return by hand, a student of one of the teacher's sections now or formerly, is returned or seated in another.
"""

import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from django.contrib.auth.hashers import make_password
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import Enrolment, Invitation, PersonKey, Section, SectionTeacher, StudentDetails, User
from accounts.models.section import move_access
from accounts.roster import Field, Role
from accounts.services.enrolment import close_invitations
from accounts.services.rosters.rows import PlannedRow

LONGEST_NUMBER = 50


class Change(StrEnum):
    """What can become of a row; one can have several."""

    CREATED = "created"
    UPDATED = "updated"
    ENROLLED = "enrolled"
    RETURNED = "returned"
    TEACHES = "teaches"
    REMOVED = "removed"
    UNCHANGED = "unchanged"


# As a preview says it of one row.
PHRASES: dict[Change, str | Promise] = {
    Change.CREATED: gettext_lazy("new account"),
    Change.UPDATED: gettext_lazy("changed to what the file says"),
    Change.ENROLLED: gettext_lazy("joins the section"),
    Change.RETURNED: gettext_lazy("returns to the section"),
    Change.TEACHES: gettext_lazy("teaches the section from now on"),
    Change.REMOVED: gettext_lazy("is removed"),
    Change.UNCHANGED: gettext_lazy("is here already"),
}


@dataclass(frozen=True, slots=True)
class Decision:
    """A row with what changes, or with its problem."""

    row: PlannedRow
    changes: tuple[Change, ...] = ()
    problem: tuple[str, str] | None = None

    @property
    def words(self) -> str:
        """What becomes of it, in words."""
        if self.problem:
            return self.problem[1]
        text = ", ".join(str(PHRASES[change]) for change in self.changes)
        return text[:1].upper() + text[1:]


class _WrongRowError(Exception):
    """This row cannot be done: (field, message)."""


class Batch:
    """Decisions about some rows, and `write` to carry them out.

    sections: those that these rows may be about, current and visible to the acting person. rename: names, addresses
    and numbers of accounts become those of the file. With `write` in a transaction about 20 queries.
    """

    def __init__(
        self, *, by: User, rows: Sequence[PlannedRow], sections: Mapping[uuid.UUID, Section], rename: bool
    ) -> None:
        self.by, self.sections, self.rename = by, sections, rename and by.is_admin
        self._new: list[User] = []
        self._new_rows: list[PlannedRow] = []
        self._details: list[StudentDetails] = []
        self._keys: list[PersonKey] = []
        self._changed: dict[uuid.UUID, User] = {}
        self._enrolled: list[Enrolment] = []
        self._returned: list[Enrolment] = []
        self._removed: list[Enrolment] = []
        self._teaches: list[SectionTeacher] = []
        self._teaches_no_more: list[SectionTeacher] = []
        self._read([row for row in rows if not row.problem])
        self.decisions = [self._decision(row) for row in rows]

    @property
    def counts(self) -> Counter[str]:
        """How often what was decided."""
        return Counter(str(change) for decision in self.decisions for change in decision.changes)

    @property
    def new_by_section(self) -> Counter[uuid.UUID]:
        """New accounts of students by section."""
        return Counter(
            row.section for row in self._new_rows if row.section is not None and row.user_role == User.Role.STUDENT
        )

    # --- What is here already ---------------------------------------------------------------------------------------

    def _read(self, rows: Sequence[PlannedRow]) -> None:
        emails = {row.email for row in rows if row.email}
        keys = {row.external_id for row in rows if row.file and row.external_id}
        self._by_key: dict[str, User] = {}
        self._key_of: dict[uuid.UUID, str] = {}
        found = User.objects.filter(email__in=emails)
        if not self.by.is_admin:
            seats = Enrolment.objects.visible_to(self.by).filter(student=OuterRef("pk"))
            found = found.annotate(is_mine=Exists(seats))
        people = {user.pk: user for user in found}
        self._mine = {user.pk for user in people.values() if getattr(user, "is_mine", False)}
        # A teacher's file proves nothing about who is meant by an id.
        known = PersonKey.objects.filter(Q(user__in=people.keys()) | Q(key__in=keys)).select_related("user")
        for key in known if keys and self.by.is_admin else ():
            person = people.setdefault(key.user_id, key.user)
            self._by_key[key.key] = person
            self._key_of[person.pk] = key.key
        self._by_email = {person.email: person for person in people.values()}
        numbers = {row.external_id for row in rows if not row.file and row.external_id}
        asked = StudentDetails.objects.filter(Q(student_number__in=numbers) | Q(student__in=people.keys()))
        self._numbers: dict[str, uuid.UUID] = {}
        self._details_of: dict[uuid.UUID, StudentDetails] = {}
        for details in asked if numbers else ():
            self._details_of[details.student_id] = details
            if details.student_number:
                self._numbers[details.student_number] = details.student_id
        # What is not there is not asked for: teachers are in few rows.
        students = [person for person in people.values() if person.is_student]
        teachers = [person for person in people.values() if person.is_teacher]
        places = {row.section for row in rows if row.section}
        seats = Enrolment.objects.filter(section__in=places, student__in=students)
        self._enrolments = {(seat.section_id, seat.student_id): seat for seat in seats} if students else {}
        parts = SectionTeacher.objects.filter(section__in=places, teacher__in=teachers)
        self._teaching = {(part.section_id, part.teacher_id): part for part in parts} if teachers else {}
        self._read_leaving(rows)

    def _read_leaving(self, rows: Sequence[PlannedRow]) -> None:
        """All places of those who leave the school, and the leads of the sections in which somebody may be the last."""
        self._places: defaultdict[uuid.UUID, list[Enrolment | SectionTeacher]] = defaultdict(list)
        self._leads: defaultdict[uuid.UUID, set[uuid.UUID]] = defaultdict(set)
        if all(row.active for row in rows):
            return
        leaving = [person for row in rows if not row.active and not row.section and (person := self._known(row))]
        for seat in Enrolment.objects.filter(student__in=leaving, removed_at=None):
            one = self._enrolments.setdefault((seat.section_id, seat.student_id), seat)
            self._places[seat.student_id].append(one)
        for part in SectionTeacher.objects.filter(teacher__in=leaving):
            self._places[part.teacher_id].append(part)
        taught = {part.section_id for parts in self._places.values() for part in parts} | {
            row.section for row in rows if row.section
        }
        leads = SectionTeacher.objects.filter(section__in=taught, part=SectionTeacher.Part.LEAD)
        for section, teacher in leads.values_list("section", "teacher"):
            self._leads[section].add(teacher)

    def _known(self, row: PlannedRow) -> User | None:
        by_key = self._by_key.get(row.external_id) if row.file and row.external_id else None
        return by_key or self._by_email.get(row.email)

    # --- What becomes of a row --------------------------------------------------------------------------------------

    def _decision(self, row: PlannedRow) -> Decision:
        if row.problem:
            return Decision(row, problem=row.problem)
        try:
            return Decision(row, tuple(self._decide(row)) or (Change.UNCHANGED,))
        except _WrongRowError as wrong:
            return Decision(row, problem=wrong.args)

    def _decide(self, row: PlannedRow) -> list[Change]:
        section = self.sections.get(row.section) if row.section else None
        if row.section and section is None:
            raise _WrongRowError(Field.SECTION, _("This section is archived, or you do not teach it."))
        if section is None and not self.by.is_admin:
            raise _WrongRowError(Field.SECTION, _("There is no section in this row."))
        person = self._person(row)
        if person and person.is_staff:
            # A roster is about students and teachers: staff stay as they are, wherever they had places before.
            self._check(row, person, None)
            return []
        if not row.active:
            return self._leave(person, section) if person else []
        if row.role not in {Role.STUDENT, None} and not self.by.is_admin:
            if person and section and (section.pk, person.pk) in self._teaching:
                return []
            raise _WrongRowError(
                Field.ROLE, _("Only admins add teachers by a roster. Add this one on the section's page.")
            )
        changes: list[Change] = []
        if person is None:
            person = self._create(row)
            changes.append(Change.CREATED)
        else:
            self._check(row, person, section)
            if self._update(row, person):
                changes.append(Change.UPDATED)
        if section is not None:
            changes += self._seat(person, section, row.role)
        return changes

    def _person(self, row: PlannedRow) -> User | None:
        person, by_email = self._known(row), self._by_email.get(row.email)
        if row.file and row.external_id and person:
            if by_email and by_email.pk != person.pk:
                raise _WrongRowError(Field.EMAIL, _("Another account has this address. An admin has to look at both."))
            if self._key_of.get(person.pk, row.external_id) != row.external_id:
                raise _WrongRowError(Field.EXTERNAL_ID, _("The account with this address has another sourcedId here."))
        return person

    def _create(self, row: PlannedRow) -> User:
        if not row.email:
            raise _WrongRowError(
                Field.EXTERNAL_ID, _("Nobody here has this sourcedId, and the file does not say who it is.")
            )
        if row.user_role is None:
            raise _WrongRowError(Field.ROLE, _("The file does not say whether this person studies or teaches."))
        number = self._checked_number(row, None)
        person = User(email=row.email, display_name=row.name, role=row.user_role, password=make_password(None))
        self._by_email[row.email] = person
        if number:
            self._number(person, number)
        if row.file and row.external_id:
            self._key(person, row.external_id)
        self._mine.add(person.pk)
        self._new.append(person)
        self._new_rows.append(row)
        return person

    def _check(self, row: PlannedRow, person: User, section: Section | None) -> None:
        """Whether this account may be where the row puts it; raises _WrongRowError."""
        if row.user_role not in {None, person.role}:
            raise _WrongRowError(Field.ROLE, _("The account with this address has another role in the portal."))
        if section is None:
            return
        place = section.pk, person.pk
        seat = self._enrolments.get(place)
        if place in self._teaching or (seat and seat.removed_at is None):
            return
        if not person.is_active:
            raise _WrongRowError(Field.EMAIL, _("This account is disabled. An admin can enable it."))
        if not self.by.is_admin and person.pk not in self._mine:
            raise _WrongRowError(
                Field.EMAIL, _("This person has an account already. Give them the join code, or ask an admin.")
            )

    def _update(self, row: PlannedRow, person: User) -> bool:
        """Note the sourcedId, and with `rename` name, address and number; whether anything is new."""
        changed = False
        # Asked first: a row that fails changes nothing.
        number = self._checked_number(row, person) if self.rename else ""
        if row.file and row.external_id and person.pk not in self._key_of:
            self._key(person, row.external_id)
            changed = True
        if not self.rename:
            return changed
        if row.name and row.name != person.display_name:
            person.display_name = row.name
            self._changed[person.pk] = person
            changed = True
        if row.email and row.email != person.email:
            self._by_email[row.email] = person
            person.email = row.email
            self._changed[person.pk] = person
            changed = True
        if number and number != getattr(self._details_of.get(person.pk), "student_number", ""):
            self._number(person, number)
            changed = True
        return changed

    def _checked_number(self, row: PlannedRow, person: User | None) -> str:
        """The student number of a table's row, "" for teachers and in OneRoster; raises _WrongRowError."""
        if row.file or not row.external_id or row.user_role != User.Role.STUDENT:
            return ""
        if len(row.external_id) > LONGEST_NUMBER:
            raise _WrongRowError(
                Field.EXTERNAL_ID, _("A student number has at most %(limit)s characters.") % {"limit": LONGEST_NUMBER}
            )
        if self._numbers.get(row.external_id, person and person.pk) != (person and person.pk):
            raise _WrongRowError(Field.EXTERNAL_ID, _("Another student has this number."))
        return row.external_id

    def _number(self, person: User, number: str) -> None:
        details = self._details_of.setdefault(person.pk, StudentDetails(student=person))
        details.student_number = number
        self._numbers[number] = person.pk
        self._details.append(details)

    def _key(self, person: User, key: str) -> None:
        self._by_key[key], self._key_of[person.pk] = person, key
        self._keys.append(PersonKey(user=person, key=key))

    def _seat(self, person: User, section: Section, role: Role | None) -> list[Change]:
        place = section.pk, person.pk
        if person.is_student:
            seat = self._enrolments.get(place)
            if seat is None:
                self._enrolments[place] = Enrolment(section=section, student=person)
                self._enrolled.append(self._enrolments[place])
                return [Change.ENROLLED]
            if seat.removed_at is not None:
                seat.removed_at = None
                self._returned.append(seat)
                return [Change.RETURNED]
        elif person.is_teacher and place not in self._teaching:
            part = SectionTeacher.Part.ASSISTANT if role is Role.ASSISTANT else SectionTeacher.Part.LEAD
            self._teaching[place] = SectionTeacher(section=section, teacher=person, part=part)
            self._teaches.append(self._teaching[place])
            return [Change.TEACHES]
        return []

    def _leave(self, person: User, section: Section | None) -> list[Change]:
        """Out of this section, or out of all; what was done there is kept."""
        if section is None:
            places = self._places[person.pk]
        else:
            place = section.pk, person.pk
            found = self._enrolments.get(place) or self._teaching.get(place)
            places = [found] if found else []
        for seat in places:
            if isinstance(seat, SectionTeacher) and self._leads[seat.section_id] == {person.pk}:
                raise _WrongRowError(Field.ROLE, _("This teacher is the only lead. Make another teacher lead first."))
        changes: list[Change] = []
        for seat in places:
            if isinstance(seat, SectionTeacher):
                self._leads[seat.section_id].discard(person.pk)
                self._teaching.pop((seat.section_id, person.pk), None)
                self._teaches_no_more.append(seat)
                changes.append(Change.REMOVED)
            elif seat.removed_at is None:
                seat.removed_at = timezone.now()
                self._removed.append(seat)
                changes.append(Change.REMOVED)
        return changes

    # --- Writing ----------------------------------------------------------------------------------------------------

    def write(self) -> None:
        """Carry it out; call it in a transaction, once."""
        User.objects.bulk_create(self._new, batch_size=500)
        User.objects.bulk_update(self._changed.values(), ["display_name", "email"], batch_size=200)
        known = [row for row in self._details if row.pk is not None]
        StudentDetails.objects.bulk_update(known, ["student_number"], batch_size=200)
        StudentDetails.objects.bulk_create([row for row in self._details if row.pk is None], batch_size=500)
        PersonKey.objects.bulk_create(self._keys, batch_size=500)
        self._invite_staff()
        Enrolment.objects.bulk_create(self._enrolled, batch_size=500)
        Enrolment.objects.filter(pk__in=_keys(self._returned)).update(removed_at=None)
        remove(self._removed)
        SectionTeacher.objects.bulk_create(self._teaches, batch_size=500)
        SectionTeacher.objects.filter(pk__in=_keys(self._teaches_no_more)).delete()
        new = {person.pk for person in self._new}
        students = {row.student_id for row in [*self._enrolled, *self._returned]}
        teachers = {row.teacher_id for row in [*self._teaches, *self._teaches_no_more]}
        move_access(*(students | teachers | self._changed.keys()) - new)

    def _invite_staff(self) -> None:
        """An invitation for each new teacher, in the list where a link is made; students have their section's sheet."""
        invitations = []
        for person in self._new:
            if person.is_teacher:
                row = Invitation(
                    email=person.email, display_name=person.display_name, role=person.role, invited_by=self.by
                )
                row.issue_token()  # told to nobody: the list makes a fresh one
                invitations.append(row)
        Invitation.objects.bulk_create(invitations, batch_size=500)


def remove(enrolments: Sequence[Enrolment]) -> None:
    """End these places now, with the links by which these students could come back; needs their sections' keys."""
    if not enrolments:
        return
    Enrolment.objects.filter(pk__in=_keys(enrolments)).update(removed_at=timezone.now())
    close_invitations(enrolments)
    move_access(*{row.student_id for row in enrolments})


def _keys(rows: Iterable[Enrolment | SectionTeacher]) -> list[int]:
    return [row.pk for row in rows]
