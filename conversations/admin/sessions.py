"""Sessions, messages and turns in the admin: what runs, what went wrong, and what it cost."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from accounts.admin.search import PeopleFirstAdmin
from accounts.permissions import signed_in
from clients.models import ClientProfile
from conversations import sessions
from conversations.admin.texts import TextAdmin
from conversations.models import Message, Session, Turn
from conversations.turns import recover
from monitoring.admin.confirmation import confirm
from monitoring.admin.filters import DaysFilter
from monitoring.admin.totals import TotalsAdmin
from monitoring.tables import Unit, said
from monitoring.templatetags.money import usd

# Newest conversations first, by the index that holds them so; within one what `sequence` or time says.
BY_SESSION = ("-session__started_at", "-session_id")
STATUS = "status__exact"


@admin.register(Session)
class SessionAdmin(TotalsAdmin, PeopleFirstAdmin):
    """Conversations, newest first."""

    list_display = ["started_at", "student", "client", "status", "exchanges", "cost"]
    list_filter = ["status", "kind", ("started_at", DaysFilter)]
    list_select_related = ["student", "client"]
    search_help_text = _("A student's name or address, a client's name, or the id of a conversation or a student.")
    people = ("student",)
    named = {"client": (ClientProfile, "name")}
    by_uuid = ("pk", "student")
    sortable_by = ("started_at",)
    ordering = ["-started_at", "-id"]
    readonly_fields = ["tokens", "cost"]
    # The lists of its rows, each with the right that opens it.
    lists = {
        "message_list": "conversations.view_message",
        "turn_list": "conversations.view_turn",
        "reading_list": "conversations.view_transcriptreading",
    }
    exclude = ["input_tokens", "output_tokens", "cost_microusd", "revision", "last_sequence"]
    totals = ("exchanges", "input_tokens", "output_tokens", "cost_microusd")
    actions = ["end"]

    @admin.display(description=_("tokens"))
    def tokens(self, session: Session) -> int:
        """All tokens of the conversation."""
        return session.total_tokens

    @admin.display(description=_("cost"))
    def cost(self, session: Session) -> str:
        """The cost in dollars."""
        return usd(session.cost_microusd)

    @admin.display(description=_("transcript"))
    def transcript(self, session: Session) -> str:
        """The way to the page on which people read it."""
        return format_html('<a href="{}">{}</a>', reverse("transcript", args=[session.pk]), _("Read the transcript"))

    @admin.display(description=_("Messages"))
    def message_list(self, session: Session) -> str:
        """The way to the list of them."""
        return _to_rows(session, "message")

    @admin.display(description=_("Turns"))
    def turn_list(self, session: Session) -> str:
        """The way to the list of them."""
        return _to_rows(session, "turn")

    @admin.display(description=_("Who has read it"))
    def reading_list(self, session: Session) -> str:
        """The way to the list of them."""
        return _to_rows(session, "transcriptreading")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """With the ways to pages that this person may open; auditors read messages and not the transcript."""
        user = signed_in(request)
        lists = [name for name, right in self.lists.items() if user.has_perm(right)]
        return [*self.readonly_fields, *lists, *(["transcript"] if user.looks_after_students else [])]

    @admin.action(description=_("End the conversations"), permissions=["act"])
    def end(self, request: HttpRequest, queryset: QuerySet[Session]) -> HttpResponse | None:
        """Ask, then complete those of the chosen conversations that are open."""
        by = signed_in(request)

        def act(rows: list[Session], _form: Any) -> None:
            ended = [row for row in rows if sessions.end_by_operator(by=by, session=row)]
            for row in ended:
                self.log_change(request, row, gettext("Ended."))
            words = ngettext("%d conversation is ended.", "%d conversations are ended.", len(ended))
            messages.success(request, words % len(ended))

        return confirm(
            self,
            request,
            queryset,
            title=gettext("End the conversations"),
            text=gettext(
                "Students cannot go on in them, and an attempt at an assignment is handed in as it is. A reply that "
                "runs is stopped, and what arrived of it is kept. Those that have ended stay as they are."
            ),
            button=gettext("End them"),
            act=act,
        )


def _to_rows(session: Session, model: str) -> str:
    """The way to the rows of a model that belong to this conversation."""
    address = reverse(f"admin:conversations_{model}_changelist")
    return format_html('<a href="{}?session__id__exact={}">{}</a>', address, session.pk, _("Look at the list"))


class SpeakerFilter(admin.SimpleListFilter):
    """Who speaks; what the portal itself says is so rare that a list of it would look at every message."""

    title = _("role")
    parameter_name = "role"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Students and clients."""
        return [(role.value, role.label) for role in (Message.Role.STUDENT, Message.Role.CLIENT)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """What they say."""
        return queryset.filter(role=self.value()) if self.value() else queryset


@admin.register(Message)
class MessageAdmin(TextAdmin):
    """Messages, those of the newest conversations first; texts only one at a time."""

    list_display = ["created_at", "session", "sequence", "role", "status"]
    list_filter = [SpeakerFilter, "status", ("session__started_at", DaysFilter)]
    list_select_related = ["session__student", "session__client"]
    search_help_text = _("A student's name or address, or the id of a message or a conversation.")
    people = ("session__student",)
    by_uuid = ("pk", "session")
    texts = ("content",)
    readonly_fields = ["cost"]
    exclude = ["cost_microusd"]

    def get_ordering(self, request: HttpRequest) -> Any:
        """By conversation; the few that are not complete by time, as their index has them."""
        unusual = request.GET.get(STATUS, Message.Status.COMPLETE) != Message.Status.COMPLETE
        return ["-created_at"] if unusual else [*BY_SESSION, "sequence"]

    @admin.display(description=_("cost"))
    def cost(self, message: Message) -> str:
        """The cost in dollars."""
        return usd(message.cost_microusd)


@admin.register(Turn)
class TurnAdmin(TextAdmin):
    """Attempts at replies: what to look at when a reply failed, and what to release when one does not end."""

    list_display = ["accepted_at", "session", "status", "error", "fence", "finished_at"]
    list_filter = ["status", ("session__started_at", DaysFilter)]
    list_select_related = ["session__student", "session__client"]
    search_help_text = _("A student's name or address, an error, or the id of a turn, a reply or a conversation.")
    people = ("session__student",)
    by_uuid = ("pk", "session", "reply_id")
    texts = ("partial_text", "state")
    actions = ["release"]

    def get_ordering(self, request: HttpRequest) -> Any:
        """By conversation; the few that are not complete by time, as their index has them."""
        unusual = request.GET.get(STATUS, Turn.Status.COMPLETE) != Turn.Status.COMPLETE
        return ["-accepted_at"] if unusual else [*BY_SESSION, "-accepted_at"]

    def search_words(self, request: HttpRequest, queryset: QuerySet[Any], words: str) -> tuple[QuerySet[Any], bool]:
        """Turns that failed so, where any did, the last first; else those of people."""
        failed = Q(status__in=Turn.TROUBLED, error=words)
        if Turn.objects.filter(failed).exists():
            return queryset.filter(failed).order_by("-accepted_at", "-pk"), False
        return super().search_words(request, queryset, words)

    @admin.action(description=_("Release: end turns that are stuck"), permissions=["act"])
    def release(self, request: HttpRequest, queryset: QuerySet[Turn]) -> HttpResponse | None:
        """Ask, then end those of the chosen turns that have not ended."""
        by = signed_in(request)

        def act(rows: list[Turn], _form: Any) -> None:
            released = [row for row in rows if recover.release(by=by, turn=row)]
            for row in released:
                self.log_change(request, row, gettext("Released."))
            words = ngettext("%d turn is released.", "%d turns are released.", len(released))
            messages.success(request, words % len(released))

        return confirm(
            self,
            request,
            queryset,
            title=gettext("Release turns that are stuck"),
            text=gettext(
                "Each is ended as interrupted: what arrived of the reply is kept, its money is settled, and the "
                "student may ask again. Whatever still works on it writes nothing more. Turns that have ended stay "
                "as they are."
            ),
            button=gettext("Release them"),
            act=act,
            # The row's own name, which the admin's history keeps, names nobody.
            name=lambda turn: f"{turn.session}, {said(turn.accepted_at, Unit.MOMENT)}: {turn.get_status_display()}",
        )
