"""Versions: a client frozen as it was when a conversation started."""

import hashlib
import json
import uuid
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Generic, TypeVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from clients.models.profile import ClientProfile
from clients.snapshot import ClientSnapshot
from monitoring import pricing


class ClientVersion(models.Model):
    """What a client was at one moment: its snapshot and system prompt. Never changed; equal ones are shared."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    client = models.ForeignKey(
        ClientProfile, verbose_name=_("client"), on_delete=models.PROTECT, related_name="versions"
    )
    fingerprint = models.CharField(max_length=64, editable=False)
    data: "models.JSONField[Any, Any]" = models.JSONField(_("snapshot"))
    prompt = models.TextField(_("system prompt"))
    created_at = models.DateTimeField(_("frozen"), auto_now_add=True)

    class Meta:
        verbose_name = _("client version")
        verbose_name_plural = _("client versions")
        ordering = ["-created_at"]
        constraints = [models.UniqueConstraint(fields=["client", "fingerprint"], name="one_version_per_content")]

    def __str__(self) -> str:
        return f"{self.client} {self.created_at:%Y-%m-%d}"

    @property
    def snapshot(self) -> ClientSnapshot:
        """The client as a frozen value."""
        return ClientSnapshot.from_json(self.data)

    @classmethod
    def frozen(cls, pk: uuid.UUID) -> "Frozen[ClientSnapshot]":
        """What a turn needs of this version. It never changes, so that each process reads it once."""
        return _frozen(pk)

    @classmethod
    def freeze(cls, client: ClientProfile, prompt: str) -> "ClientVersion":
        """The version of this client with this prompt: the one that exists if nothing changed, else a new one."""
        data = client.snapshot().to_json()
        content = json.dumps([data, prompt], sort_keys=True, ensure_ascii=False)
        version, _created = cls.objects.get_or_create(
            client=client,
            fingerprint=hashlib.sha256(content.encode()).hexdigest(),
            defaults={"data": data, "prompt": prompt},
        )
        return version


Snapshot_co = TypeVar("Snapshot_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Frozen(Generic[Snapshot_co]):
    """Client or tutor as a voice needs them, with an upper bound on the tokens of the prompt."""

    snapshot: Snapshot_co
    prompt: str
    prompt_tokens: int


@lru_cache(maxsize=500)
def _frozen(pk: uuid.UUID) -> Frozen[ClientSnapshot]:
    version = ClientVersion.objects.get(pk=pk)
    return Frozen(version.snapshot, version.prompt, pricing.most_tokens_of_prose(version.prompt))
