"""What an operator may rely on in backups: whole or not there, made while people write, and proven when put back."""

import builtins
import contextlib
import io
import json
import re
import shutil
import tarfile
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as portal_settings
from django.contrib.sessions.models import Session as SignIn
from django.core.files.base import ContentFile
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.test import Client as Browser
from django.utils import timezone

from accounts.models import School, User
from config import backups
from config.backups import archive as archives
from config.backups import databases
from conversations.models import Message, Session, Turn
from conversations.tests.conftest import orphan, talk  # noqa: F401
from monitoring import heartbeats, jobs
from monitoring.models import Heartbeat, Job, JobFile

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def folder(settings: Any, tmp_path: Path, media: Path) -> Path:
    """Where backups go; the media folder is this test's too."""
    settings.BACKUP_DIR = tmp_path / "backups"
    return tmp_path / "backups"


def run(*arguments: Any, **options: Any) -> str:
    """What a command prints."""
    out = io.StringIO()
    call_command(*map(str, arguments), stdout=out, **options)
    return out.getvalue()


def make(folder: Path) -> Path:
    """A backup of this portal."""
    path, _manifest = backups.backup(folder=folder)
    return path


def forged(path: Path, change: Callable[[dict[str, Any]], None], **parts: bytes) -> Path:
    """The backup with another manifest, and with these parts instead of its own; the manifest is not put right."""
    target = path.with_name(f"forged-{uuid.uuid4().hex}.tar")
    with tarfile.open(path) as old, tarfile.open(target, "w") as new:
        for member in old.getmembers():
            file = old.extractfile(member)
            assert file
            content = file.read()
            if member.name == archives.MANIFEST:
                manifest = json.loads(content)
                change(manifest)
                content = json.dumps(manifest).encode()
            content = parts.get(member.name.replace(".", "_"), content)
            member.size = len(content)
            new.addfile(member, io.BytesIO(content))
    return target


def unchanged(_manifest: dict[str, Any]) -> None:
    """The manifest as it is."""


# --- Making one -------------------------------------------------------------------------------------------------------


@pytest.mark.servers
def test_a_backup_holds_the_rows_and_the_files_and_says_what_it_is_but_no_secret(
    folder: Path, student: User, school: School, settings: Any
) -> None:
    settings.ANTHROPIC_API_KEY = "sk-ant-secret"
    school.logo.save("logo.png", ContentFile(b"picture"))
    said = run("backup")
    [path] = folder.glob("*.tar")
    assert re.search(r"rapport-\d{8}T\d{6}\.\d{3}Z\.tar: .*accounts 1, conversations 0, messages 0, files 1", said)
    assert path.stat().st_mode & 0o077 == 0
    with backups.opened(path) as archive:
        backups.check_fits(archive)
        assert archive.manifest.engine == connection.vendor
        assert "monitoring.0001_initial" in archive.manifest.migrations
        assert [str(name) for name in archive.media] == [school.logo.name]
        written = archive.manifest.model_dump_json()
    for secret in (portal_settings.SECRET_KEY, "sk-ant-secret", str(connection.settings_dict["PASSWORD"])):
        assert not secret or secret not in written
    assert not list(folder.glob(".unfinished-*"))


def test_only_the_newest_stay_and_none_goes_before_the_new_one_is_safe(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [make(folder) for _ in range(3)]
    with monkeypatch.context() as patch:
        patch.setattr(archives.Writer, "close", full_disk)
        with pytest.raises(CommandError, match="No space left"):
            run("backup", keep=1)
    assert sorted(folder.glob("*.tar")) == paths
    assert not list(folder.glob(".unfinished-*"))
    run("backup", keep=2)
    left = sorted(folder.glob("*.tar"))
    assert len(left) == 2
    assert left[0] == paths[-1]
    with pytest.raises(CommandError, match="from 0"):
        run("backup", keep=-1)


def full_disk(*_: Any) -> None:
    raise OSError(28, "No space left on device")


def test_a_backup_clears_what_a_killed_one_left_and_never_runs_beside_another(folder: Path) -> None:
    left = folder / ".unfinished-of-old"
    left.mkdir(parents=True)
    (left / "backup.tar").write_text("half")
    make(folder)
    assert not left.exists()
    with backups._alone_in(folder), pytest.raises(CommandError, match="at work"):
        run("backup")


def test_backups_do_not_go_where_they_would_be_part_of_the_next_one(folder: Path, media: Path) -> None:
    with pytest.raises(CommandError, match="somewhere else"):
        run("backup", to=media / "backups")


def test_files_that_come_or_go_while_the_database_is_copied_are_those_of_its_rows(
    folder: Path, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (media / "jobs").mkdir(parents=True)
    for name in ("stays", "grows", "goes"):
        (media / "jobs" / name).write_text(name)
    moment = databases.current().moment

    class Busy:
        engine, part = databases.current().engine, databases.current().part

        @contextlib.contextmanager
        def moment(self) -> Iterator[databases.Moment]:
            (media / "jobs" / "comes").write_text("comes")
            (media / "jobs" / "grows").write_text("grows on")
            with moment() as one:
                (media / "jobs" / "goes").unlink()
                yield one

    monkeypatch.setattr(backups, "current", Busy)
    with backups.opened(make(folder)) as archive:
        archive.check()
        assert sorted(path.name for path in archive.media) == ["comes", "goes", "grows", "stays"]
        archive.copy("media/jobs/grows", folder / "grows")
    assert (folder / "grows").read_text() == "grows on"


def test_without_the_client_programs_the_words_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _program: None)
    with pytest.raises(backups.BackupError, match=r"no pg_dump here.*apt install postgresql-client"):
        databases._run("pg_dump")
    monkeypatch.setattr(shutil, "which", lambda _program: "/bin/false")
    with pytest.raises(backups.BackupError, match="pg_dump failed"):
        databases._run("pg_dump")


# --- Refusing one -----------------------------------------------------------------------------------------------------


def test_what_is_no_backup_or_is_damaged_is_refused_before_anything_is_touched(folder: Path, student: User) -> None:
    path = make(folder)
    part = databases.current().part
    cut, other = folder / "cut.tar", folder / "other.tar"
    cut.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with tarfile.open(other, "w") as tar:
        tar.add(path, "letter.txt")

    def stray(manifest: dict[str, Any]) -> None:
        manifest["parts"]["media/lost"] = {"size": 1, "sha256": "0"}

    def climb(manifest: dict[str, Any]) -> None:
        manifest["parts"] = {"../../etc/passwd": manifest["parts"].pop(part)}

    for bad, words in {
        folder / "none.tar": "There is no file",
        folder / ".lock": "no backup of Rapport",
        cut: "no backup of Rapport",
        other: "no backup of Rapport",
        forged(path, lambda manifest: manifest.update(format=99)): "format 99",
        forged(path, lambda manifest: manifest.update(engine="oracle")): "is of oracle",
        forged(path, lambda m: m["migrations"].append("clients.9999_later")): "newer version.*clients.9999_later",
        forged(path, stray): "does not hold what its manifest says",
        forged(path, unchanged, **{part.replace(".", "_"): b"rows"}): f"{part} is damaged",
        renamed(forged(path, climb), part, "../../etc/passwd"): "no place in a backup",
    }.items():
        with pytest.raises(CommandError, match=words):
            run("restore", bad, replace=True, yes=True)
    assert User.objects.get() == student
    assert "Whole, and fits" in run("restore", path, check=True)


def renamed(path: Path, part: str, name: str) -> Path:
    """The same archive with one member under another name."""
    target = path.with_name(f"renamed-{path.name}")
    with tarfile.open(path) as old, tarfile.open(target, "w") as new:
        for member in old.getmembers():
            file = old.extractfile(member)
            member.name = name if member.name == part else member.name
            new.addfile(member, file)
    return target


def test_a_portal_with_people_is_replaced_only_when_somebody_says_so_in_words(
    folder: Path, student: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make(folder)
    with pytest.raises(CommandError, match="accounts here"):
        run("restore", path)

    def nobody(_question: str) -> str:
        raise EOFError

    for answer in (lambda _question: "y", nobody):
        monkeypatch.setattr(builtins, "input", answer)
        with pytest.raises(CommandError, match="Nothing was changed"):
            run("restore", path, replace=True)
    assert list(folder.glob("*.tar")) == [path]


def test_a_portal_that_runs_is_not_replaced_under_its_feet(folder: Path, student: User) -> None:
    path = make(folder)
    heartbeats.beat(uuid.uuid4(), Heartbeat.Kind.WEB)
    with pytest.raises(CommandError, match="The portal runs"):
        run("restore", path, replace=True, yes=True)


def test_a_database_of_something_else_is_never_taken_for_a_portals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection.introspection, "table_names", lambda *_: ["wiki_page"])
    backups.check_stopped()
    with pytest.raises(backups.BackupError, match="not a portal's, and they would be lost: wiki_page"):
        backups.people_here()
    # Nor that of another program that is made of the same parts.
    monkeypatch.setattr(connection.introspection, "table_names", lambda *_: ["auth_group", "django_migrations"])
    with pytest.raises(backups.BackupError, match="none of a portal's"):
        backups.people_here()


def test_tables_of_another_program_beside_a_portals_are_never_lost(folder: Path, student: User) -> None:
    path = make(folder)
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE wiki_page (id integer PRIMARY KEY)")
        try:
            with pytest.raises(CommandError, match="not a portal's, and they would be lost: wiki_page"):
                run("restore", path, replace=True, yes=True)
            assert "wiki_page" in connection.introspection.table_names()
        finally:
            cursor.execute("DROP TABLE wiki_page")
    assert list(folder.glob("*.tar")) == [path]


def test_tables_of_a_newer_version_are_a_portals_too(student: User, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [*connection.introspection.table_names(), "accounts_of_next_year"]
    monkeypatch.setattr(connection.introspection, "table_names", lambda *_: names)
    assert backups.people_here() == 1


# --- Putting one back -------------------------------------------------------------------------------------------------


@pytest.mark.servers
def test_a_restored_portal_is_the_one_of_the_backup_at_rest_and_audited(
    folder: Path,
    media: Path,
    student: User,
    talk: Session,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    settings: Any,
) -> None:
    accepted = orphan(student, talk, uuid.uuid4(), "Half a sen")
    heartbeats.beat(uuid.uuid4(), Heartbeat.Kind.WEB)
    Browser().force_login(student)
    job = Job.objects.create(kind="x", label="x", language="en")
    kept = jobs.attach(job=job, name="grades.csv", content=ContentFile(b"1", "x"))
    lost = jobs.attach(job=job, name="lost.csv", content=ContentFile(b"2", "x"))
    Path(lost.content.path).unlink()
    call_command("migrate", "admin", "0002", verbosity=0)
    settings.SITE_URL = "https://before.example"
    path = make(folder)

    settings.SITE_URL = "https://after.example"
    call_command("migrate", "admin", verbosity=0)
    Heartbeat.objects.update(beat_at=timezone.now() - timedelta(hours=1))
    User.objects.create_user("later@example.com", "secret-word-1", display_name="Later")
    jobs.attach(job=job, name="later.csv", content=ContentFile(b"3", "x"))
    Path(kept.content.path).write_text("changed")
    monkeypatch.setattr(builtins, "input", lambda _question: " replace everything ")
    said = run("restore", path, replace=True)

    assert User.objects.filter(email=student.email).exists()
    assert not User.objects.filter(email="later@example.com").exists()
    assert sorted(JobFile.objects.values_list("name", flat=True)) == ["grades.csv", "lost.csv"]
    assert [file.read_text() for file in (media / "jobs").iterdir()] == ["1"]
    assert not Heartbeat.objects.exists()
    assert not SignIn.objects.exists()
    turn = Turn.objects.get()
    assert (turn.status, turn.error) == ("interrupted", "process_died")
    assert Message.objects.get(pk=accepted.turn.reply_id).content == "Half a sen"
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM django_migrations WHERE app = 'admin'")
        assert cursor.fetchone() == (3,)
    assert "now marked interrupted: 1." in said
    assert "does not hold: 1." in said
    assert "SITE_URL was 'https://before.example'" in said
    assert "acknowledged messages: 1 looked at, all right" in said
    # What was replaced can be had back.
    before = re.search(r"kept in (\S+\.tar)\.", said)
    assert before
    assert f"accounts {User.objects.count() + 1}," in run("restore", before[1], check=True)


def test_a_restoration_that_fails_says_where_the_old_rows_are_and_one_that_breaks_a_promise_fails(
    folder: Path,
    student: User,
    talk: Session,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Message.objects.create(
        session=talk, role=Message.Role.STUDENT, content="Hello", sequence=7, client_key=uuid.uuid4()
    )
    path = make(folder)

    def fails(_part: Path) -> None:
        raise backups.BackupError("pg_restore failed: no.")

    with monkeypatch.context() as patch:
        patch.setattr(type(databases.current()), "put_back", lambda _self, part: fails(part))
        with pytest.raises(CommandError, match=r"pg_restore failed: no\.\nWhat was here is in \S+\.tar\."):
            run("restore", path, replace=True, yes=True)
    with pytest.raises(CommandError, match="breaches"):
        run("restore", path, replace=True, yes=True)
