"""The file of a backup: a tar of the database, the media files and a manifest that says what it holds."""

import datetime as dt
import hashlib
import os
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any

from pydantic import BaseModel, ValidationError

FORMAT = 1
MANIFEST = "manifest.json"
MEDIA = "media/"
_CHUNK = 2**20


class BackupError(Exception):
    """A backup cannot be made, read or restored; the text says why, for whoever asked."""


class Part(BaseModel, frozen=True):
    """One file of a backup: its length in bytes and its SHA-256 in hexadecimal."""

    size: int
    sha256: str


class Manifest(BaseModel, frozen=True):
    """What a backup says of itself; it holds no secrets.

    `engine` is the kind of database, `migrations` those it had seen ("app.name"), `holds` how many accounts,
    conversations and messages, `settings` those that change how the portal works, `parts` every file by its name.
    """

    format: int
    made_at: dt.datetime
    engine: str
    server: str
    migrations: list[str]
    holds: dict[str, int]
    settings: dict[str, Any]
    parts: dict[str, Part]


class Writer:
    """Writes the parts, then the manifest. A part of the same name replaces the earlier one."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._tar = tarfile.TarFile(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT)
        self.parts: dict[str, Part] = {}

    def add(self, name: str, path: Path) -> None:
        """Copy this file in. Raises OSError where it is gone, or gets shorter meanwhile."""
        with path.open("rb") as file:
            hashed = _Hashed(file)
            info = tarfile.TarInfo(name)
            status = os.fstat(file.fileno())
            info.size, info.mtime, info.mode = status.st_size, status.st_mtime, 0o600
            self._tar.addfile(info, hashed)  # type: ignore[arg-type]  # it is only read from
        self.parts[name] = Part(size=info.size, sha256=hashed.digest.hexdigest())

    def close(self, path: Path, manifest: Manifest) -> None:
        """Put the manifest, by way of this file, at the end."""
        path.write_text(manifest.model_dump_json(indent=1))
        self._tar.add(path, MANIFEST)
        self._tar.close()


class Archive:
    """A backup that can be read."""

    def __init__(self, tar: tarfile.TarFile, manifest: Manifest) -> None:
        self._tar, self.manifest = tar, manifest

    @property
    def media(self) -> list[PurePosixPath]:
        """The media files, relative to the media folder."""
        return [PurePosixPath(name).relative_to(MEDIA) for name in self.manifest.parts if name.startswith(MEDIA)]

    def check(self) -> None:
        """Raise BackupError unless every part is there as it was written, and nothing else is."""
        if set(self._tar.getnames()) != {MANIFEST, *self.manifest.parts}:
            raise BackupError("It does not hold what its manifest says.")
        for name, part in self.manifest.parts.items():
            # The manifest is a file like any other: what it says must not lead out of the media folder.
            if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
                raise BackupError(f"Its part {name} has no place in a backup.")
            digest = hashlib.sha256()
            for chunk in self._chunks(name):
                digest.update(chunk)
            if digest.hexdigest() != part.sha256:
                raise BackupError(f"Its part {name} is damaged.")

    def copy(self, name: str, target: Path) -> None:
        """Write a part to this path, whole or not at all."""
        unfinished = target.with_name(f".{target.name}.part")
        target.parent.mkdir(parents=True, exist_ok=True)
        with unfinished.open("wb") as file:
            for chunk in self._chunks(name):
                file.write(chunk)
        unfinished.replace(target)

    def _chunks(self, name: str) -> Iterator[bytes]:
        # Of several members of one name this is the last.
        member = self._tar.extractfile(name)
        while member and (chunk := member.read(_CHUNK)):
            yield chunk


@contextmanager
def opened(path: Path) -> Iterator[Archive]:
    """A backup by its path. Raises BackupError where there is none, or one of another format."""
    try:
        tar = tarfile.open(path, "r:")  # noqa: SIM115  closed below; what goes wrong while it is used is something else
    except FileNotFoundError as error:
        raise BackupError(f"There is no file {path}.") from error
    except (OSError, tarfile.TarError) as error:
        raise BackupError(f"{path} is no backup of Rapport, or is damaged.") from error
    with tar:
        try:
            file = tar.extractfile(MANIFEST)
            manifest = Manifest.model_validate_json(file.read() if file else b"")
        except (tarfile.TarError, KeyError, ValidationError) as error:
            raise BackupError(f"{path} is no backup of Rapport, or is damaged.") from error
        if manifest.format != FORMAT:
            raise BackupError(f"{path} has format {manifest.format}, and this portal reads format {FORMAT}.")
        yield Archive(tar, manifest)


class _Hashed:
    """A file that adds up its hash while it is read."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self.digest = file, hashlib.sha256()

    def read(self, size: int) -> bytes:
        chunk = self._file.read(size)
        self.digest.update(chunk)
        return chunk
