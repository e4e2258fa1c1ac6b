"""Exports of many conversations as background work: chosen once, read in batches, under the rights of the moment.

What is chosen is kept as a list of keys, so that what is exported is what was counted. Each step reads a batch and
keeps it as a part; parts are joined into a file whenever they fill one. Neither a conversation nor a file is ever held
in memory with all the others.
"""

import io
import struct
import tempfile
import uuid
import zipfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import IO, Any

from django.core.files import File
from django.core.files.base import ContentFile
from django.db.models import TextChoices
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.models import School, User
from accounts.models.user import known_zone
from accounts.services import RuleBrokenError
from conversations import exports
from conversations.exports import Choice, Place, Talk
from conversations.models import Session, TranscriptReading
from conversations.models.session import SessionQuerySet
from conversations.readings import log_readings
from monitoring import jobs
from monitoring.cells import BOM
from monitoring.jobs import JobFailedError, Problem, Progress
from monitoring.models import Job, JobFile

KIND = "conversations.export"
INDEX = "index.csv"
# One file holds no more than this: so many can be unpacked, opened and sent.
VOLUME_TALKS = 5_000
VOLUME_BYTES = 100 * 2**20
# A chosen conversation: its key, and the number of its student in this export.
RECORD = struct.Struct("<16sI")


class ExportRuleError(RuleBrokenError):
    """This export cannot be made; the message says why in plain words."""


class Format(TextChoices):
    """What a conversation becomes: a file of its own in a zip, or rows of one file."""

    PDF = "pdf", gettext_lazy("PDF, to read and print")
    MARKDOWN = "md", gettext_lazy("Markdown, for word processors and notes")
    CSV = "csv", gettext_lazy("CSV, a table with a row for each message")
    JSON = "json", gettext_lazy("JSON, for programs")

    @property
    def batch(self) -> tuple[int, int]:
        """How many conversations, and messages in them, one step of about a second does."""
        return (10, 300) if self == Format.PDF else (200, 4_000)


@dataclass(frozen=True, slots=True)
class _Place:
    """The checkpoint: the next record, and the file in the making with its number of parts, conversations and bytes."""

    record: int = 0
    volume: int = 1
    parts: int = 0
    talks: int = 0
    size: int = 0

    @property
    def is_full(self) -> bool:
        return self.talks >= VOLUME_TALKS or self.size >= VOLUME_BYTES


def running_export(user: User) -> Job | None:
    """The export of this person that has not ended; there is one at a time."""
    ended = [state for state, following in Job.NEXT.items() if not following]
    return Job.objects.filter(owner_id=user.pk, kind=KIND).exclude(state__in=ended).first()


def start_export(*, by: User, sessions: SessionQuerySet, file_format: Format, choice: Choice) -> Job:
    """Begin to export those of these sessions that this person sees, newest first.

    Raises ExportRuleError while another export of theirs runs, or where nothing is chosen.
    """
    if running_export(by):
        raise ExportRuleError(_("Your last export is still running. Wait for it, or cancel it."))
    visible = sessions.visible_to(by).filter(client__isnull=False)
    chosen, students = bytearray(), dict[uuid.UUID, int]()
    rows = visible.order_by("-started_at", "-id").values_list("pk", "student_id")
    for key, student in rows.iterator(chunk_size=5_000):
        chosen += RECORD.pack(key.bytes, students.setdefault(student, len(students) + 1))
    total = len(chosen) // RECORD.size
    if not total:
        raise ExportRuleError(_("There is no conversation to export. Choose others."))
    label = ngettext(
        "Export of %(number)s conversation (%(format)s)", "Export of %(number)s conversations (%(format)s)", total
    )
    return jobs.create(
        by=by,
        kind=KIND,
        label=label % {"number": total, "format": file_format.value.upper()},
        input={"format": file_format.value, **asdict(choice)},
        total=total,
        files=[ContentFile(bytes(chosen), name="chosen")],
    )


def export(job: Job) -> Progress:
    """One step: read the next batch, or join the parts of a file that is full."""
    by = User.objects.filter(pk=job.owner_id, is_active=True).first()
    if by is None:
        raise JobFailedError(_("The account that asked for this export is closed."))
    with timezone.override(known_zone(by.time_zone, School.current().time_zone)):
        return _Export(job, by).step()


class _Export:
    """The work of one step."""

    def __init__(self, job: Job, by: User) -> None:
        self.job, self.by = job, by
        self.format = Format(job.input["format"])
        self.choice = Choice(**{key: value for key, value in job.input.items() if key != "format"})
        self.at = _Place(**job.checkpoint)
        self.total = job.total or 0

    def step(self) -> Progress:
        at = self.at
        at_end = at.record >= self.total
        if at.parts and (at_end or at.is_full):
            self._join(alone=at_end and at.volume == 1)
            return Progress(asdict(_Place(at.record, at.volume + 1)), finished=at_end)
        return self._read()

    def _read(self) -> Progress:
        """Read a batch under the rights of this moment, and keep it as a part."""
        at, records = self.at, self._records()
        visible = exports.exportable(Session.objects.visible_to(self.by))
        found = {one.pk: one for one in visible.filter(pk__in=[key for key, _student in records])}
        places: dict[uuid.UUID, Place] = {}
        sessions, problems, messages, done = list[Session](), list[Problem](), 0, 0
        for number, (key, student) in enumerate(records, at.record + 1):
            session = found.get(key)
            if session:
                messages += session.last_sequence
                if sessions and messages > self.format.batch[1]:
                    break
                sessions.append(session)
                places[key] = Place(number, student)
            else:
                why = _("You may not read this conversation any more. It is not in the export.")
                problems.append(Problem(why, row=number))
            done += 1
        size, parts = 0, at.parts
        if sessions:
            part = self._part(exports.talks(sessions, by=self.by, choice=self.choice, places=places), sessions, places)
            size, parts = len(part), parts + 1
            self._attach(ContentFile(part), f"{parts:06}", JobFile.Purpose.PART)
            read = [session.pk for session in sessions if session.student_id != self.by.pk]
            log_readings(by=self.by, sessions=read, how=TranscriptReading.How.EXPORT)
        after = _Place(at.record + done, at.volume, parts, at.talks + len(sessions), at.size + size)
        finished = after.record >= self.total and not after.parts
        return Progress(asdict(after), done=done, failed=len(problems), problems=problems, finished=finished)

    def _records(self) -> list[tuple[uuid.UUID, int]]:
        chosen = self.job.files.get(purpose=JobFile.Purpose.INPUT)
        with chosen.content.open() as file:
            file.seek(self.at.record * RECORD.size)
            content = file.read(self.format.batch[0] * RECORD.size)
        return [(uuid.UUID(bytes=key), student) for key, student in RECORD.iter_unpack(content)]

    def _part(self, talks: Sequence[Talk], sessions: Sequence[Session], places: dict[uuid.UUID, Place]) -> bytes:
        """A batch as bytes, which `_join` makes a file of with others."""
        columns: dict[str, bool] = {"figures": self._figures, "notes": self.choice.notes}
        if self.format == Format.JSON:
            return ",\n".join(exports.json_text(talk) for talk in talks).encode()
        if self.format == Format.CSV:
            header = [exports.csv_header(talks[0].data, **columns)] if not self.at.parts else []
            rows = [row for talk in talks for row in exports.csv_rows(talk, **columns)]
            return exports.csv_text([*header, *rows]).encode()
        out, index = io.BytesIO(), [] if self.at.parts else [["file", *talks[0].data]]
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            for talk, session in zip(talks, sessions, strict=True):
                name = self._name(talk, session, places[session.pk].number)
                content = pdf_of(talk) if self.format == Format.PDF else "".join(exports.markdown(talk)).encode()
                archive.writestr(_entry(name, session), content, zipfile.ZIP_DEFLATED)
                index.append([name, *(exports.cell(value) for value in talk.data.values())])
            archive.writestr(INDEX, exports.csv_text(index))
        return out.getvalue()

    @property
    def _figures(self) -> bool:
        return self.choice.within_rights_of(self.by).figures

    def _name(self, talk: Talk, session: Session, number: int) -> str:
        """A name that is safe on every system, and unique by its number."""
        words = [slugify(talk.data[key], allow_unicode=True)[:40] for key in ("student", "client")]
        day = f"{timezone.localtime(session.started_at):%Y-%m-%d}"
        width = len(str(self.total))
        return "_".join([f"{number:0{width}}", *filter(None, words), day]) + f".{self.format.value}"

    def _join(self, *, alone: bool) -> None:
        """Make a file of the parts; `alone` where it is the only one, which needs no number."""
        number = "" if alone else f"-{self.at.volume}"
        ending = self.format.value if self.format in {Format.CSV, Format.JSON} else "zip"
        names = [f"{part:06}" for part in range(1, self.at.parts + 1)]
        parts = self.job.files.filter(purpose=JobFile.Purpose.PART, name__in=names).order_by("name")
        with tempfile.TemporaryFile() as out:
            if ending == "zip":
                _join_archives(out, parts)
            else:
                self._join_texts(out, parts)
            out.flush()
            self._attach(File(out), f"conversations{number}.{ending}", JobFile.Purpose.OUTPUT)

    def _join_texts(self, out: IO[bytes], parts: Any) -> None:
        before, between, after = ('{"conversations": [\n', ",\n", "\n]}\n")
        if self.format == Format.CSV:
            before, between, after = BOM, "", ""
        out.write(before.encode())
        for place, part in enumerate(parts):
            out.write(between.encode() if place else b"")
            with part.content.open() as file:
                out.writelines(file.chunks())
        out.write(after.encode())

    def _attach(self, content: File, name: str, purpose: str) -> None:
        jobs.attach(job=self.job, name=name, content=content, purpose=purpose)


def pdf_of(talk: Talk) -> bytes:
    """The conversation as a PDF file."""
    # Late: the library costs every process half a second and 25 MB, and few ever draw.
    from conversations.pdf import pdf

    return pdf(talk)


def _join_archives(out: IO[bytes], parts: Any) -> None:
    index = io.BytesIO(BOM.encode())
    index.seek(0, io.SEEK_END)
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for part in parts:
            with part.content.open() as file, zipfile.ZipFile(file) as batch:
                for entry in batch.infolist():
                    if entry.filename == INDEX:
                        index.write(batch.read(entry))
                    else:
                        archive.writestr(entry, batch.read(entry), zipfile.ZIP_DEFLATED)
        archive.writestr(INDEX, index.getvalue())


def _entry(name: str, session: Session) -> zipfile.ZipInfo:
    begun = timezone.localtime(session.started_at)
    return zipfile.ZipInfo(name, (begun.year, begun.month, begun.day, begun.hour, begun.minute, begun.second))
