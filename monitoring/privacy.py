"""Privacy: everything about one person, to hand out and to erase; apps register their parts when they start.

Monitoring knows people by their key alone. What it keeps of money stays, and names nobody afterwards.
"""

import json
import re
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import F, Model, Q, QuerySet
from django.utils.functional import Promise

# What stands where a name stood.
ERASED = "[erased]"
# A single word may be the name of many, and a short number part of many others.
_LEAST_WORDS, _LEAST_CHARACTERS = 2, 5
# Before a word stands no letter, but perhaps what JSON makes of a quotation mark or of a new line: \u201c, \n.
_BEFORE = r"(?:(?<!\w)|(?<=\\u[0-9a-f]{4})|(?<=\\[bfnrt]))"


@dataclass(frozen=True, slots=True)
class Subject:
    """One person: their key, and the words that name them and nobody else, such as their address and full name."""

    id: uuid.UUID
    words: tuple[str, ...] = ()

    @classmethod
    def called(cls, key: uuid.UUID, *, exact: Iterable[str], names: Iterable[str]) -> "Subject":
        """A person with these addresses and numbers, and these names, of which those of one word are left out."""
        long = [word for word in exact if len(word) >= _LEAST_CHARACTERS]
        full = [name for name in names if len(name.split()) >= _LEAST_WORDS]
        return cls(key, (str(key), key.hex, *long, *full))

    @property
    def spellings(self) -> tuple[str, ...]:
        """The words, and how JSON writes those with other letters than ASCII: the admin's history is JSON."""
        return tuple(dict.fromkeys([*self.words, *(json.dumps(word)[1:-1] for word in self.words)]))

    def named_in(self, text: str) -> bool:
        """Whether a word that names them is in the text."""
        return bool(self._pattern.search(text))

    def without_them(self, text: str) -> str:
        """The text with ERASED where they were named."""
        return self._pattern.sub(ERASED, text)

    @property
    def _pattern(self) -> re.Pattern[str]:
        words = sorted(self.spellings, key=len, reverse=True)
        return re.compile("|".join(rf"{_BEFORE}{re.escape(word)}(?!\w)" for word in words), re.IGNORECASE)


class NotYetError(Exception):
    """Something that still runs has to end first; the text says what, for whoever waits."""


Rows = Callable[[uuid.UUID], Iterable[Mapping[str, Any]]]
# (who asked, about whom)
Read = Callable[[Any, uuid.UUID], None]


@dataclass(frozen=True, slots=True)
class Part:
    """One file of an export: its name, what people call it, its rows, and who must be told that it was read."""

    name: str
    label: str | Promise
    rows: Rows
    read: Read | None


@dataclass(frozen=True, slots=True)
class Stage:
    """One step of an erasure: how many rows it is about, and how so many of them go; it ends when none went.

    Without a count they are looked for while it runs.
    """

    name: str
    label: str | Promise
    count: Callable[[Subject], int] | None
    erase: Callable[[Subject, int], int]


_parts: dict[str, Part] = {}
_stages: dict[str, Stage] = {}
_of_staff: set[type[Model]] = set()


def register_part(name: str, rows: Rows, *, label: str | Promise, read: Read | None = None) -> None:
    """Say that these rows are about a person and go into an export; a second part of the same name replaces the first.

    `rows` must not hold them all in memory. `read` writes down who reads them, where that is written down.
    """
    _parts[name] = Part(name, label, rows, read)


def register_stage(
    name: str,
    *,
    label: str | Promise,
    count: Callable[[Subject], int] | None,
    erase: Callable[[Subject, int], int],
) -> None:
    """Say that these rows go when a person is erased, after what was registered before.

    `erase` deals with at most so many in the transaction that it is called in, and says how many; done again it finds
    none. It raises NotYetError while something that still runs needs them.
    """
    _stages[name] = Stage(name, label, count, erase)


def register_rows(name: str, about: Callable[[uuid.UUID], QuerySet[Any, Any]], *, label: str | Promise) -> None:
    """Say that the rows of this queryset are deleted, each with what cascades from it."""
    register_stage(
        name,
        label=label,
        count=lambda subject: about(subject.id).count(),
        erase=lambda subject, at_most: delete(about(subject.id), at_most),
    )


def register_of_staff(*models: type[Model]) -> None:
    """Say that staff write rows of these tables for others: they stay when whoever wrote them is erased."""
    _of_staff.update(models)


def of_staff() -> frozenset[type[Model]]:
    """Tables whose rows are a reason to keep an account that everything else about has gone, emptied."""
    return frozenset(_of_staff)


def parts() -> Mapping[str, Part]:
    """All parts of an export by name."""
    return _parts


def stages() -> Mapping[str, Stage]:
    """All stages of an erasure by name, in their order."""
    return _stages


def delete(rows: QuerySet[Any, Any], at_most: int) -> int:
    """Delete so many of these rows; how many."""
    keys = list(rows.order_by().values_list("pk", flat=True)[:at_most])
    rows.model._default_manager.filter(pk__in=keys).delete()
    return len(keys)


def fields_of(rows: QuerySet[Any, Any], *, hide: Iterable[str] = (), **more: str) -> Iterator[dict[str, Any]]:
    """Every column of these rows but those to hide, and more by other names, such as client="client__name"."""
    columns = [field.attname for field in rows.model._meta.concrete_fields if field.attname not in hide]
    added = {f"with_{name}": F(path) for name, path in more.items()}
    for row in rows.values(*columns, **added).iterator(chunk_size=500):
        yield {name.removeprefix("with_"): value for name, value in row.items()}


def history_of(model: type[Model], keys: Iterable[Any]) -> QuerySet[LogEntry]:
    """What the admin's history says of these rows."""
    ids = [str(key) for key in keys]
    kinds = ContentType.objects.get_for_models(
        model, *(one for one in model.__subclasses__() if one._meta.proxy), for_concrete_models=False
    )
    return LogEntry.objects.filter(content_type__in=list(kinds.values()), object_id__in=ids)


def forget_history(entries: QuerySet[LogEntry]) -> int:
    """Leave of these entries who did something when, and nothing of what it was done to; how many."""
    return entries.update(object_repr=ERASED, change_message="", object_id="")


def mentions(model: type[Model], fields: Iterable[str], subject: Subject) -> QuerySet[Any]:
    """Rows of which one of these text fields may name this person."""
    found = Q.create([(f"{field}__icontains", word) for field in fields for word in subject.spellings], connector=Q.OR)
    return model._default_manager.filter(found)


def blank_mentions(model: type[Model], fields: Iterable[str], subject: Subject, at_most: int) -> int:
    """Take the person's name out of these fields of so many rows that name them; how many."""
    names, changed = list(fields), []
    for row in mentions(model, names, subject).order_by("pk").iterator(chunk_size=500):
        before = [getattr(row, name) for name in names]
        after = [subject.without_them(text) for text in before]
        if before != after:
            for name, text in zip(names, after, strict=True):
                setattr(row, name, text[: model._meta.get_field(name).max_length])  # type: ignore[union-attr]
            changed.append(row)
        if len(changed) == at_most:
            break
    model._default_manager.bulk_update(changed, names, batch_size=500)
    return len(changed)
