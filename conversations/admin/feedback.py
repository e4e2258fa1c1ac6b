"""What students say of conversations: their own view of how they did, and how the client was. Only to look at."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from conversations.admin.texts import TextAdmin
from conversations.models import Reflection, SessionFeedback
from monitoring.admin.filters import DaysFilter


@admin.register(Reflection)
class ReflectionAdmin(TextAdmin):
    """How students judge their own conversations, newest first."""

    list_display = ["written_at", "session"]
    list_filter = [("written_at", DaysFilter)]
    list_select_related = ["session__student", "session__client"]
    search_help_text = _("A student's name or address, or the id of a conversation.")
    people = ("session__student",)
    by_uuid = ("session",)
    ordering = ["-written_at"]
    texts = ("levels", "formulation", "next_time")


@admin.register(SessionFeedback)
class SessionFeedbackAdmin(TextAdmin):
    """What people thought of their conversations: by client, the lowest marks first."""

    list_display = ["given_at", "client", "session", *SessionFeedback.ABOUT_THE_CLIENT]
    list_filter = [("given_at", DaysFilter)]
    list_select_related = ["client", "session__student", "session__client"]
    search_help_text = _("A student's name or address, or the id of a conversation or a client.")
    people = ("session__student",)
    by_uuid = ("pk", "session", "client")
    ordering = ["client", "client_sum"]
    texts = ("comment",)
