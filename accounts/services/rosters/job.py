"""The job that imports a roster: some lines of its plan a step, and in the end a file of the rows that failed."""

import io
import json
import uuid
from collections import Counter
from collections.abc import Iterator
from itertools import groupby, islice
from tempfile import SpooledTemporaryFile
from typing import IO, Any

from django.core.files import File
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Enrolment, Section, SectionKey, SectionTeacher, Term, User
from accounts.models.section import move_access
from accounts.services.rosters.batch import Batch, Change, remove
from accounts.services.rosters.opening import Reading
from accounts.services.rosters.rows import PlannedRow, place_of
from accounts.services.rosters.sections import PlannedSection
from monitoring import jobs
from monitoring.cells import write_rows
from monitoring.jobs import JobFailedError, Problem, Progress
from monitoring.models import Job, JobFile, JobProblem

KIND = "accounts.roster"
PLAN, SOURCE = "plan", "source"
LINES_AT_ONCE = 500
# So many sections with new students the report leads to.
MOST_SECTIONS = 50
SPOOLED_BYTES = 1024 * 1024

Lines = list[dict[str, Any]]


def step(job: Job) -> Progress:
    """The next lines of the plan, or the file of failures after the last."""
    by = User.objects.filter(pk=job.owner_id, is_active=True).first()
    if by is None or not by.looks_after_students or (job.input["reading"] is None and not by.is_admin):
        raise JobFailedError(_("Whoever asked for this may not import rosters any more."))
    if job.checkpoint.get("read"):
        _attach_failures(job)
        return Progress(job.checkpoint, finished=True)
    offset, lines, at_end = _next_lines(job)
    counts: Counter[str] = Counter(job.checkpoint.get("counts", {}))
    new = Counter(job.checkpoint.get("new", {}))
    problems: list[Problem] = []
    done = failed = 0
    for kind, group in groupby(lines, key=lambda line: str(line.pop("kind"))):
        found = list(group)
        match kind:
            case "section":
                counts += _write_sections(by, found)
            case "row":
                batch = _write_rows(job, by, found)
                counts += batch.counts
                _count_new(new, batch)
                wrong = [(one.row, one.problem) for one in batch.decisions if one.problem]
                problems += [
                    Problem(text, row=row.number, field=place_of(name, row.file)) for row, (name, text) in wrong
                ]
                done, failed = done + len(found), failed + len(wrong)
            case "members":
                counts += _remove_missing(by, found)
            case "problem":
                problems += [Problem(one["message"], row=one["row"] or None, field=one["field"]) for one in found]
    checkpoint = {"offset": offset, "read": at_end, "counts": dict(counts), "new": dict(new)}
    return Progress(checkpoint, done=done, failed=failed, problems=problems)


def _next_lines(job: Job) -> tuple[int, Lines, bool]:
    """(where the step after begins, lines, whether they are the last)."""
    with _file(job, PLAN) as plan:
        plan.seek(job.checkpoint.get("offset", 0))
        # Not by iterating: a stored file reads ahead then, and no longer knows where it is.
        lines = [json.loads(line) for line in islice(iter(plan.readline, b""), LINES_AT_ONCE)]
        return plan.tell(), lines, len(lines) < LINES_AT_ONCE


def _file(job: Job, name: str) -> IO[bytes]:
    stored: IO[bytes] = JobFile.objects.get(job=job, purpose=JobFile.Purpose.INPUT, name=name).content.open("rb").file
    return stored


def _count_new(new: Counter[str], batch: Batch) -> None:
    """Remember in which sections new students are, the first of many."""
    for section, number in batch.new_by_section.items():
        if str(section) in new or len(new) < MOST_SECTIONS:
            new[str(section)] += number


# --- Sections ---------------------------------------------------------------------------------------------------------


def _write_sections(by: User, lines: Lines) -> Counter[str]:
    """Make, change, claim and archive; done again it does nothing."""
    planned = [PlannedSection.from_json(line) for line in lines]
    terms = _terms(by, planned)
    here = Section.objects.visible_to(by).in_bulk([one.pk for one in planned])
    counts: Counter[str] = Counter()
    made = [one for one in planned if one.is_new and one.pk not in here]
    _refuse_doubles(by, made)
    Section.objects.bulk_create([_described(Section(pk=one.pk), one, terms) for one in made])
    if by.is_teacher:
        SectionTeacher.objects.bulk_create([SectionTeacher(section_id=one.pk, teacher=by) for one in made])
        move_access(by.pk)
    counts["sections"] = len(made)
    if by.is_admin:
        counts += _write_known_sections([one for one in planned if not one.is_new], here, terms)
        keys = [SectionKey(section_id=one.pk, key=one.key) for one in planned if one.key and (one.is_new or one.claim)]
        SectionKey.objects.bulk_create(keys)
    return counts


def _refuse_doubles(by: User, made: list[PlannedSection]) -> None:
    """Raise JobFailedError where a section of a table has come meanwhile, as by the same roster handed in twice."""
    wanted = {_called(one.name, one.course_code, one.term) for one in made if not one.key}
    if not wanted:
        return
    current = Section.objects.current().visible_to(by).values_list("name", "course_code", "term__name")
    for name, code, term in current.iterator():
        if _called(name, code, term or "") in wanted:
            words = _("The section %(name)s was not here yet when this file was read. Import the file again.")
            raise JobFailedError(words % {"name": name})


def _called(name: str, code: str, term: str) -> tuple[str, str, str]:
    return name.casefold(), code.casefold(), term.casefold()


def _write_known_sections(
    planned: list[PlannedSection], here: dict[uuid.UUID, Section], terms: dict[str, Term]
) -> Counter[str]:
    counts: Counter[str] = Counter()
    changed = []
    for one in planned:
        section = here[one.pk]
        if one.archive and section.archived_at is None:
            section.archived_at, section.join_code = timezone.now(), ""
            section.save(update_fields=["archived_at", "join_code"])  # its members' open chats notice
            counts["archived"] += 1
        before = (section.name, section.course_code, section.term_id, section.starts_on, section.ends_on)
        if one.change:
            _described(section, one, terms)
        if before != (section.name, section.course_code, section.term_id, section.starts_on, section.ends_on):
            changed.append(section)
    Section.objects.bulk_update(changed, ["name", "course_code", "term", "starts_on", "ends_on"])
    counts["sections_changed"] = len(changed)
    return counts


def _described(section: Section, planned: PlannedSection, terms: dict[str, Term]) -> Section:
    section.name, section.course_code = planned.name, planned.course_code
    section.term = terms.get(planned.term)
    first, last = planned.starts_on, planned.ends_on
    # A section whose last day comes before its first is a slip of the other system, and no reason to stop.
    if first is None or last is None or first <= last:
        section.starts_on, section.ends_on = first, last
    return section


def _terms(by: User, planned: list[PlannedSection]) -> dict[str, Term]:
    """The terms that these sections name, made by admins where the file says when they are."""
    names = {one.term for one in planned if one.term}
    terms = {term.name: term for term in Term.objects.filter(name__in=names)}
    for one in planned:
        first, last = one.term_starts_on, one.term_ends_on
        if by.is_admin and one.term and one.term not in terms and first and last and first <= last:
            terms[one.term] = Term.objects.create(name=one.term, starts_on=first, ends_on=last)
    return terms


# --- People -----------------------------------------------------------------------------------------------------------


def _write_rows(job: Job, by: User, lines: Lines) -> Batch:
    rows = [PlannedRow.from_json(line) for line in lines]
    wanted = {row.section for row in rows if row.section}
    sections = Section.objects.current().visible_to(by).in_bulk(wanted)
    batch = Batch(by=by, rows=rows, sections=sections, rename=job.input["rename"])
    batch.write()
    return batch


def _remove_missing(by: User, lines: Lines) -> Counter[str]:
    """End the places of students who are not in the file."""
    people = {uuid.UUID(line["section"]): set(line["people"]) for line in lines}
    sections = Section.objects.current().visible_to(by).filter(pk__in=people.keys())
    seats = Enrolment.objects.filter(section__in=sections, removed_at=None).select_related("student__roster_key")
    gone = [seat for seat in seats.iterator() if people[seat.section_id].isdisjoint(_names(seat.student))]
    remove(gone)
    return Counter({str(Change.REMOVED): len(gone)})


def _names(student: User) -> set[str]:
    key = getattr(student, "roster_key", None)
    return {student.email, key.key} if key else {student.email}


# --- Failures ---------------------------------------------------------------------------------------------------------


def _attach_failures(job: Job) -> None:
    """The rows that failed as a CSV: a table's own columns, to mend and import again, else where they are."""
    if not job.failed:
        return
    with SpooledTemporaryFile(SPOOLED_BYTES) as out:
        # With a mark, by which spreadsheets know UTF-8.
        text = io.TextIOWrapper(out, encoding="utf-8-sig", newline="", write_through=True)
        write_rows(text, _failures(job))
        text.detach()
        jobs.attach(job=job, name=_("rows that failed.csv"), content=File(out))


def _failures(job: Job) -> Iterator[list[str]]:
    wrong: QuerySet[JobProblem] = job.problems.filter(row__isnull=False).order_by("pk")
    reading = job.input["reading"]
    if reading is None:
        yield [_("Row"), _("Field"), _("What is wrong")]
        yield from ([str(one.row), one.field, one.message] for one in wrong.iterator())
        return
    with _file(job, SOURCE) as source:
        table = Reading(**reading).open(source)
        columns = table.header or [_("Column %(number)s") % {"number": place + 1} for place in range(table.width)]
        yield [*columns, _("Row"), _("Field"), _("What is wrong")]
        rows = table.rows()
        for one in wrong.iterator():
            cells = next(row.cells for row in rows if row.number == one.row)
            # In a row of another length than the header every cell that there is comes after the others.
            fitting = [*cells, *[""] * len(columns)][: len(columns)]
            yield [*fitting, str(one.row), one.field, one.message, *cells[len(columns) :]]
