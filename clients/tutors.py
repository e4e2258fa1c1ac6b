"""Which tutor personas there are, which of them a section allows, and which one a person prefers."""

import logging
import time
from collections.abc import Iterable, Mapping
from functools import lru_cache

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Section, User
from clients.models import PersonaText, SectionPersonas, TutorPreference
from clients.personas import Learner, Persona, PersonaError, built_in
from clients.services import ClientRuleError, require_teaching

logger = logging.getLogger(__name__)


class PersonaNotOfferedError(ClientRuleError):
    """The persona is not among those that this person may choose from."""


def personas_now() -> Mapping[str, Persona]:
    """All personas that are offered, by key and in order, read at most once a second in each process.

    These are the ones that come with the portal and the active rows; a row with the key of one of the portal's stands
    in its place. A row that is no persona (any more) is left out and logged: it must not take the others away.
    """
    return _personas(int(time.monotonic()))


def forget() -> None:
    """Read the personas anew the next time."""
    _personas.cache_clear()


def allowed_in(section: Section) -> list[Persona]:
    """The personas that a section's students may choose from, in order."""
    row = SectionPersonas.objects.filter(section=section).first()
    return [persona for persona in personas_now().values() if row is None or persona.key in row.allowed]


def allowed_to(user: User) -> list[Persona]:
    """The personas that this person may choose from, in order.

    Students: what any of their current sections allows, and nothing without a section. Teachers and school admins:
    all, to know them. Others: nothing.
    """
    personas = personas_now()
    if user.looks_after_students:
        return list(personas.values())
    choices = list(Section.objects.current().visible_to(user).values_list("personas__allowed", flat=True))
    if None in choices:
        return list(personas.values())
    allowed = {key for keys in choices for key in keys}
    return [persona for persona in personas.values() if persona.key in allowed]


@transaction.atomic
def allow(*, by: User, section: Section, keys: Iterable[str]) -> None:
    """Let the students of a section choose from these personas; all of them: from those that come later too.

    Raises NotYoursError. A key that is not offered now is passed over.
    """
    require_teaching(section, by)
    offered = personas_now().keys()
    allowed = offered & set(keys)
    # One that is switched off just now is neither ticked nor unticked.
    before = SectionPersonas.objects.select_for_update().filter(section=section).first()
    hidden = set(before.allowed) - offered if before else set()
    if len(allowed) == len(offered):
        SectionPersonas.objects.filter(section=section).delete()
        return
    SectionPersonas.objects.update_or_create(
        section=section, defaults={"allowed": sorted(allowed | hidden), "chosen_by": by, "chosen_at": timezone.now()}
    )


@transaction.atomic
def prefer(*, by: User, persona: str, learner: Learner) -> TutorPreference:
    """Keep which tutor this person prefers, in place of an earlier choice. Raises PersonaNotOfferedError."""
    if persona not in {one.key for one in allowed_to(by)}:
        raise PersonaNotOfferedError(_("This tutor is not offered to you. Choose another one."))
    preference, _is_new = TutorPreference.objects.update_or_create(
        user=by, defaults={"persona": persona, "customisation": learner.to_json()}
    )
    return preference


@lru_cache(maxsize=1)
def _personas(second: int) -> Mapping[str, Persona]:
    found = dict(built_in())
    for row in PersonaText.objects.filter(is_active=True):
        try:
            found[row.key] = row.persona()
        except PersonaError:
            logger.warning("The text of persona %s cannot be read, so it is not offered.", row.key)
    ordered = sorted(found.values(), key=lambda persona: (persona.order, persona.title, persona.key))
    return {persona.key: persona for persona in ordered}
