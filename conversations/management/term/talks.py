"""The conversations of the term: sessions, what was said in them turn by turn, and the ledger's entries for that.

Millions of rows are made here, so that columns are written as tuples, in the order in which the tables name them.
"""

import datetime as dt
import json
from collections import Counter
from dataclasses import dataclass

from clients.choices import Outcome
from clients.models import ClientVersion
from clients.voices.memory import record
from clients.voices.scripted import Line
from conversations.management.term.beside import Talked, leave_beside
from conversations.management.term.bulk import Maker
from conversations.management.term.plan import Batch, Counterpart, Course, Plan, Seat, Set, Task
from conversations.management.term.rhythm import Rhythm
from conversations.management.term.tariffs import Accounts, Tariff, choose
from conversations.management.term.words import SAID_BY_CLIENTS, SAID_BY_STUDENTS, sayings
from conversations.models import Attempt, Message, Session, Turn
from monitoring import pricing
from monitoring.models import LedgerEntry, Reservation

# Exchanges of a conversation, on average and at most: with the opening lines and what is tried again, 15 messages.
EXCHANGES, MOST_EXCHANGES = 7.9, 40
# The share of the places in running sections that have a conversation open now, in the lecture and elsewhere.
OPEN_IN_LECTURE, OPEN_ELSEWHERE = 0.08, 0.006
ATTEMPTS_SHARE = 0.65
# Of the replies: failed at once, stopped by the student, cut by the provider; and how many fail while it is down.
FAILED, STOPPED, INTERRUPTED, FAILED_WHILE_DOWN = 0.006, 0.01, 0.013, 0.4
# Of those that failed or were cut, tried again.
RETRIED = 0.7
# When the provider was down: shares of the term, for so long.
OUTAGES, OUTAGE = (0.28, 0.61, 0.93), dt.timedelta(hours=2)

MESSAGE = (
    "id", "session_id", "sequence", "role", "status", "content", "fault", "client_key", "reply_to_id", "created_at",
    "token_count", "input_tokens", "cost_microusd", "first_text_ms", "response_ms",
)  # fmt: skip
TURN = (
    "id", "session_id", "message_id", "reply_id", "retry_of_id", "reservation_id", "status", "fence", "state", "error",
    "accepted_at", "finished_at",
)  # fmt: skip
RESERVATION = ("id", "kind", "user_id", "scopes", "price", "amount_microusd", "state", "created_at")
ENTRY = (
    "id", "reservation_id", "kind", "user_id", "session_uuid", "section_uuid", "message_uuid", "model",
    "input_tokens", "output_tokens", "cache_write_tokens", "cache_read_tokens", "cost_microusd", "first_text_ms",
    "total_ms", "outcome", "settled_at",
)  # fmt: skip
COMPLETE, FAILED_STATUS = Turn.Status.COMPLETE.value, Turn.Status.FAILED.value
STOPPED_STATUS, INTERRUPTED_STATUS = Turn.Status.STOPPED.value, Turn.Status.INTERRUPTED.value
SUPERSEDED = Message.Status.SUPERSEDED.value
STUDENT, CLIENT = Message.Role.STUDENT.value, Message.Role.CLIENT.value
SETTLED = Reservation.State.SETTLED.value


@dataclass(frozen=True, slots=True)
class Chair:
    """Who talks where, with whom, since when, and whether they still do."""

    student: str
    section: str | None
    client: Counterpart
    kind: Session.Kind
    started: dt.datetime
    is_open: bool
    assigned: Set | None = None


@dataclass(slots=True)
class Talk:
    """A conversation while it is made: its key, voice and price, and the sums that its session keeps."""

    id: str
    chair: Chair
    tariff: Tariff
    at: dt.datetime
    scopes: str
    sequence: int = 0
    said_tokens: int = 0
    exchanges: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: int = 0


@dataclass(frozen=True, slots=True)
class Reply:
    """One attempt at a reply as it came out: its key, when, how it ended, what it took and how long."""

    id: str
    text: str
    status: str
    sent: dt.datetime
    answered: dt.datetime
    usage: pricing.Usage
    first_text_ms: int | None
    total_ms: int


class Talks:
    """Makes the conversations of a plan, batch by batch: each comes out the same whatever was made before it."""

    def __init__(self, plan: Plan, rhythm: Rhythm, tariffs: list[Tariff], accounts: Accounts, seed: int) -> None:
        self.plan, self.rhythm, self.tariffs, self.accounts, self.seed = plan, rhythm, tariffs, accounts, seed
        maker = Maker(f"{seed}/words", dt.datetime.now(dt.UTC))
        self.by_students = sayings(maker.rng, SAID_BY_STUDENTS, pricing.most_tokens)
        self.by_clients = sayings(maker.rng, SAID_BY_CLIENTS, pricing.most_tokens_of_prose)
        self.states = self._states()
        begins, ends = plan.courses[0].begins, max(course.ends for course in plan.courses)
        self.outages = [begins + (ends - begins) * share for share in OUTAGES]

    def _states(self) -> list[str]:
        """What turns keep of their client's state, exchange by exchange: those of one talk stand for all."""
        client = next(course.opened[0] for course in self.plan.courses if course.opened)
        snapshot = ClientVersion.frozen(client.version).snapshot  # type: ignore[arg-type]
        history: list[Line] = []
        states = []
        for saying, reply in zip(self.by_students[:MOST_EXCHANGES], self.by_clients, strict=False):
            history.append(Line(STUDENT, saying.text))
            states.append(json.dumps(record(snapshot, history).to_json()))
            history.append(Line(CLIENT, reply.text))
        return states

    def write(self, batch: Batch, now: dt.datetime) -> int:
        """Write this batch, in one transaction; how many messages it has."""
        return _Writing(self, batch, now).write()


class _Writing:
    """The making of one batch, with a chance of its own."""

    def __init__(self, talks: Talks, batch: Batch, now: dt.datetime) -> None:
        self.talks, self.batch = talks, batch
        self.maker = maker = Maker(f"{talks.seed}/{batch.number}", now)
        self.rng, self.now = maker.rng, now
        self.messages = maker.table(Message, *MESSAGE).rows
        self.turns = maker.table(Turn, *TURN).rows
        self.reservations = maker.table(Reservation, *RESERVATION).rows
        self.entries = maker.table(LedgerEntry, *ENTRY).rows
        through = Reservation.accounts.through
        self.held = maker.table(through, "reservation_id", "budgetaccount_id").rows

    def write(self) -> int:
        for _test in range(self.batch.tests):
            self._test()
        for seat in self.batch.seats:
            self._of_seat(seat)
        number = len(self.messages)
        self.maker.write()
        return number

    def _test(self) -> None:
        """A teacher tries a client."""
        course = self.rng.choice([course for course in self.talks.plan.courses if course.opened])
        started = self._moment(course, None)
        teacher, client = self.rng.choice(self.talks.plan.teachers), self.rng.choice(course.opened)
        self._talk(Chair(teacher, None, client, Session.Kind.TEST, started, is_open=False))

    def _of_seat(self, seat: Seat) -> None:
        """The conversations of one student in one section."""
        rng, course = self.rng, seat.course
        begun = [one for one in course.assignments if one.opens < self.now - dt.timedelta(days=1)]
        used: Counter[str] = Counter()
        lecture = course is self.talks.plan.lecture
        talking = course.current and seat.talks and rng.random() < (OPEN_IN_LECTURE if lecture else OPEN_ELSEWHERE)
        for number in range(seat.number):
            assigned, task = self._chosen(begun, used) if begun and rng.random() < ATTEMPTS_SHARE else (None, None)
            # At most one is open, and as an attempt: constraints allow one free talk with a client in all sections.
            is_open = talking and number == seat.number - 1 and assigned is not None
            client = task.client if task else rng.choice(course.opened)
            section = course.id if assigned or rng.random() < 0.9 else None
            minutes = dt.timedelta(minutes=1 + rng.random() * 25)
            started = self.now - minutes if is_open else self._moment(course, assigned)
            chair = Chair(seat.student, section, client, Session.Kind.PRACTICE, started, is_open, assigned)
            talked, tariff = self._talk(chair)
            if assigned and task:
                used[task.id] += 1
                self._attempt(talked, assigned, task, used[task.id], tariff)
            leave_beside(self.maker, course, talked, task)

    def _chosen(self, begun: list[Set], used: Counter[str]) -> tuple[Set | None, Task | None]:
        """What a student does next: mostly what they have not tried yet, else something again while they may."""
        tasks = [(one, task) for one in begun for task in one.tasks]
        untried = [(one, task) for one, task in tasks if not used[task.id]]
        assigned, task = self.rng.choice(untried if untried and self.rng.random() < 0.85 else tasks)
        return (None, None) if assigned.attempts and used[task.id] >= assigned.attempts else (assigned, task)

    def _moment(self, course: Course, assigned: Set | None) -> dt.datetime:
        """When a conversation that is over began; most of an assignment's do in the days before it is due."""
        last = min(course.ends, self.now - dt.timedelta(hours=2))
        first = min(course.begins, last)
        if assigned:
            first = min(assigned.opens, last)
            last = min(last, assigned.due + dt.timedelta(days=2))
            if self.rng.random() < 0.5:
                first = max(first, last - dt.timedelta(days=5))
        return self.talks.rhythm.moment(self.rng, first, last)

    def _attempt(self, talked: Talked, assigned: Set, task: Task, number: int, tariff: Tariff) -> None:
        self.maker.add(
            Attempt,
            id=self.maker.key(talked.last),
            session_id=talked.id,
            assignment_id=assigned.id,
            task_id=task.id,
            student_id=talked.student,
            number=number,
            rubric_version_id=task.yardstick.version if task.yardstick else None,
            prices=tariff.tiers,
        )

    def _talk(self, chair: Chair) -> tuple[Talked, Tariff]:
        """One conversation: its messages and turns, then the session that sums them up."""
        rng, started = self.rng, chair.started
        tariff = choose(rng, self.talks.tariffs)
        key = self.maker.key(started)
        section = f', {{"kind": "section", "id": "{chair.section}", "label": ""}}' if chair.section else ""
        scopes = f'[{{"kind": "session", "id": "{key}", "label": ""}}{section}'
        talk = Talk(key, chair, tariff, started, scopes)
        opening = chair.client.opening
        if opening:
            talk.sequence, talk.said_tokens = 1, pricing.most_tokens_of_prose(opening)
            self._message(talk, 1, opening, pricing.estimate_tokens(opening))
        failed = FAILED
        if any(start <= started < start + OUTAGE for start in self.talks.outages):
            failed = FAILED_WHILE_DOWN
        replies: list[str] = []
        last = self.now - dt.timedelta(seconds=60)
        for number in range(min(MOST_EXCHANGES, int(rng.gammavariate(2, EXCHANGES / 2)))):
            sent = talk.at + dt.timedelta(seconds=15 + rng.random() * 80)
            if sent > last:
                break
            replies.append(self._exchange(talk, sent, number, failed))
        talked = Talked(key, chair.student, chair.section, chair.client, replies, talk.at, self._session(talk))
        return talked, tariff

    def _session(self, talk: Talk) -> dt.datetime | None:
        """The session of a talk; when it was completed, if it was."""
        rng, chair = self.rng, talk.chair
        ended = None if chair.is_open else talk.at + dt.timedelta(seconds=20)
        left = Session.Status.ABANDONED if rng.random() < 0.15 or not talk.exchanges else Session.Status.COMPLETED
        if chair.is_open:
            left = Session.Status.PAUSED if rng.random() < 0.1 else Session.Status.ACTIVE
        limit = chair.assigned.limit if chair.assigned else None
        self.maker.add(
            Session,
            id=talk.id,
            student_id=chair.student,
            section_id=chair.section,
            assignment_id=chair.assigned.id if chair.assigned else None,
            kind=chair.kind.value,
            client_id=chair.client.id,
            client_version_id=chair.client.version,
            voice=Session.Voice.CLAUDE.value,
            model=talk.tariff.price.model,
            status=left.value,
            started_at=chair.started,
            last_activity_at=talk.at,
            ended_at=ended,
            outcome=rng.choice(Outcome.values) if ended and talk.exchanges else "",
            deadline_at=chair.started + limit if limit else None,
            last_sequence=talk.sequence,
            revision=talk.sequence,
            said_tokens=talk.said_tokens,
            exchanges=talk.exchanges,
            input_tokens=talk.input_tokens,
            output_tokens=talk.output_tokens,
            cost_microusd=talk.cost,
        )
        return ended if left == Session.Status.COMPLETED else None

    def _exchange(self, talk: Talk, sent: dt.datetime, number: int, failed: float) -> str:
        """Some words and how they were answered, once more where that went wrong; the key of the last reply."""
        rng = self.rng
        saying = self.talks.by_students[int(rng.random() * len(self.talks.by_students))]
        talk.said_tokens += saying.most_tokens
        talk.at = sent
        talk.sequence += 1
        message = self._message(talk, talk.sequence, saying.text, saying.tokens, sent_by_student=True)
        reply = self._reply(talk, sent, failed)
        wrong = reply.status in {FAILED_STATUS, INTERRUPTED_STATUS}
        again = wrong and rng.random() < RETRIED
        self._keep(talk, message, reply, number, superseded=again)
        if again:
            second = self._reply(talk, reply.answered + dt.timedelta(seconds=2 + rng.random() * 10), 0)
            self._keep(talk, message, second, number, retry_of=reply.id)
            reply = second
        return reply.id

    def _reply(self, talk: Talk, sent: dt.datetime, failed: float) -> Reply:
        """One attempt: mostly in full."""
        rng, tariff = self.rng, talk.tariff
        saying = self.talks.by_clients[int(rng.random() * len(self.talks.by_clients))]
        text, status, fate = saying.text, COMPLETE, rng.random()
        if fate < failed:
            text, status = "", FAILED_STATUS
        elif fate < failed + STOPPED - FAILED:
            text, status = text[: len(text) // 2], STOPPED_STATUS
        elif fate < failed + INTERRUPTED - FAILED:
            text, status = text[:20], INTERRUPTED_STATUS
        first = int(tariff.first_text_ms * rng.lognormvariate(0, 0.45))
        tokens = len(text) // 4 + 1
        total = first + tokens * tariff.ms_per_token
        usage = pricing.Usage(4, tokens, 40, 900 + talk.said_tokens // 2) if text else pricing.Usage()
        answered = sent + dt.timedelta(milliseconds=total)
        return Reply(self.maker.key(sent), text, status, sent, answered, usage, first if text else None, total)

    def _keep(
        self,
        talk: Talk,
        message: str,
        reply: Reply,
        number: int,
        *,
        superseded: bool = False,
        retry_of: str | None = None,
    ) -> None:
        """The turn, its reply, what was held for it, and the ledger's entry of what it took."""
        key, usage, price, chair = self.maker.key, reply.usage, talk.tariff.price, talk.chair
        cost, reservation, student = price.cost(usage), key(reply.sent), chair.student
        total_input = usage.total_input
        talk.sequence += 1
        talk.at = reply.answered
        talk.said_tokens += -(-len(reply.text.encode()) // 2)
        talk.exchanges += reply.status == COMPLETE
        talk.input_tokens += total_input
        talk.output_tokens += usage.output
        talk.cost += cost
        failed = reply.status == FAILED_STATUS
        self.messages.append((
            reply.id, talk.id, talk.sequence, CLIENT, SUPERSEDED if superseded else reply.status, reply.text,
            "overloaded" if failed else "", None, message, reply.answered, usage.output, total_input, cost,
            reply.first_text_ms, reply.total_ms,
        ))  # fmt: skip
        self.turns.append((
            key(reply.sent), talk.id, message, reply.id, retry_of, reservation, reply.status, 1,
            self.talks.states[number], "overloaded" if failed else "", reply.sent, reply.answered,
        ))  # fmt: skip
        self.reservations.append((
            reservation, "turn", student, f'{talk.scopes}, {{"kind": "message", "id": "{reply.id}", "label": ""}}]',
            talk.tariff.as_json, cost + 3_000, SETTLED, reply.sent,
        ))  # fmt: skip
        self.held.extend((reservation, account) for account in self.talks.accounts.of(reply.sent))
        self.entries.append((
            key(reply.answered), reservation, "turn", student, talk.id, chair.section, reply.id, price.model,
            usage.input, usage.output, usage.cache_write, usage.cache_read, cost, reply.first_text_ms, reply.total_ms,
            reply.status, reply.answered,
        ))  # fmt: skip

    def _message(self, talk: Talk, sequence: int, text: str, tokens: int, *, sent_by_student: bool = False) -> str:
        """What costs nothing: a student's words, or a client's first ones."""
        key = self.maker.key(talk.at)
        sent = self.maker.key() if sent_by_student else None
        role = STUDENT if sent_by_student else CLIENT
        self.messages.append((
            key, talk.id, sequence, role, COMPLETE, text, "", sent, None, talk.at, tokens, 0, 0, None, None,
        ))  # fmt: skip
        return key
