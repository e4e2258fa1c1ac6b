"""Feedback after a conversation: the marks of whoever talked, and what they come to for one client."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import Avg, Count
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.services import RuleBrokenError
from clients.models import ClientProfile
from conversations.models import Session, SessionFeedback

# Of the five marks about the client, on average: from here on a conversation counts as a good one.
POSITIVE_FROM = 7
PINNED = 3
_ABOUT = len(SessionFeedback.ABOUT_THE_CLIENT)


class FeedbackRuleError(RuleBrokenError):
    """A rule of feedback was broken; the message says which in plain words."""


@dataclass(frozen=True, slots=True)
class Sums:
    """What people think of a client.

    `means` are of ten, by the name of the mark; `positive` is the share of good conversations, 0 to 1; `spread` says
    how many conversations have which mean of the five about the client: from 1 to under 2, and so on up to 10.
    """

    count: int
    means: Mapping[str, float]
    positive: float
    spread: Sequence[int]

    @property
    def positive_percent(self) -> int:
        """The share of good conversations in whole percent."""
        return round(self.positive * 100)


@transaction.atomic
def give(*, by: User, session: Session, marks: Mapping[str, int], comment: str = "") -> SessionFeedback:
    """Keep what the person who talked thinks of the conversation; given again, the last one counts.

    `marks` are 1 to 10 for each of `SessionFeedback.MARKS`. Raises FeedbackRuleError for others' conversations and
    for those that still go on, ValueError for marks that are no such numbers.
    """
    held = Session.objects.filter(pk=session.pk, student=by).first()
    if held is None or held.client_id is None:
        raise FeedbackRuleError(_("Only the person who held this conversation can say what they think of it."))
    if held.is_open:
        raise FeedbackRuleError(_("The conversation is still going on. You can give feedback once it has ended."))
    if set(marks) != set(SessionFeedback.MARKS) or not all(1 <= mark <= 10 for mark in marks.values()):
        raise ValueError(marks)
    values: dict[str, Any] = {
        **marks,
        "client_id": held.client_id,
        "client_sum": sum(marks[name] for name in SessionFeedback.ABOUT_THE_CLIENT),
        "comment": comment,
        "given_at": timezone.now(),
    }
    return SessionFeedback.objects.update_or_create(session=held, defaults=values)[0]


def sums(client: ClientProfile) -> Sums:
    """All feedback on this client in figures; two queries, however much there is."""
    found = SessionFeedback.objects.filter(client=client).order_by()
    numbers = dict(found.values_list("client_sum").annotate(number=Count("pk")))
    count = sum(numbers.values())
    positive = sum(number for total, number in numbers.items() if total >= POSITIVE_FROM * _ABOUT)
    spread = [0] * 10
    for total, number in numbers.items():
        spread[total // _ABOUT - 1] += number
    means = found.aggregate(**{name: Avg(name) for name in SessionFeedback.MARKS}) if count else {}
    return Sums(count=count, means=means, positive=positive / count if count else 0.0, spread=spread)


def best_and_worst(client: ClientProfile) -> tuple[list[SessionFeedback], list[SessionFeedback]]:
    """The conversations with the highest and the lowest marks, at most three each and none twice; newer ones first."""
    found = SessionFeedback.objects.filter(client=client).select_related("session")
    best = list(found.order_by("-client_sum", "-given_at")[:PINNED])
    others = found.exclude(pk__in=[row.pk for row in best])
    return best, list(others.order_by("client_sum", "-given_at")[:PINNED])


def rows_of(client: ClientProfile) -> Iterator[dict[str, object]]:
    """Every feedback on the client, newest first, without a hint of who gave it; read in pieces."""
    found = SessionFeedback.objects.filter(client=client).select_related("session").order_by("-given_at", "id")
    for row in found.iterator(chunk_size=500):
        yield {
            "date": timezone.localtime(row.given_at).date().isoformat(),
            "kind": row.session.kind,
            **{name: getattr(row, name) for name in SessionFeedback.MARKS},
            "mean_about_client": row.mean,
            "comment": row.comment,
        }
