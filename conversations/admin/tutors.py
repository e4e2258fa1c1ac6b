"""Conversations with tutors in the admin: which tutor, about what."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from conversations.models import TutorTalk
from monitoring.admin.readonly import BigTableAdmin


@admin.register(TutorTalk)
class TutorTalkAdmin(BigTableAdmin):
    """The tutor of each session as it was at the start, with what it was told."""

    list_display = ["session", "tutor", "subject"]
    list_select_related = ["session__student", "session__client"]
    search_fields = ["id"]
    by_uuid = ("session",)
    search_help_text = _("The id of a conversation.")

    @admin.display(description=_("tutor persona"))
    def tutor(self, talk: TutorTalk) -> str:
        """Its key."""
        return talk.session.persona

    @admin.display(description=_("subject"))
    def subject(self, talk: TutorTalk) -> str:
        """What it is about."""
        return str(talk.data.get("learner", {}).get("subject", "")) or "–"
