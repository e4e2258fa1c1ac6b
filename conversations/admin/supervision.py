"""What was noticed in conversations, and by whom: readings, flags, safety alerts, breaches, notices and consents."""

from django.contrib import admin, messages
from django.db.models import F, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from accounts.admin.search import PeopleFirstAdmin
from accounts.permissions import signed_in
from conversations import flags
from conversations.admin.texts import TextAdmin
from conversations.models import (
    Breach,
    ContentConsent,
    Flag,
    MarginNote,
    NoticeAcceptance,
    Nudge,
    SafetyAlert,
    TranscriptReading,
)
from monitoring.admin.filters import DaysFilter


@admin.register(NoticeAcceptance)
class NoticeAcceptanceAdmin(PeopleFirstAdmin):
    """Who accepted the notice, and when."""

    list_display = ["user", "version", "accepted_at"]
    list_filter = ["version", ("accepted_at", DaysFilter)]
    list_select_related = ["user"]
    search_help_text = _("The name, address or id of a person.")
    people = ("user",)
    by_uuid = ("user",)
    ordering = ["-pk"]


@admin.register(ContentConsent)
class ContentConsentAdmin(PeopleFirstAdmin):
    """Who read which client's content note and wanted to talk with them."""

    list_display = ["user", "client", "given_at"]
    list_filter = [("given_at", DaysFilter)]
    list_select_related = ["user", "client"]
    search_help_text = _("The name, address or id of a person, or the id of a client.")
    people = ("user",)
    by_uuid = ("user", "client")
    ordering = ["-pk"]


@admin.register(TranscriptReading)
class TranscriptReadingAdmin(PeopleFirstAdmin):
    """The access log: who read whose conversation, when and how; for everybody only to look at."""

    list_display = ["read_at", "reader", "student", "how", "page"]
    list_filter = ["how", ("read_at", DaysFilter)]
    list_select_related = ["reader", "session__student"]
    search_help_text = _("A reader's or a student's name or address, or the id of a conversation or a person.")
    people = ("reader", "session__student")
    by_uuid = ("session", "reader", "session__student")
    sortable_by = ("read_at",)
    ordering = ["-read_at", "-id"]
    readonly_fields = ["page"]

    @admin.display(description=_("student"))
    def student(self, reading: TranscriptReading) -> str:
        """Whose conversation it is."""
        return str(reading.session.student)

    @admin.display(description=_("conversation"))
    def page(self, reading: TranscriptReading) -> str:
        """The way to the conversation's own page, which shows none of what was said."""
        address = reverse("admin:conversations_session_change", args=[reading.session_id])
        return format_html('<a href="{}">{}</a>', address, _("Look at the conversation"))


@admin.register(Flag)
class FlagAdmin(TextAdmin):
    """Replies that somebody found wrong, open ones first; who may change flags marks them as dealt with."""

    list_display = ["raised_at", "reason", "raised_by", "settled_at", "settled_by", "page"]
    list_filter = [("settled_at", admin.EmptyFieldListFilter), "reason", ("raised_at", DaysFilter)]
    list_select_related = ["raised_by", "settled_by"]
    search_help_text = _("The name or address of whoever flagged, or the id of a flag or a message.")
    people = ("raised_by",)
    by_uuid = ("pk", "message")
    ordering = [F("settled_at").desc(nulls_first=True), "-raised_at"]
    fields = ["client", "reason", "comment", "raised_by", "raised_at", "settled_by", "settled_at", "answer", "page"]
    readonly_fields = ["client", "page"]
    for_acting = ("page",)
    texts = ("comment", "answer")
    to_session = "message.session"
    actions = ["settle"]

    @admin.display(description=_("client"))
    def client(self, flag: Flag) -> str:
        """Whose reply it is."""
        return str(flag.message.session.client or flag.message.session.persona)

    @admin.display(description=_("reply"))
    def page(self, flag: Flag) -> str:
        """The way to the page that shows the reply, where reading it is written down."""
        return format_html('<a href="{}">{}</a>', reverse("flag", args=[flag.pk]), _("Look at the reply"))

    @admin.action(description=_("Mark as dealt with"), permissions=["act"])
    def settle(self, request: HttpRequest, queryset: QuerySet[Flag]) -> None:
        """Keep that these flags were dealt with; those that were stay as they are."""
        done = 0
        for flag in queryset.open():  # type: ignore[attr-defined]
            try:
                flags.settle(by=signed_in(request), flag=flag)
            except flags.FlagRuleError as error:
                messages.error(request, str(error))
            else:
                self.log_change(request, flag, gettext("Dealt with."))
                done += 1
        told = ngettext("%d flag is marked as dealt with.", "%d flags are marked as dealt with.", done) % done
        messages.success(request, told)


@admin.register(SafetyAlert)
class SafetyAlertAdmin(TextAdmin):
    """Messages in which students seemed to speak of their own distress; their pages in the portal are for acting."""

    list_display = ["raised_at", "tier", "session", "escalated_at", "acknowledged_by", "acknowledged_at"]
    list_filter = [("acknowledged_at", admin.EmptyFieldListFilter), "tier", ("raised_at", DaysFilter)]
    list_select_related = ["session__student", "session__client", "acknowledged_by"]
    search_help_text = _("A student's name or address, or the id of an alert, a conversation or a message.")
    people = ("session__student",)
    by_uuid = ("pk", "session", "message")
    ordering = [F("acknowledged_at").desc(nulls_first=True), "-raised_at"]
    texts = ("comment",)


@admin.register(Breach)
class BreachAdmin(TextAdmin):
    """Replies that left the character and were taken back, by client."""

    list_display = ["created_at", "client", "kind", "attempt", "model", "session"]
    list_filter = ["kind", "attempt"]
    list_select_related = ["client", "session__student", "session__client"]
    search_help_text = _("A student's name or address, or the id of a conversation, a reply or a client.")
    people = ("session__student",)
    by_uuid = ("pk", "session", "reply_id", "client")
    ordering = ["client", "-created_at"]
    texts = ("excerpt",)


@admin.register(Nudge)
class NudgeAdmin(TextAdmin):
    """Private words of teachers to students whose conversations run."""

    list_display = ["sent_at", "sent_by", "session", "shown_at"]
    list_filter = [("shown_at", admin.EmptyFieldListFilter)]
    list_select_related = ["sent_by", "session__student", "session__client"]
    search_help_text = _("The name or address of a teacher or a student, or the id of a conversation.")
    people = ("sent_by", "session__student")
    by_uuid = ("pk", "session")
    ordering = ["-sent_at"]
    texts = ("text",)


@admin.register(MarginNote)
class MarginNoteAdmin(TextAdmin):
    """Notes of teachers beside messages."""

    list_display = ["written_at", "author", "conversation", "shared"]
    list_filter = ["shared"]
    list_select_related = ["author", "message__session__student", "message__session__client"]
    search_help_text = _("The name or address of a teacher or a student, or the id of a message or a conversation.")
    people = ("author", "message__session__student")
    by_uuid = ("pk", "message", "message__session")
    ordering = ["-written_at"]
    texts = ("text",)
    to_session = "message.session"

    @admin.display(description=_("conversation"))
    def conversation(self, note: MarginNote) -> str:
        """In which conversation."""
        return str(note.message.session)
