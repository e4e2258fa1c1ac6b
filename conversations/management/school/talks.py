"""The conversations of the school: sessions, what was said in them turn by turn, and the ledger's entry for each."""

import datetime as dt
import itertools
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass

from django.conf import settings

from conversations.management.school.beside import Talked, leave_beside
from conversations.management.school.bulk import Maker
from conversations.management.school.people import Cast, Course, Place
from conversations.management.school.words import SAID_BY_CLIENTS, SAID_BY_STUDENTS, said
from conversations.management.school.work import Counterpart, Set, Task, Work
from conversations.models import Attempt, Message, Session, Turn
from monitoring import pricing
from monitoring.models import LedgerEntry, Reservation
from monitoring.models.price import price_now

# How many exchanges a conversation has, and how often: eight messages on average.
EXCHANGES = (0, 1, 2, 3, 4, 5, 6, 7, 12)
OFTEN = list(itertools.accumulate((2, 6, 12, 20, 22, 16, 10, 8, 4)))
# The share of the places in running sections that have a conversation open now, in the lecture and elsewhere.
OPEN_IN_LECTURE, OPEN_ELSEWHERE = 0.08, 0.006
ATTEMPTS_SHARE = 0.65
TESTS_SHARE = 0.01
# Of the replies: failed at once, stopped by the student, cut by the provider.
FAILED, STOPPED, INTERRUPTED = 0.006, 0.01, 0.013
SCOPES = (
    '[{{"kind": "session", "id": "{0}", "label": ""}}, {{"kind": "section", "id": "{1}", "label": ""}}, '
    '{{"kind": "message", "id": "{2}", "label": ""}}]'
)


@dataclass(frozen=True, slots=True)
class Chair:
    """Who talks where, with whom, since when, and whether they still do."""

    student: uuid.UUID
    section: uuid.UUID | None
    client: Counterpart
    kind: Session.Kind
    started: dt.datetime
    is_open: bool
    assigned: Set | None = None


@dataclass(frozen=True, slots=True)
class Exchange:
    """What a student said and what came back: the words, when, how the turn ended, and the tokens it took."""

    said: str
    reply: str
    status: Turn.Status
    sent: dt.datetime
    answered: dt.datetime
    usage: pricing.Usage

    @property
    def took_ms(self) -> int:
        """Milliseconds from the message to the whole reply."""
        return int((self.answered - self.sent).total_seconds() * 1_000)

    @property
    def first_text_ms(self) -> int | None:
        """Milliseconds to the first text, None where there was none."""
        return self.took_ms // 3 if self.reply else None


class Talks:
    """Writes conversations one after the other; what each was paid for is at one price."""

    def __init__(self, maker: Maker) -> None:
        self.maker, self.rng, self.now = maker, maker.rng, maker.now
        self.price = price_now(settings.MODEL_DEFAULT)
        self.price_json = self.price.to_json()
        self.tiers = [asdict(tier) for tier in self.price.tiers]

    def of_school(self, cast: Cast, work: dict[uuid.UUID, Work], number: int, say: Callable[[int], None]) -> None:
        """That many conversations: tests by teachers, and practice by students, some of whom practise much more.

        Calls `say` with the number so far, now and then.
        """
        clients = [client for one in work.values() for client in one.opened]
        tests = int(number * TESTS_SHARE)
        for _test in range(tests):
            started = self.now - dt.timedelta(days=1 + self.rng.random() * 500)
            teacher, client = self.rng.choice(cast.teachers), self.rng.choice(clients)
            self.talk(Chair(teacher, None, client, Session.Kind.TEST, started, is_open=False))
            self.maker.write_if_many()
        made, owed = tests, 0.0
        seats = [(course, place) for course in cast.courses for place in course.places]
        eager = set(self.rng.sample(cast.students, 1 + len(cast.students) // 1_000))
        weights = [self.rng.expovariate(1) * (20 if place.student in eager else 1) for _course, place in seats]
        share = (number - tests) / sum(weights)
        for (course, place), weight in zip(seats, weights, strict=True):
            owed += weight * share
            count = round(owed)
            owed -= count
            made += count
            self._of_place(course, place, work[course.id], count, lecture=course is cast.courses[0])
            self.maker.write_if_many()
            say(made)
        self.maker.write()

    def _of_place(self, course: Course, place: Place, work: Work, count: int, *, lecture: bool) -> None:
        """The conversations of one student in one section."""
        rng = self.rng
        begun = [one for one in work.assignments if one.opens < self.now - dt.timedelta(days=1)]
        used: Counter[uuid.UUID] = Counter()
        talking = course.current and not place.removed
        talking = talking and rng.random() < (OPEN_IN_LECTURE if lecture else OPEN_ELSEWHERE)
        for number in range(count):
            assigned, task = self._chosen(begun, used) if begun and rng.random() < ATTEMPTS_SHARE else (None, None)
            # At most one is open, and as an attempt: constraints allow one free talk with a client in all sections.
            is_open = talking and number == count - 1 and assigned is not None
            client = task.client if task else rng.choice(work.opened)
            section = course.id if assigned or rng.random() < 0.9 else None
            started = self._start(course, assigned, is_open)
            chair = Chair(place.student, section, client, Session.Kind.PRACTICE, started, is_open, assigned)
            talked = self.talk(chair)
            if assigned and task:
                used[task.id] += 1
                self._attempt(talked, chair, assigned, task, used[task.id])
            leave_beside(self.maker, course, talked, task)

    def _chosen(self, begun: list[Set], used: Counter[uuid.UUID]) -> tuple[Set | None, Task | None]:
        """What a student does next: mostly what they have not tried yet, else something again while they may."""
        tasks = [(one, task) for one in begun for task in one.tasks]
        untried = next(((one, task) for one, task in tasks if not used[task.id]), None)
        assigned, task = untried if untried and self.rng.random() < 0.85 else self.rng.choice(tasks)
        return (None, None) if assigned.attempts and used[task.id] >= assigned.attempts else (assigned, task)

    def _start(self, course: Course, assigned: Set | None, is_open: bool) -> dt.datetime:
        if is_open:
            return self.now - dt.timedelta(minutes=1 + self.rng.random() * 25)
        first = assigned.opens if assigned else course.begins
        last = min(course.ends, self.now - dt.timedelta(hours=2))
        if assigned:
            last = min(last, assigned.opens + dt.timedelta(days=18))
        return first + (last - first) * self.rng.random()

    def _attempt(self, talked: Talked, chair: Chair, assigned: Set, task: Task, number: int) -> None:
        self.maker.add(
            Attempt,
            id=self.maker.key(),
            session_id=talked.id,
            assignment_id=assigned.id,
            task_id=task.id,
            student_id=chair.student,
            number=number,
            rubric_version_id=task.yardstick.version if task.yardstick else None,
            prices=self.tiers,
        )

    def talk(self, chair: Chair) -> Talked:
        """One conversation: its messages and turns, then the session that sums them up."""
        maker, rng = self.maker, self.rng
        session, at = maker.key(), chair.started
        sequence = said_tokens = exchanges = input_tokens = output_tokens = cost = 0
        replies: list[uuid.UUID] = []
        opening = chair.client.opening
        if opening:
            sequence, said_tokens = 1, pricing.most_tokens_of_prose(opening)
            self._message(session, 1, Message.Role.CLIENT, opening, at)
        last = self.now - dt.timedelta(seconds=30)
        for _exchange in range(rng.choices(EXCHANGES, cum_weights=OFTEN)[0]):
            sent = at + dt.timedelta(seconds=15 + rng.random() * 80)
            if sent > last:
                break
            one = self._exchange(sent, said_tokens)
            replies.append(self._turn(chair, session, sequence, one))
            sequence += 2
            exchanges += one.status == Turn.Status.COMPLETE
            input_tokens += one.usage.total_input
            output_tokens += one.usage.output
            cost += self.price.cost(one.usage)
            said_tokens += pricing.most_tokens(one.said) + pricing.most_tokens_of_prose(one.reply)
            at = one.answered
        ended = None if chair.is_open else at + dt.timedelta(seconds=20)
        left = Session.Status.ABANDONED if rng.random() < 0.15 or not exchanges else Session.Status.COMPLETED
        open_status = Session.Status.PAUSED if rng.random() < 0.1 else Session.Status.ACTIVE
        limit = chair.assigned.limit if chair.assigned else None
        maker.add(
            Session,
            id=session,
            student_id=chair.student,
            section_id=chair.section,
            assignment_id=chair.assigned.id if chair.assigned else None,
            kind=chair.kind.value,
            client_id=chair.client.id,
            client_version_id=chair.client.version,
            voice=Session.Voice.CLAUDE.value,
            model=self.price.model,
            status=open_status.value if chair.is_open else left.value,
            started_at=chair.started,
            last_activity_at=at,
            ended_at=ended,
            deadline_at=chair.started + limit if limit else None,
            last_sequence=sequence,
            revision=sequence,
            said_tokens=said_tokens,
            exchanges=exchanges,
            input_tokens=input_tokens,
            output_tokens=output_tokens,
            cost_microusd=cost,
        )
        completed = ended if left == Session.Status.COMPLETED else None
        return Talked(session, chair.student, chair.section, chair.client, replies, at, completed)

    def _exchange(self, sent: dt.datetime, said_tokens: int) -> Exchange:
        """Some words and how they were answered: mostly in full."""
        text, reply, fate = said(self.rng, SAID_BY_STUDENTS), said(self.rng, SAID_BY_CLIENTS), self.rng.random()
        status = Turn.Status.COMPLETE
        if fate < FAILED:
            status, reply = Turn.Status.FAILED, ""
        elif fate < STOPPED:
            status, reply = Turn.Status.STOPPED, reply[: len(reply) // 2]
        elif fate < INTERRUPTED:
            status, reply = Turn.Status.INTERRUPTED, reply[:20]
        usage = pricing.Usage()
        if reply:
            read = 900 + said_tokens // 2
            usage = pricing.Usage(input=4, output=-(-len(reply) // 4), cache_write=40, cache_read=read)
        answered = sent + dt.timedelta(milliseconds=900 + self.rng.randrange(4_000))
        return Exchange(text, reply, status, sent, answered, usage)

    def _turn(self, chair: Chair, session: uuid.UUID, before: int, one: Exchange) -> uuid.UUID:
        """The student's message, the turn, what it cost, and its reply, whose key is given back."""
        maker, usage = self.maker, one.usage
        reply, reservation = maker.key(), maker.key()
        message = self._message(session, before + 1, Message.Role.STUDENT, one.said, one.sent, client_key=maker.key())
        self._message(
            session,
            before + 2,
            Message.Role.CLIENT,
            one.reply,
            one.answered,
            id=reply,
            reply_to_id=message,
            status=one.status.value,
            fault="overloaded" if one.status == Turn.Status.FAILED else "",
            token_count=usage.output,
            input_tokens=usage.total_input,
            cost_microusd=self.price.cost(usage),
            first_text_ms=one.first_text_ms,
            response_ms=one.took_ms,
        )
        maker.add(
            Turn,
            id=maker.key(),
            session_id=session,
            message_id=message,
            reply_id=reply,
            reservation_id=reservation,
            status=one.status.value,
            fence=1,
            accepted_at=one.sent,
            finished_at=one.answered,
        )
        self._bill(chair, session, reply, reservation, one)
        return reply

    def _bill(self, chair: Chair, session: uuid.UUID, reply: uuid.UUID, reservation: uuid.UUID, one: Exchange) -> None:
        """What was held for the reply, settled, and the entry of what it took."""
        maker, usage = self.maker, one.usage
        maker.add(
            Reservation,
            id=reservation,
            kind="turn",
            user_id=chair.student,
            scopes=SCOPES.format(session, chair.section, reply),
            price=self.price_json,
            amount_microusd=3_000,
            state=Reservation.State.SETTLED.value,
            created_at=one.sent,
        )
        maker.add(
            LedgerEntry,
            id=maker.key(),
            reservation_id=reservation,
            kind="turn",
            user_id=chair.student,
            session_uuid=session,
            section_uuid=chair.section,
            message_uuid=reply,
            model=self.price.model,
            input_tokens=usage.input,
            output_tokens=usage.output,
            cache_write_tokens=usage.cache_write,
            cache_read_tokens=usage.cache_read,
            cost_microusd=self.price.cost(usage),
            first_text_ms=one.first_text_ms,
            total_ms=one.took_ms,
            outcome=one.status.value,
            settled_at=one.answered,
        )

    def _message(
        self, session: uuid.UUID, sequence: int, role: Message.Role, text: str, at: dt.datetime, **values: object
    ) -> uuid.UUID:
        row = {"id": self.maker.key(), "token_count": pricing.estimate_tokens(text), **values}
        self.maker.add(
            Message, session_id=session, sequence=sequence, role=role.value, content=text, created_at=at, **row
        )
        return row["id"]  # type: ignore[return-value]
