"""Breaches of character: how often a client's model was taken back, and beside which replies that stands."""

import datetime as dt
from dataclasses import dataclass

from django.db.models import Max, OuterRef, QuerySet, Subquery, Sum

from accounts.models import User
from clients.models import ClientProfile
from conversations.models import Breach, Message, Session
from conversations.models.breach import BreachQuerySet


@dataclass(frozen=True, slots=True)
class Tally:
    """In how many of a client's whole replies by a model one was taken back, and when the last time was."""

    count: int
    replies: int
    last: dt.datetime | None


def of_client(user: User, client: ClientProfile) -> BreachQuerySet:
    """The client's breaches: all for those who may change it, others see those in conversations that they see."""
    found = Breach.objects.filter(client=client)
    return found if client.may_be_changed_by(user) else found.visible_to(user)


def tally(user: User, client: ClientProfile) -> Tally:
    """The client's breaches in figures, as far as this person sees them; three queries at most."""
    # A second breach in one reply is no second reply.
    found = of_client(user, client).filter(attempt=1).order_by()
    sessions = Session.objects if client.may_be_changed_by(user) else Session.objects.visible_to(user)
    spoken = sessions.filter(client=client, voice=Session.Voice.CLAUDE).order_by()
    replies = spoken.aggregate(sum=Sum("exchanges"))["sum"] or 0
    last = found.aggregate(last=Max("created_at"))["last"]
    count = found.count() if last else 0
    return Tally(count=count, replies=max(replies, count), last=last)


def with_breaches(messages: "QuerySet[Message]") -> "QuerySet[Message]":
    """The messages, each with the kinds of its breaches as `first_breach` and `second_breach`, None without."""
    kinds = Breach.objects.filter(reply_id=OuterRef("pk")).order_by().values("kind")
    first, second = (Subquery(kinds.filter(attempt=attempt)) for attempt in (1, 2))
    return messages.annotate(first_breach=first, second_breach=second)
