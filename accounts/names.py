"""What people and sections are called, for pages that know them only by their ids."""

import uuid
from collections.abc import Collection

from accounts.models import Section, User


def of_people(ids: Collection[uuid.UUID]) -> dict[uuid.UUID, str]:
    """The display name of each of these people; who is gone is left out."""
    return dict(User.objects.filter(pk__in=ids).order_by().values_list("pk", "display_name"))


def of_sections(ids: Collection[uuid.UUID]) -> dict[uuid.UUID, str]:
    """Course code and name of each of these sections; what is gone is left out."""
    rows = Section.objects.filter(pk__in=ids).order_by().values_list("pk", "course_code", "name")
    return {pk: f"{code} {name}".strip() for pk, code, name in rows}
