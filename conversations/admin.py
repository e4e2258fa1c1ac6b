"""Conversations in the admin: to look at and to search, never to change."""

import uuid
from typing import Any

from django.contrib import admin, messages
from django.db.models import F, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.permissions import signed_in
from conversations import flags
from conversations.models import Flag, Message, NoticeAcceptance, Session, TranscriptReading, Turn
from conversations.readings import log_reading
from monitoring.admin.readonly import BigTableAdmin
from monitoring.templatetags.money import usd

PEOPLE_AT_MOST = 500


@admin.register(Session)
class SessionAdmin(BigTableAdmin):
    """Conversations, newest first."""

    list_display = ["started_at", "student", "client", "status", "exchanges", "cost"]
    list_filter = ["status", "kind", "voice", "started_at"]
    list_select_related = ["student", "client"]
    search_fields = ["student__email", "student__display_name", "client__name"]
    search_help_text = _("A student's name or address, a client's name, or the conversation's id.")
    readonly_fields = ["tokens", "cost", "transcript", "rows"]
    exclude = ["input_tokens", "output_tokens", "cost_microusd", "revision", "last_sequence"]

    @admin.display(description=_("tokens"))
    def tokens(self, session: Session) -> int:
        """All tokens of the conversation."""
        return session.total_tokens

    @admin.display(description=_("cost"), ordering="cost_microusd")
    def cost(self, session: Session) -> str:
        """The cost in dollars."""
        return usd(session.cost_microusd)

    @admin.display(description=_("transcript"))
    def transcript(self, session: Session) -> str:
        """The way to the page on which people read it."""
        return format_html('<a href="{}">{}</a>', reverse("transcript", args=[session.pk]), _("Read the transcript"))

    @admin.display(description=_("rows"))
    def rows(self, session: Session) -> str:
        """The ways to this conversation's messages, its turns, and to who has read it."""
        ways = [("message", _("Messages")), ("turn", _("Turns")), ("transcriptreading", _("Who has read it"))]
        links = [(reverse(f"admin:conversations_{name}_changelist"), session.pk, words) for name, words in ways]
        return format_html_join(" · ", '<a href="{}?session__id__exact={}">{}</a>', links)


class ReadAdmin(BigTableAdmin):
    """A list whose pages of one row show what was said: looking at one is a reading of its conversation."""

    def render_change_form(  # noqa: PLR0917  as Django has it
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Any = None,
    ) -> HttpResponse:
        """The page, once the reading is written down."""
        if obj is not None:
            log_reading(by=signed_in(request), session=obj.session, how=TranscriptReading.How.ADMIN)
        return super().render_change_form(request, context, add, change, form_url, obj)


@admin.register(Message)
class MessageAdmin(ReadAdmin):
    """Messages in the order of their conversations, by the one index that holds them all; texts only one at a time."""

    list_display = ["created_at", "session", "sequence", "role", "status"]
    list_filter = ["role", "status", "created_at"]
    list_select_related = ["session__student", "session__client"]
    search_fields = ["session__student__email"]
    search_help_text = _("A student's address, or the id of a message or a conversation.")
    by_uuid = ("pk", "session")
    readonly_fields = ["cost"]
    exclude = ["cost_microusd"]

    @admin.display(description=_("cost"), ordering="cost_microusd")
    def cost(self, message: Message) -> str:
        """The cost in dollars."""
        return usd(message.cost_microusd)


@admin.register(Turn)
class TurnAdmin(ReadAdmin):
    """Attempts at replies: what to look at when a reply failed."""

    list_display = ["accepted_at", "session", "status", "error", "fence", "finished_at"]
    list_filter = ["status", "error", "accepted_at"]
    list_select_related = ["session__student", "session__client"]
    search_fields = ["session__student__email", "error"]
    search_help_text = _("A student's address, an error, or the id of a turn, a reply or a conversation.")
    by_uuid = ("pk", "session", "reply_id")
    ordering = ["session", "-accepted_at"]


@admin.register(NoticeAcceptance)
class NoticeAcceptanceAdmin(BigTableAdmin):
    """Who accepted the notice, and when."""

    list_display = ["user", "version", "accepted_at"]
    list_filter = ["version", "accepted_at"]
    list_select_related = ["user"]
    search_fields = ["user__email", "user__display_name"]
    by_uuid = ("user",)
    ordering = ["-pk"]


@admin.register(TranscriptReading)
class TranscriptReadingAdmin(BigTableAdmin):
    """The access log: who read whose conversation, when and how; for everybody only to look at."""

    list_display = ["read_at", "reader", "student", "how", "page"]
    list_filter = ["how", "read_at"]
    list_select_related = ["reader", "session__student"]
    search_fields = ["reader__email"]
    search_help_text = _("A reader's or a student's name or address, or the id of a conversation or a person.")
    by_uuid = ("session", "reader", "session__student")
    ordering = ["-read_at", "-id"]
    readonly_fields = ["page"]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Readings by or of people with such a name or address, who are found first: they are fewer than readings."""
        words = search_term.strip()
        try:
            uuid.UUID(words)
        except ValueError:
            if not words:
                return queryset, False
            people = User.objects.filter(Q(email__icontains=words) | Q(display_name__icontains=words)).order_by()
            keys = list(people.values_list("pk", flat=True)[:PEOPLE_AT_MOST])
            return queryset.filter(Q(reader__in=keys) | Q(session__student__in=keys)), False
        return super().get_search_results(request, queryset, words)

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
class FlagAdmin(BigTableAdmin):
    """Replies that somebody found wrong, open ones first; an operator may mark them as dealt with."""

    list_display = ["raised_at", "reason", "raised_by", "settled_at", "settled_by", "page"]
    list_filter = [("settled_at", admin.EmptyFieldListFilter), "reason", "raised_at"]
    list_select_related = ["raised_by", "settled_by"]
    search_fields = ["raised_by__email", "raised_by__display_name"]
    search_help_text = _("The name or address of whoever flagged, or the id of a flag or a message.")
    by_uuid = ("pk", "message")
    ordering = [F("settled_at").desc(nulls_first=True), "-raised_at"]
    fields = ["client", "reason", "comment", "raised_by", "raised_at", "settled_by", "settled_at", "answer", "page"]
    readonly_fields = ["client", "page"]
    actions = ["settle"]

    def has_settle_permission(self, request: HttpRequest) -> bool:
        """Who may use the action."""
        return isinstance(request.user, User) and request.user.is_active and request.user.is_admin

    @admin.display(description=_("client"))
    def client(self, flag: Flag) -> str:
        """Whose reply it is."""
        return str(flag.message.session.client or flag.message.session.persona)

    @admin.display(description=_("reply"))
    def page(self, flag: Flag) -> str:
        """The way to the page that shows the reply, where reading it is written down."""
        return format_html('<a href="{}">{}</a>', reverse("flag", args=[flag.pk]), _("Look at the reply"))

    @admin.action(description=_("Mark as dealt with"), permissions=["settle"])
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
