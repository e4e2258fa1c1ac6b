"""What the auditor asks of conversations: every acknowledged word is kept, every attempt ended and billed once."""

import datetime as dt
import uuid
from collections import Counter
from collections.abc import Iterable

from django.conf import settings
from django.db.models import Count, Exists, F, Max, OuterRef, Q
from django.db.models.functions import Coalesce
from django.utils import timezone

from conversations.evaluation.runs import MONEY as EVALUATION
from conversations.figures import wrong_replies, wrong_sessions, wrong_unpaid
from conversations.models import Evaluation, Message, SafetyAlert, Session, Turn
from monitoring.audit import Check, Finding, compare, cut
from monitoring.models import Heartbeat, LedgerEntry

# Beyond the time after which a process counts as dead: recovery needs a round to find its turns.
GRACE_SECONDS = 5


def held_by_turns() -> Iterable[uuid.UUID]:
    """The reservations that running turns hold."""
    return Turn.objects.running().values_list("reservation_id", flat=True)


def check_acknowledged() -> Finding:
    """Every acknowledged message is there once with its words, and with at least one turn that answers it.

    One that was set aside has no turn: the portal's answer comes right after it, and in practice its alert is there.
    """
    acknowledged = Message.objects.filter(client_key__isnull=False)
    turn = Turn.objects.filter(message=OuterRef("pk"), session=OuterRef("session"))
    twin = acknowledged.filter(session=OuterRef("session"), client_key=OuterRef("client_key"))
    twin = twin.exclude(pk=OuterRef("pk"))
    student, aside = Q(role=Message.Role.STUDENT), Q(status=Message.Status.ASIDE)
    answer = Message.objects.filter(
        session=OuterRef("session"), sequence=OuterRef("sequence") + 1, role=Message.Role.SYSTEM
    )
    alert = SafetyAlert.objects.filter(message=OuterRef("pk"), session=OuterRef("session"))
    test = Q(session__kind=Session.Kind.TEST)
    kept_apart = ~Exists(turn) & Exists(answer) & (test ^ Exists(alert))
    wrong = acknowledged.filter(
        ~student | Q(content="") | Exists(twin) | (~aside & ~Exists(turn)) | (aside & ~kept_apart)
    )
    return compare(acknowledged, wrong, lambda m: f"message {m.pk} of session {m.session_id} is not as it was sent")


def check_numbers() -> Finding:
    """The messages of every session are numbered from 1 to its last number without a hole."""
    counted = Session.objects.values("pk", "last_sequence").annotate(
        count=Count("messages"), top=Coalesce(Max("messages__sequence"), 0)
    )
    wrong = counted.exclude(count=F("last_sequence"), top=F("last_sequence"))
    return compare(
        Session.objects.all(),
        wrong.order_by("pk"),
        lambda s: f"session {s['pk']} has {s['count']} messages up to {s['top']}, and counts {s['last_sequence']}",
    )


def check_replies() -> Finding:
    """Every ended turn has its reply, as it ended or superseded, in its own session; a running one has none yet."""
    reply = Message.objects.filter(pk=OuterRef("reply_id"))
    due = reply.filter(
        Q(status=OuterRef("status")) | Q(status=Message.Status.SUPERSEDED),
        role=Message.Role.CLIENT,
        session=OuterRef("session"),
        reply_to=OuterRef("message"),
    )
    running = Q(status__in=Turn.RUNNING)
    wrong = Turn.objects.filter((running & Exists(reply)) | (~running & (~Exists(due) | Q(finished_at=None))))
    return compare(Turn.objects.all(), wrong.order_by("pk"), lambda t: f"turn {t.pk} is {t.status}, its reply says not")


def check_owned_replies() -> Finding:
    """Every reply belongs to a turn."""
    replies = Message.objects.filter(reply_to__isnull=False)
    wrong = replies.filter(~Exists(Turn.objects.filter(reply_id=OuterRef("pk"))))
    return compare(replies, wrong.order_by("pk"), lambda m: f"reply {m.pk} of session {m.session_id} has no turn")


def check_owners() -> Finding:
    """No running turn is left by a process that died, or never taken, for longer than recovery needs."""
    seconds = settings.HEARTBEAT_DEAD_SECONDS + GRACE_SECONDS
    long_ago = timezone.now() - dt.timedelta(seconds=seconds)
    beating = Heartbeat.objects.filter(pk=OuterRef("owner"), beat_at__gt=long_ago)
    running = Turn.objects.running()
    wrong = running.filter(~Exists(beating), accepted_at__lt=long_ago).order_by("pk")
    return compare(running, wrong, lambda t: f"turn {t.pk} is {t.status}, no living process has it")


def check_one_at_a_time() -> Finding:
    """No session has more than one running turn."""
    running = Turn.objects.running()
    sessions = running.order_by().values("session").annotate(count=Count("pk"))
    wrong = sessions.filter(count__gt=1).order_by("session")
    return compare(sessions, wrong, lambda s: f"session {s['session']} has {s['count']} running turns")


def check_session_figures() -> Finding:
    """The tokens and the cost of every session are the sums of its ledger entries."""
    say = "session {0.pk} has {0.input_tokens} + {0.output_tokens} tokens for {0.cost_microusd}, the ledger says not"
    return compare(Session.objects.all(), wrong_sessions().order_by("pk"), say.format)


def check_reply_figures() -> Finding:
    """The tokens and the cost of every reply are the sums of its ledger entries."""
    say = "reply {0.pk} has {0.input_tokens} + {0.token_count} tokens for {0.cost_microusd}, the ledger says not"
    return compare(Message.objects.filter(reply_to__isnull=False), wrong_replies().order_by("pk"), say.format)


def check_unpaid() -> Finding:
    """What is no reply has no cost."""
    say = "message {0.pk} is no reply and has {0.input_tokens} input tokens for {0.cost_microusd}"
    return compare(Message.objects.filter(reply_to=None), wrong_unpaid().order_by("pk"), say.format)


def check_retries() -> Finding:
    """Every superseded reply has its one new attempt, at the same message, and what was tried again is superseded."""
    superseded = Q(status=Message.Status.SUPERSEDED)
    attempt = Turn.objects.filter(retry_of=OuterRef("pk"))
    due = attempt.filter(message=OuterRef("reply_to"), session=OuterRef("session"))
    wrong = Message.objects.filter((superseded & ~Exists(due)) | (~superseded & Exists(attempt)))
    replaced = Message.objects.filter(superseded)
    return compare(replaced, wrong.order_by("pk"), lambda m: f"reply {m.pk} is {m.status}, its new attempt says not")


def check_nothing_runs() -> Finding:
    """At rest no turn runs."""
    running = Turn.objects.running().order_by("accepted_at")
    return compare(running, running, lambda t: f"turn {t.pk} of session {t.session_id} is {t.status}")


def check_evaluation_costs() -> Finding:
    """At rest every evaluation costs what was settled for it; the bills of those that were deleted stay."""
    paid: Counter[str] = Counter()
    bills = LedgerEntry.objects.filter(kind=EVALUATION).order_by().values_list("reservation__scopes", "cost_microusd")
    for scopes, cost in bills.iterator():
        paid.update({scope["id"]: cost for scope in scopes if scope["kind"] == EVALUATION})
    kept = dict(Evaluation.objects.order_by("pk").values_list("pk", "cost_microusd").iterator())
    wrong = [(key, cost, paid[str(key)]) for key, cost in kept.items() if cost != paid[str(key)]]
    return cut(len(kept), [f"evaluation {key} cost {cost}, the ledger says {due}" for key, cost, due in wrong])


CHECKS: dict[str, Check] = {
    "acknowledged messages": check_acknowledged,
    "numbers of messages": check_numbers,
    "replies of turns": check_replies,
    "turns of replies": check_owned_replies,
    "owners of turns": check_owners,
    "one turn at a time": check_one_at_a_time,
    "session figures": check_session_figures,
    "reply figures": check_reply_figures,
    "messages without a bill": check_unpaid,
    "retries": check_retries,
}
