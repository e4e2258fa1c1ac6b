"""The export of everything about one student: a file for each part, and a page that says what is in them."""

import json
import tempfile
import uuid
import zipfile
from typing import IO, Any

from django.core.files import File
from django.core.serializers.json import DjangoJSONEncoder
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import School, User
from accounts.services.rules import NotAllowedError, WrongRoleError
from monitoring import jobs, privacy
from monitoring.jobs import JobFailedError, Progress
from monitoring.models import Job, JobFile
from monitoring.privacy import Part

EXPORT_KIND = "accounts.personal_data"
NAME, INDEX = "everything.zip", "index.html"


def may_export(by: User) -> bool:
    """Whether this person may have everything about a student."""
    return by.has_perm("accounts.export_student")


def begin_export(*, by: User, student: User) -> Job:
    """Gather everything about this student; the job whose file only `by` gets, and whose reading is written down.

    Raises NotAllowedError, or WrongRoleError for who is no student.
    """
    if not may_export(by):
        raise NotAllowedError
    if not student.is_student:
        raise WrongRoleError
    # Without a name: what is erased later must not stand in a list of jobs.
    label = _("Everything about one student")
    total = len(privacy.parts())
    return jobs.create(by=by, kind=EXPORT_KIND, label=label, input={"subject": str(student.pk)}, total=total)


def export(job: Job) -> Progress:
    """One step: the next part as a file in the making, or all of them as one."""
    by = User.objects.filter(pk=job.owner_id, is_active=True).first()
    if by is None or not may_export(by):
        raise JobFailedError(_("Whoever asked for this may not have it any more."))
    student = User.objects.filter(pk=uuid.UUID(job.input["subject"])).first()
    if student is None:
        raise JobFailedError(_("This account was erased meanwhile."))
    place, counts = job.checkpoint.get("place", 0), job.checkpoint.get("counts", {})
    parts = list(privacy.parts().values())
    if place < len(parts):
        part = parts[place]
        counts[part.name] = _write_part(job, by, student, part)
        return Progress({"place": place + 1, "counts": counts}, done=1)
    _join(job, student, [(part, counts.get(part.name, 0)) for part in parts])
    return Progress(job.checkpoint, finished=True)


def _write_part(job: Job, by: User, student: User, part: Part) -> int:
    """Keep the part's rows as a file in the making; how many there are."""
    if part.read:
        part.read(by, student.pk)
    number = 0
    with tempfile.TemporaryFile() as out:
        out.write(b"[")
        for number, row in enumerate(part.rows(student.pk), start=1):
            text = json.dumps(row, cls=DjangoJSONEncoder, ensure_ascii=False, indent=1)
            out.write((",\n" if number > 1 else "\n").encode() + text.encode("utf-8", "replace"))
        out.write(b"\n]\n")
        out.flush()
        jobs.attach(job=job, name=f"{part.name}.json", content=File(out), purpose=JobFile.Purpose.PART)
    return number


def _join(job: Job, student: User, parts: list[tuple[Part, int]]) -> None:
    with tempfile.TemporaryFile() as out:
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(INDEX, _index(student, parts))
            for part, _number in parts:
                name = f"{part.name}.json"
                made = job.files.get(purpose=JobFile.Purpose.PART, name=name)
                with made.content.open() as file, archive.open(name, "w") as entry:
                    _copy(file, entry)
        out.flush()
        jobs.attach(job=job, name=NAME, content=File(out))


def _copy(file: Any, entry: IO[bytes]) -> None:
    for chunk in file.chunks():
        entry.write(chunk)


def _index(student: User, parts: list[tuple[Part, int]]) -> str:
    context = {"student": student, "parts": parts, "school": School.current(), "made_at": timezone.now()}
    return render_to_string("accounts/personal_data.html", context)
