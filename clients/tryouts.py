"""The test bench: scripted students talk with a client, and what comes back is read and measured."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from clients.costs import estimate
from clients.guard import Guard
from clients.models import ClientProfile, ClientTryout
from clients.prompts import system_prompt
from clients.services import ClientRuleError, NotYoursError
from clients.snapshot import ClientSnapshot
from clients.state import Line, State, advance, answered, start
from clients.students import STYLES, student
from clients.topics import facts_of, tells
from clients.trial import REHEARSAL, Heard, hear
from clients.voices import VoiceRequest, voice_for_new_sessions
from clients.voices.speaking import CLAUDE
from monitoring import jobs
from monitoring.budgets import BudgetExhaustedError
from monitoring.jobs import JobFailedError, Progress
from monitoring.models import Job
from monitoring.models.price import UnknownPriceError

KIND = "clients.tryout"
EXCHANGES = 8
MOST_KEPT = 20


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply of the client to a student's line: what was wrong with it, and where the client stood.

    `breach` is the kind of break of character ("" for none), `leaked` the topics told before they were earned.
    """

    said: str
    reply: str
    trust: int
    breach: str = ""
    leaked: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Talk:
    """One conversation of a scripted student with a client.

    `unlocked` are the topics that were told; `outcome` as in `State`.
    """

    style: str
    seed: int
    replies: tuple[Reply, ...] = ()
    unlocked: tuple[str, ...] = ()
    outcome: str = ""
    trust: int = 0

    @property
    def breaks(self) -> int:
        """Replies that left the character."""
        return sum(bool(reply.breach) for reply in self.replies)

    @property
    def leaks(self) -> int:
        """Facts told before they were earned."""
        return sum(len(reply.leaked) for reply in self.replies)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values from which `from_json` builds an equal talk."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Talk:
        """The talk that `to_json` wrote, also after it went through JSON."""
        replies = tuple(Reply(**{**row, "leaked": tuple(row["leaked"])}) for row in data["replies"])
        return cls(**{**data, "replies": replies, "unlocked": tuple(data["unlocked"])})


@dataclass(slots=True)
class Rehearsal:
    """A talk under way: ask `next_line`, let a voice that was given `prompt` answer, and hand the answer to `take`."""

    snapshot: ClientSnapshot
    prompt: str
    talk: Talk
    exchanges: int = EXCHANGES
    history: list[Line] = field(default_factory=list)
    state: State = field(init=False)

    def __post_init__(self) -> None:
        self.state = start(self.snapshot)
        if self.snapshot.client_speaks_first:
            self.history.append(Line("client", self.snapshot.opening_line))
        done, self.talk = self.talk.replies, replace(self.talk, replies=(), trust=self.state.trust)
        for reply in done:
            self._heard(reply.said)
            self._take(reply)

    @property
    def is_over(self) -> bool:
        """Whether enough was said, or the client has left."""
        return len(self.talk.replies) >= self.exchanges or self.talk.outcome == "walks_out"

    def next_line(self) -> Sequence[Line]:
        """What was said so far, ending with the student's next line."""
        speaker = student(self.talk.style, self.snapshot, self.talk.seed, length=self.exchanges)
        self._heard(speaker.says(self.history))
        return tuple(self.history)

    def take(self, text: str) -> Talk:
        """The talk with the client's answer to the last line."""
        said = [line.text for line in self.history if line.role == "student"]
        leaked = [
            fact.topic
            for place, fact in enumerate(facts_of(self.snapshot))
            if fact.depth == "real"
            and place not in self.state.unlocked
            and tells(fact, text, self.snapshot.language)
            and not tells(fact, " ".join(said), self.snapshot.language)
        ]
        guard = Guard(self.snapshot, self.prompt, self.state, said)
        slip = guard.feed(text) or guard.end()
        return self._take(Reply(said[-1], text, self.state.trust, slip.kind.value if slip else "", tuple(leaked)))

    def _heard(self, text: str) -> None:
        self.history.append(Line("student", text))
        self.state = advance(self.state, self.snapshot, text)

    def _take(self, reply: Reply) -> Talk:
        self.history.append(Line("client", reply.reply))
        self.state = answered(self.state, self.snapshot, reply.reply)
        facts = facts_of(self.snapshot)
        self.talk = replace(
            self.talk,
            replies=(*self.talk.replies, reply),
            unlocked=tuple(facts[place].topic for place in self.state.revealed if facts[place].depth == "real"),
            outcome=self.state.outcome,
            trust=self.state.trust,
        )
        return self.talk


def cost_of_a_run(client: ClientProfile) -> int:
    """About how many micro-dollars a run takes: a talk of EXCHANGES for each kind of student; 0 without a model."""
    voice, model = voice_for_new_sessions(client.chosen_model)
    return len(STYLES) * estimate(client, model, exchanges=EXCHANGES) if voice == CLAUDE else 0


@transaction.atomic
def start_tryout(*, by: User, client: ClientProfile) -> ClientTryout:
    """Let one student of each kind talk with the client, in the background; the latest runs are kept.

    Raises NotYoursError for a client that this person does not see, ClientRuleError while a run of it is under way.
    """
    if not by.looks_after_students or not ClientProfile.objects.visible_to(by).filter(pk=client.pk).exists():
        raise NotYoursError(_("This client is not shared with you."))
    ClientProfile.objects.select_for_update().get(pk=client.pk)
    if client.tryouts.filter(finished_at=None, job__finished_at=None).exists():
        raise ClientRuleError(_("A rehearsal of this client is running. Wait for it, or cancel it."))
    voice, model = voice_for_new_sessions(client.chosen_model)
    tryout = ClientTryout.objects.create(client=client, by=by, voice=voice, model=model if voice == CLAUDE else "")
    tryout.job = jobs.create(
        by=by,
        kind=KIND,
        label=_("Rehearsal of %(client)s") % {"client": client},
        input={"tryout": str(tryout.pk), "seed": int.from_bytes(tryout.pk.bytes[:3])},
        total=len(STYLES) * EXCHANGES,
    )
    tryout.save(update_fields=["job"])
    old = client.tryouts.exclude(finished_at=None).order_by("-started_at").values_list("pk", flat=True)[MOST_KEPT:]
    client.tryouts.filter(pk__in=list(old)).delete()
    return tryout


def step(job: Job) -> Progress:
    """One reply. Outside a transaction, since a model takes its time: a step done again asks for that reply again."""
    tryout = ClientTryout.objects.select_related("client", "by").filter(pk=uuid.UUID(job.input["tryout"])).first()
    if tryout is None or not tryout.by.is_active:
        raise JobFailedError(_("The client was deleted, or the account that asked for this is closed."))
    if not ClientProfile.objects.visible_to(tryout.by).filter(pk=tryout.client_id).exists():
        raise JobFailedError(_("This client is not shared with you."))
    snapshot = tryout.client.snapshot()
    prompt = system_prompt(snapshot, tryout.client.prompt_override)
    talks = [Talk.from_json(talk) for talk in tryout.talks]
    rehearsal = Rehearsal(snapshot, prompt, talks[-1]) if talks else None
    if rehearsal is None or rehearsal.is_over:
        if len(talks) == len(STYLES):
            _finish(tryout)
            return Progress({}, finished=True)
        rehearsal = Rehearsal(snapshot, prompt, Talk(STYLES[len(talks)], job.input["seed"]))
        talks.append(rehearsal.talk)
    heard = _ask(tryout, VoiceRequest(snapshot, prompt, rehearsal.next_line(), tryout.model, settings.REPLY_MAX_TOKENS))
    talks[-1] = rehearsal.take(heard.text)
    tryout.talks = [talk.to_json() for talk in talks]
    tryout.cost_microusd += heard.cost_microusd
    tryout.save(update_fields=["talks", "cost_microusd"])
    # A client who walks out leaves the rest of the talk unsaid.
    done = EXCHANGES - len(talks[-1].replies) + 1 if rehearsal.is_over else 1
    if rehearsal.is_over and len(talks) == len(STYLES):
        _finish(tryout)
        return Progress({}, done=done, finished=True)
    return Progress({}, done=done)


def _finish(tryout: ClientTryout) -> None:
    tryout.finished_at = timezone.now()
    tryout.save(update_fields=["finished_at"])


def _ask(tryout: ClientTryout, request: VoiceRequest) -> Heard:
    try:
        heard = hear(by=tryout.by, kind=REHEARSAL, request=request, voice=tryout.voice)
    except (BudgetExhaustedError, UnknownPriceError) as error:
        raise JobFailedError(str(error)) from error
    if heard.error is not None:
        # What was said of it is paid for all the same.
        tryout.cost_microusd += heard.cost_microusd
        tryout.save(update_fields=["cost_microusd"])
        # The job tries the step again, a few times.
        raise heard.error
    return heard
