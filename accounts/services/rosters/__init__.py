"""Rosters: a file is kept, looked at, and imported in the background; nothing is written before that is asked for."""

import dataclasses
import datetime as dt
import io
from functools import partial
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from django.core.files import File
from django.db import transaction
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from accounts import roster
from accounts.models import RosterFile, Section, User
from accounts.roster import RosterError
from accounts.services.rosters import job as roster_job
from accounts.services.rosters.batch import Change, Decision
from accounts.services.rosters.opening import (
    LIMITS,
    MOST_BYTES,
    ZIP_LIMITS,
    Choices,
    OpenRoster,
    Reading,
    open_roster,
)
from accounts.services.rosters.survey import Survey, survey
from accounts.services.rules import NotAllowedError, TooManyTriesError
from monitoring import jobs
from monitoring.models import Job

__all__ = [
    "KIND",
    "MOST_BYTES",
    "Change",
    "Choices",
    "Decision",
    "OpenRoster",
    "Reading",
    "Survey",
    "begin_import",
    "clear_forgotten",
    "discard",
    "keep",
    "look",
]

KIND = roster_job.KIND
# Far more than a school of 400 sections needs in a day, and little work for the portal.
MOST_A_DAY = 100
DAY = dt.timedelta(days=1)
# A person may look at some files side by side; older ones make room.
MOST_KEPT = 5


def keep(*, by: User, file: File) -> RosterFile:
    """Keep a roster until it is imported, at most a day; a column of passwords is taken out before.

    Raises RosterError for what cannot be read, NotAllowedError, or TooManyTriesError after MOST_A_DAY imports.
    """
    if not by.looks_after_students:
        raise NotAllowedError
    _check_tries(by)
    if file.size > MOST_BYTES:
        raise RosterError(_("The file is larger than %(limit)s MB.") % {"limit": MOST_BYTES // 2**20})
    content: IO[bytes] | None
    if roster.is_archive(file):
        if not by.is_admin:
            raise NotAllowedError(_("Only admins import OneRoster zips. Save your class list as CSV and upload that."))
        content, secret = roster.archive_without_passwords(file, limits=ZIP_LIMITS)
        roster.open_oneroster(content, limits=ZIP_LIMITS)
    else:
        content = roster.table_without_passwords(file, limits=LIMITS)
        secret = content is not None
    name = "".join(c for c in Path(file.name or "").name if c.isprintable())
    kept = RosterFile(owner=by, name=name[:200] or _("roster"), had_passwords=secret)
    with transaction.atomic():
        kept.content.save("roster", File(content) if content else file)
        old = RosterFile.objects.visible_to(by).order_by("-created_at", "pk").values("pk")[MOST_KEPT:]
        _delete(list(RosterFile.objects.filter(pk__in=[row["pk"] for row in old])))
    return kept


def look(*, by: User, kept: RosterFile, choices: Choices) -> tuple[OpenRoster, Survey]:
    """What is in the roster and what its first rows would come to, read as chosen. Raises RosterError."""
    with kept.content.open("rb") as file:
        opened = open_roster(file, _settled(by, kept, choices))
        return opened, survey(by, opened)


def begin_import(*, by: User, kept: RosterFile, choices: Choices) -> Job:
    """Ask for the import, read as chosen; the kept file goes with it.

    Raises RosterError for a file that cannot be imported so, NotAllowedError for another's file, for one that was
    imported already or a section that is not one's own, or TooManyTriesError.
    """
    if not by.looks_after_students or kept.owner_id != by.pk:
        raise NotAllowedError
    _check_tries(by)
    chosen = choices.section
    if chosen is not None and not Section.objects.current().visible_to(by).filter(pk=chosen).exists():
        raise NotAllowedError(_("You can import only into current sections that you teach."))
    choices = _settled(by, kept, choices)
    with TemporaryFile() as plan, kept.content.open("rb") as file:
        opened = open_roster(file, choices)
        if opened.oneroster is not None and not by.is_admin:
            raise NotAllowedError  # they were an admin when they chose it
        if missing := opened.missing(by):
            raise RosterError(missing[0])
        text = io.TextIOWrapper(plan, encoding="utf-8", newline="\n")
        found = survey(by, opened, text)
        text.detach()
        reading = None
        handed_in = [File(plan, name=roster_job.PLAN)]
        if opened.table is not None:
            table = opened.table
            settled = Reading(table.encoding, table.delimiter, header=bool(table.header))
            reading = dataclasses.asdict(settled)
            handed_in.append(File(file, name=roster_job.SOURCE))
        return _hand_over(by, kept, found, handed_in, {"rename": choices.rename, "reading": reading})


@transaction.atomic
def _hand_over(by: User, kept: RosterFile, found: Survey, files: list[File], asked: dict[str, object]) -> Job:
    # Of two who press the button at once, one deletes this row and the other finds it gone.
    if not RosterFile.objects.filter(pk=kept.pk).delete()[0]:
        raise NotAllowedError(_("This file is being imported already."))
    for file in files:
        file.seek(0)
    label = _("Roster %(name)s") % {"name": kept.name}
    made = jobs.create(by=by, kind=KIND, label=label, input=asked, total=found.rows, files=files)
    transaction.on_commit(partial(kept.content.delete, save=False), robust=True)
    return made


@transaction.atomic
def discard(*, by: User, kept: RosterFile) -> None:
    """Delete a file that is not to be imported. Raises NotAllowedError."""
    if kept.owner_id != by.pk:
        raise NotAllowedError
    _delete([kept])


@transaction.atomic
def clear_forgotten() -> int:
    """Delete the files that nobody imported within a day; how many."""
    forgotten = list(RosterFile.objects.forgotten(timezone.now() - DAY))
    _delete(forgotten)
    return len(forgotten)


def _delete(files: list[RosterFile]) -> None:
    RosterFile.objects.filter(pk__in=[file.pk for file in files]).delete()
    for file in files:
        transaction.on_commit(partial(file.content.delete, save=False), robust=True)


def _settled(by: User, kept: RosterFile, choices: Choices) -> Choices:
    """The choices that this person may make for this file."""
    if kept.had_passwords:
        # It was written anew without them, and there is one way to read that.
        choices = dataclasses.replace(choices, reading=Reading("utf-8", ",", header=True))
    return choices.allowed_to(by)


def _check_tries(by: User) -> None:
    """Raises TooManyTriesError with the moment from which the next import is possible."""
    now = timezone.now()
    asked = Job.objects.filter(owner=by, kind=KIND, created_at__gt=now - DAY)
    counted = list(asked.order_by("-created_at").values_list("created_at", flat=True)[:MOST_A_DAY])
    if len(counted) < MOST_A_DAY:
        return
    opens_at = counted[-1] + DAY
    text = _("At most %(limit)s rosters can be imported within a day. The next is possible from %(moment)s.")
    moment = date_format(timezone.localtime(opens_at), "DATETIME_FORMAT")
    wait = max(1, int((opens_at - now).total_seconds()))
    raise TooManyTriesError(text % {"limit": MOST_A_DAY, "moment": moment}, wait)
