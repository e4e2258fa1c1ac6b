"""Conversations in the admin: to look at and to search, never to change."""

import uuid
from typing import Any

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from conversations.models import Message, NoticeAcceptance, Session, Turn
from monitoring.admin.readonly import ReadOnlyAdmin
from monitoring.templatetags.money import usd

COUNT_AT_MOST = 10_000


class BoundedPaginator(Paginator):
    """Counts no further than COUNT_AT_MOST rows: with millions of messages a whole count costs more than the page."""

    @cached_property
    def count(self) -> int:
        """The number of rows, or COUNT_AT_MOST when there are more."""
        rows: QuerySet[Any] = self.object_list  # type: ignore[assignment]
        return rows.order_by().values("pk")[:COUNT_AT_MOST].count()


class BigTableAdmin(ReadOnlyAdmin):
    """A read-only list over a table that grows for ever; a search for a uuid finds rows by it."""

    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    list_per_page = 50
    by_uuid: tuple[str, ...] = ("pk",)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Rows with that uuid in one of `by_uuid`, by their indexes; other words as in every admin."""
        try:
            wanted = uuid.UUID(search_term.strip())
        except ValueError:
            return super().get_search_results(request, queryset, search_term)
        return queryset.filter(Q.create([(field, wanted) for field in self.by_uuid], connector=Q.OR)), False


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
        """The ways to this conversation's messages and turns."""
        messages, turns = (
            reverse("admin:conversations_message_changelist"),
            reverse("admin:conversations_turn_changelist"),
        )
        return format_html(
            '<a href="{}?session__id__exact={}">{}</a> · <a href="{}?session__id__exact={}">{}</a>',
            messages, session.pk, _("Messages"), turns, session.pk, _("Turns"),
        )  # fmt: skip


@admin.register(Message)
class MessageAdmin(BigTableAdmin):
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
class TurnAdmin(BigTableAdmin):
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
