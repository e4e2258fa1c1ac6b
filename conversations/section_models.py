"""Which model speaks in a section's conversations, and who stands in, in which order, when it cannot."""

import time
import uuid
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from django.conf import settings
from django.utils.translation import gettext as _

from accounts.models import Section, User
from clients.voices import voice_for_new_sessions
from conversations.models import SectionModels
from monitoring.services import offered_models

MOST_STAND_INS = 3
# A message is answered by what was chosen so long ago: it must not ask again each time.
KEPT_SECONDS = 10


class SectionModelsError(Exception):
    """Models cannot be chosen like this; the message says why in plain words."""


class Choice(NamedTuple):
    """The model that a section asks for, "" for none, and who stands in, in this order."""

    model: str
    stand_ins: tuple[str, ...]


def choice_of(section_id: uuid.UUID | None) -> Choice:
    """What holds in this section, or where there is none; each process reads it every ten seconds at most."""
    chosen = _choice(section_id, int(time.monotonic() / KEPT_SECONDS)) if section_id else None
    return chosen or Choice("", tuple(settings.FALLBACK_MODELS))


def voice_in(section_id: uuid.UUID | None, chosen: str) -> tuple[str, str]:
    """Voice and model of a new session in this section with a client for whom this model was chosen."""
    choice = choice_of(section_id)
    return voice_for_new_sessions(choice.model or chosen, *choice.stand_ins)


def choose(*, by: User, section: Section, model: str, stand_ins: Sequence[str]) -> None:
    """Let this model speak in the section's conversations from the next one on, and these stand in from now on.

    Raises SectionModelsError for whom they are not to be chosen by, for models that are not offered, and for one named
    twice.
    """
    if not Section.objects.led_by(by).filter(pk=section.pk).exists():
        raise SectionModelsError(_("Only who leads this section may do that."))
    named = [model, *stand_ins] if model else list(stand_ins)
    if len(stand_ins) > MOST_STAND_INS:
        raise SectionModelsError(_("At most %(count)d models can stand in.") % {"count": MOST_STAND_INS})
    if len(set(named)) < len(named):
        raise SectionModelsError(_("Name each model once."))
    offered = set(offered_models())
    if unknown := [name for name in named if name not in offered]:
        raise SectionModelsError(_("%(model)s is not offered here. Choose one from the list.") % {"model": unknown[0]})
    SectionModels.objects.update_or_create(
        section=section, defaults={"model": model, "stand_ins": list(stand_ins), "changed_by": by}
    )
    forget()


def reset(*, by: User, section: Section) -> None:
    """Let the clients' and the site's models hold again. Raises SectionModelsError as `choose` does."""
    if not Section.objects.led_by(by).filter(pk=section.pk).exists():
        raise SectionModelsError(_("Only who leads this section may do that."))
    SectionModels.objects.filter(section=section).delete()
    forget()


def forget() -> None:
    """Read the choices anew the next time."""
    _choice.cache_clear()


@lru_cache(maxsize=1_000)
def _choice(section_id: uuid.UUID, period: int) -> Choice | None:
    row = SectionModels.objects.filter(section=section_id).values_list("model", "stand_ins").first()
    return Choice(row[0], tuple(row[1])) if row else None
