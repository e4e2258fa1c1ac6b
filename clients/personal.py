"""What clients keep of a person beside their conversations: the tutor that they prefer."""

import uuid

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from clients.models import TutorPreference
from monitoring import privacy
from monitoring.privacy import fields_of


def register_all() -> None:
    """Register what is of clients; called when the app starts."""
    privacy.register_part(
        "tutor_preference", lambda user: fields_of(_preferences(user)), label=_("Which tutor they prefer")
    )
    privacy.register_rows("tutor_preference", _preferences, label=_("the tutor they prefer"))


def _preferences(user: uuid.UUID) -> QuerySet[TutorPreference]:
    return TutorPreference.objects.filter(user=user)
