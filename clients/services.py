"""What people do with clients: write, copy, share, open, archive, delete, and freeze them for a conversation."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.db import transaction
from django.db.models import F, ProtectedError
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Section, User
from accounts.services import RuleBrokenError
from clients.library import LibraryClient, load_library
from clients.models import ClientFact, ClientOpening, ClientProfile, ClientRule, ClientVersion
from clients.prompts import system_prompt, written_prompt
from clients.snapshot import Fact

# What a teacher writes; the rest of a profile moves by verbs of its own.
PROFILE_FIELDS = (
    "name", "age", "gender", "pronouns", "race", "socioeconomic_status", "domain", "issues", "reason", "background",
    "traits", "communication_style", "scenario", "challenges", "language", "difficulty", "opening_line",
    "client_speaks_first", "content_note",
)  # fmt: skip
# The sample lines of a built-in client are in its language and about its life; they stay with a copy while both do.
SCRIPT_FOLLOWS = ("language", "background")


class ClientRuleError(RuleBrokenError):
    """A rule about clients forbids what was asked; the message says which, in words for the person who asked."""


class NotYoursError(ClientRuleError):
    """Only the owner (or an admin) may change a client, and only its teachers may open it to a section."""


class BuiltInError(ClientRuleError):
    """Built-in clients are renewed with the portal, so that they cannot be rewritten, shared or deleted."""


class StaleEditError(ClientRuleError):
    """Someone else changed the client after this edit was begun."""


class InUseError(ClientRuleError):
    """A client that has been talked with can be archived but not deleted."""


class ArchivedError(ClientRuleError):
    """An archived client cannot be opened to a section."""


@dataclass(frozen=True, slots=True)
class LibraryChanges:
    """What `sync_library` did, as numbers of clients."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    archived: int = 0


@transaction.atomic
def create_client(*, by: User, values: Mapping[str, Any], facts: Sequence[Fact]) -> ClientProfile:
    """A new private client of this person from PROFILE_FIELDS and facts.

    Raises NotYoursError for students, and ValidationError like `full_clean`.
    """
    _require_author(by)
    client = ClientProfile(owner=by, **values)
    client.full_clean()
    client.save()
    _write_facts(client, facts)
    return client


@transaction.atomic
def update_client(
    *, by: User, client: ClientProfile, revision: int, values: Mapping[str, Any], facts: Sequence[Fact]
) -> ClientProfile:
    """Rewrite a client that is still as it was at `revision`; conversations go on with the version they began with.

    Raises StaleEditError, NotYoursError, BuiltInError, or ValidationError like `full_clean`.
    """
    require_changeable(client, by)
    _require_not_built_in(client)
    values = dict(values)
    if any(field in values and values[field] != getattr(client, field) for field in SCRIPT_FOLLOWS):
        values["script"] = {}
    draft = copy.copy(client)
    for field, value in values.items():
        setattr(draft, field, value)
    draft.full_clean()
    _save_if_unchanged(client, revision, values)
    _write_facts(client, facts)
    return client


@transaction.atomic
def set_prompt(*, by: User, client: ClientProfile, revision: int, override: str, model: str) -> ClientProfile:
    """Choose the model and the edited prompt; a text equal to the written prompt is no edit. Also for built-in clients.

    Raises StaleEditError or NotYoursError.
    """
    require_changeable(client, by)
    override = override.strip()
    if override == written_prompt(client.snapshot()).strip():
        override = ""
    _save_if_unchanged(client, revision, {"prompt_override": override, "model": model})
    return client


@transaction.atomic
def duplicate_client(*, by: User, client: ClientProfile) -> ClientProfile:
    """A private copy for this person, with facts, sample lines, prompt and model, opened to nobody.

    Raises NotYoursError.
    """
    _require_author(by)
    _require_visible(client, by)
    fields = (*PROFILE_FIELDS, "script", "prompt_override", "model")
    values = {field: getattr(client, field) for field in fields}
    values["name"] = _("%(name)s (copy)") % {"name": client.name[:90]}
    duplicate = ClientProfile.objects.create(owner=by, copied_from=client, **values)
    _write_facts(duplicate, [fact.as_value() for fact in client.facts.all()])
    ClientRule.objects.bulk_create(
        ClientRule(client=duplicate, text=rule.text, about=rule.about, written_by=rule.written_by)
        for rule in client.rules.all()
    )
    return duplicate


def archive_client(*, by: User, client: ClientProfile) -> None:
    """Take a client out of use; nothing is deleted and running conversations go on. Raises NotYoursError."""
    require_changeable(client, by)
    client.archive()


def restore_client(*, by: User, client: ClientProfile) -> None:
    """Bring an archived client back. Raises NotYoursError."""
    require_changeable(client, by)
    client.restore()


def share_client(*, by: User, client: ClientProfile, shared: bool) -> None:
    """Let all teachers of the school see, test, open and copy the client, or only its owner again.

    Raises NotYoursError or BuiltInError.
    """
    require_changeable(client, by)
    _require_not_built_in(client)
    client.visibility = ClientProfile.Visibility.SHARED if shared else ClientProfile.Visibility.PRIVATE
    client.save(update_fields=["visibility", "updated_at"])


@transaction.atomic
def open_to_section(*, by: User, client: ClientProfile, section: Section) -> ClientOpening:
    """Let the students of a section start the client; opening twice is one opening.

    Raises NotYoursError when the person does not teach the section or does not see the client, ArchivedError.
    """
    _require_visible(client, by)
    require_teaching(section, by)
    if client.archived_at:
        raise ArchivedError(_("%(client)s is archived. Restore the client first.") % {"client": client})
    opening, created = ClientOpening.objects.get_or_create(client=client, section=section, defaults={"opened_by": by})
    if not created and opening.closed_at:
        opening.closed_at, opening.opened_by, opening.opened_at = None, by, timezone.now()
        opening.save(update_fields=["closed_at", "opened_by", "opened_at"])
    return opening


def close_to_section(*, by: User, client: ClientProfile, section: Section) -> None:
    """Students of the section can start no new conversation; those that run go on. Raises NotYoursError."""
    require_teaching(section, by)
    ClientOpening.objects.current().filter(client=client, section=section).update(closed_at=timezone.now())


@transaction.atomic
def delete_unused(*, by: User, client: ClientProfile) -> None:
    """Delete a client that nobody has ever talked with. Raises NotYoursError, BuiltInError or InUseError."""
    require_changeable(client, by)
    _require_not_built_in(client)
    try:
        client.delete()
    except ProtectedError as error:
        raise InUseError(
            _("%(client)s has been used in conversations and stays with them. You can archive the client instead.")
            % {"client": client}
        ) from error


def count_clients(owner: User) -> int:
    """The clients that this teacher owns, archived ones too."""
    return ClientProfile.objects.filter(owner=owner).count()


def move_clients(leaving: User, receiving: User) -> None:
    """Give all clients of one teacher to another; openings to sections and conversations stay as they are."""
    ClientProfile.objects.filter(owner=leaving).update(owner=receiving)


def freeze(client: ClientProfile) -> ClientVersion:
    """The version of the client that a conversation begun now is held with; an unchanged client gives the same one."""
    return ClientVersion.freeze(client, system_prompt(client.snapshot(), client.prompt_override))


@transaction.atomic
def sync_library() -> LibraryChanges:
    """Make the built-in clients those of the library. Doing it again changes nothing.

    What an admin decided about one (archived, model, edited prompt) stays; one that left the library is archived.
    """
    found = {client.slug: client for client in ClientProfile.objects.filter(owner=None).exclude(slug="")}
    changes = LibraryChanges()
    for entry in load_library():
        outcome = _sync(found.pop(entry.slug, None), entry)
        changes = replace(changes, **{outcome: getattr(changes, outcome) + 1})
    for client in found.values():
        if not client.archived_at:
            client.archive()
            changes = replace(changes, archived=changes.archived + 1)
    return changes


def _sync(client: ClientProfile | None, entry: LibraryClient) -> str:
    """Write one built-in client; "created", "updated" or "unchanged"."""
    data = entry.snapshot.to_json()
    values = {field: data[field] for field in PROFILE_FIELDS if field in data}
    values |= {"script": data["script"], "content_note": entry.content_note}
    if client is None:
        client, _created = ClientProfile.objects.get_or_create(slug=entry.slug, defaults={"owner": None, **values})
        _write_facts(client, entry.snapshot.facts)
        return "created"
    changed = any(getattr(client, field) != value for field, value in values.items())
    if changed:
        for field, value in values.items():
            setattr(client, field, value)
        client.revision += 1
        client.save(update_fields=[*values, "revision", "updated_at"])
    return "updated" if _write_facts(client, entry.snapshot.facts) or changed else "unchanged"


def _write_facts(client: ClientProfile, facts: Sequence[Fact]) -> bool:
    """Make these the client's facts, in this order; whether anything was different."""
    if [fact.as_value() for fact in client.facts.all()] == list(facts):
        return False
    client.facts.all().delete()
    ClientFact.objects.bulk_create(
        ClientFact(
            client=client,
            position=position,
            topic=fact.topic,
            depth=fact.depth,
            unlock=fact.unlock,
            text=fact.lines[0],
            variants=list(fact.lines[1:]),
            keywords=list(fact.keywords),
        )
        for position, fact in enumerate(facts)
    )
    return True


def _save_if_unchanged(client: ClientProfile, revision: int, values: Mapping[str, Any]) -> None:
    """Write the values by compare-and-set on the revision; raises StaleEditError."""
    moved = ClientProfile.objects.filter(pk=client.pk, revision=revision).update(
        **values, revision=F("revision") + 1, updated_at=timezone.now()
    )
    if not moved:
        raise StaleEditError(
            _(
                "Someone changed this client after you opened this page, so nothing was saved yet. What you wrote is "
                "still here. Look at the client in another tab, then save again to replace the other changes."
            )
        )
    for field, value in {**values, "revision": revision + 1}.items():
        setattr(client, field, value)


def _require_author(by: User) -> None:
    if not by.looks_after_students:
        raise NotYoursError(_("Only teachers write clients."))


def require_changeable(client: ClientProfile, by: User) -> None:
    """Raises NotYoursError unless this person may change the client: their own, for admins built-in ones too."""
    if not client.may_be_changed_by(by):
        raise NotYoursError(_("Only the owner may change this client. You can make a copy of it."))


def _require_not_built_in(client: ClientProfile) -> None:
    if client.is_built_in:
        raise BuiltInError(_("Built-in clients are renewed with the portal. Make a copy and change that."))


def _require_visible(client: ClientProfile, by: User) -> None:
    if not ClientProfile.objects.visible_to(by).filter(pk=client.pk).exists():
        raise NotYoursError(_("This client is not shared with you."))


def require_teaching(section: Section, by: User) -> None:
    """Raises NotYoursError unless this person teaches the section or runs the school."""
    if not by.looks_after_students or not Section.objects.visible_to(by).filter(pk=section.pk).exists():
        raise NotYoursError(_("You do not teach this section."))
