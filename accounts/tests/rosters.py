"""Rosters as tests hand them in, and the worker that imports them."""

import io
import zipfile
from collections.abc import Mapping
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile

from accounts.models import Section, User
from accounts.services import rosters
from monitoring import jobs
from monitoring.models import Job


def uploaded(content: str | bytes, name: str = "class.csv") -> SimpleUploadedFile:
    """A file as a browser sends it."""
    return SimpleUploadedFile(name, content.encode() if isinstance(content, str) else content)


def finished(job: Job) -> Job:
    """The job after workers did all of it."""
    while not job.is_ended:
        before = job.fence
        jobs.work(job.pk, job.fence)
        job.refresh_from_db()
        assert job.fence > before, f"nobody could claim {job}"
    return job


def imported(by: User, content: str | bytes, section: Section | None = None, **choices: Any) -> Job:
    """The job that imported this roster."""
    kept = rosters.keep(by=by, file=uploaded(content))
    chosen = rosters.Choices(section=section.pk if section else None, **choices)
    return finished(rosters.begin_import(by=by, kept=kept, choices=chosen))


def counted(job: Job) -> dict[str, int]:
    """What it changed, without zeros."""
    return {name: number for name, number in job.checkpoint["counts"].items() if number}


def problems(job: Job) -> list[tuple[int | None, str]]:
    """Row and message of each problem."""
    return list(job.problems.order_by("pk").values_list("row", "message"))


def oneroster(files: Mapping[str, str], *, version: str = "1.1", mode: str = "bulk") -> bytes:
    """A zip with these files and its manifest; rows are parted by line ends, cells by commas."""
    names = ("orgs", "academicSessions", "courses", "classes", "users", "roles", "enrollments")
    manifest = ["propertyName,value", f"oneroster.version,{version}"]
    manifest += [f"file.{name},{mode if name in files else 'absent'}" for name in names]
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("manifest.csv", "\n".join(manifest))
        for name, text in files.items():
            archive.writestr(f"{name}.csv", text)
    return out.getvalue()
