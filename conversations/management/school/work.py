"""What there is to do: clients and rubrics of teachers, what is opened to whom, assignments with their exceptions."""

import datetime as dt
import uuid
from dataclasses import dataclass, field

from django.db import transaction

from accounts.models import Notification
from clients import choices
from clients.models import ClientFact, ClientOpening, ClientProfile
from clients.services import PROFILE_FIELDS, freeze, sync_library
from conversations.management.school.bulk import Maker
from conversations.management.school.people import Cast, Course
from conversations.management.school.words import TITLES, name_of_person
from conversations.models import (
    Assignment,
    AssignmentClient,
    AssignmentException,
    Criterion,
    Rubric,
    RubricVersion,
)
from conversations.rubrics import sync_built_in_rubrics


@dataclass(frozen=True, slots=True)
class Counterpart:
    """A client to talk with, as a session keeps it, and its first words where it speaks first."""

    id: uuid.UUID
    version: uuid.UUID
    name: str
    opening: str


@dataclass(frozen=True, slots=True)
class Yardstick:
    """A frozen rubric: its rubric's key, its own, and the weights of its criteria."""

    rubric: uuid.UUID
    version: uuid.UUID
    weights: list[int]


@dataclass(frozen=True, slots=True)
class Task:
    """One client of an assignment, with the rubric that it is scored by."""

    id: uuid.UUID
    client: Counterpart
    yardstick: Yardstick | None


@dataclass(slots=True)
class Set:
    """A published assignment as its attempts need it."""

    id: uuid.UUID
    title: str
    opens: dt.datetime
    limit: dt.timedelta | None
    attempts: int | None
    tasks: list[Task] = field(default_factory=list)


@dataclass(slots=True)
class Work:
    """What a course offers: clients opened to it for practice, and published assignments, oldest first."""

    opened: list[Counterpart]
    assignments: list[Set] = field(default_factory=list)


def make_work(maker: Maker, cast: Cast) -> dict[uuid.UUID, Work]:
    """Write clients, rubrics and assignments; what each course offers, by its key."""
    clients = _clients(maker, cast)
    yardsticks = _rubrics(maker, cast)
    work = {}
    for course in cast.courses:
        offered = [*clients[course.lead], *maker.rng.sample(clients[None], 4)]
        opened = maker.rng.sample(offered, min(len(offered), maker.rng.randrange(3, 9)))
        work[course.id] = Work(opened)
        for client in opened:
            maker.add(
                ClientOpening,
                client_id=client.id,
                section_id=course.id,
                opened_by_id=course.lead,
                opened_at=course.begins,
                closed_at=None if maker.rng.random() < 0.9 else course.begins + dt.timedelta(days=40),
            )
        usable = [*yardsticks[course.lead], *yardsticks[None]]
        for number in range(6 if course is cast.courses[0] else maker.rng.randrange(2, 6)):
            made = _assignment(maker, course, number, opened, usable)
            if made:
                work[course.id].assignments.append(made)
        maker.write_if_many()
    maker.write()
    return work


def _clients(maker: Maker, cast: Cast) -> dict[uuid.UUID | None, list[Counterpart]]:
    """The clients in use by their owner: the built-in ones, and those that teachers wrote after them."""
    sync_library()
    models = list(ClientProfile.objects.filter(owner=None, archived_at=None).prefetch_related("facts"))
    for place, teacher in enumerate(cast.teachers):
        for _client in range(60 if place == 0 else maker.rng.randrange(1, 12)):
            model = maker.rng.choice(models)
            values = {name: getattr(model, name) for name in (*PROFILE_FIELDS, "script")}
            pk, made = maker.key(), maker.now - dt.timedelta(days=maker.rng.random() * 600)
            values |= {
                "name": name_of_person(maker.rng),
                "difficulty": maker.rng.choice(choices.DIFFICULTY)[0],
                "script": {},
            }
            shared = ClientProfile.Visibility.SHARED if maker.rng.random() < 0.3 else ClientProfile.Visibility.PRIVATE
            gone = made + dt.timedelta(days=20) if maker.rng.random() < 0.1 else None
            maker.add(
                ClientProfile,
                **values,
                id=pk,
                owner_id=teacher,
                copied_from_id=model.pk,
                visibility=shared.value,
                created_at=made,
                updated_at=made,
                archived_at=gone,
            )
            for fact in model.facts.all():
                words = {
                    name: getattr(fact, name) for name in ("position", "topic", "depth", "unlock", "text", "keywords")
                }
                maker.add(ClientFact, client_id=pk, **words)
    maker.write()
    clients: dict[uuid.UUID | None, list[Counterpart]] = {None: [], **{teacher: [] for teacher in cast.teachers}}
    current = ClientProfile.objects.filter(archived_at=None).order_by("created_at", "slug", "id")
    for client in current.prefetch_related("facts"):
        opening = client.opening_line if client.client_speaks_first else ""
        clients[client.owner_id].append(Counterpart(client.pk, freeze(client).pk, client.name, opening))
    return clients


def _rubrics(maker: Maker, cast: Cast) -> dict[uuid.UUID | None, list[Yardstick]]:
    """The rubrics by their owner: the built-in ones, and copies that teachers made."""
    sync_built_in_rubrics()
    models = list(Rubric.objects.filter(owner=None).prefetch_related("criteria"))
    for place, teacher in enumerate(cast.teachers):
        for copy in range(30 if place == 0 else maker.rng.randrange(4)):
            model, pk = maker.rng.choice(models), maker.key()
            made = maker.now - dt.timedelta(days=maker.rng.random() * 600)
            name = f"{model.name} {copy + 1}"
            maker.add(
                Rubric, id=pk, owner_id=teacher, copied_from_id=model.pk, name=name, created_at=made, updated_at=made
            )
            for criterion in model.criteria.all():
                texts = ("excellent", "good", "satisfactory", "needs_improvement")
                words = {name: getattr(criterion, name) for name in ("position", "name", "weight", "points", *texts)}
                maker.add(Criterion, rubric_id=pk, **words)
    maker.write()
    yardsticks: dict[uuid.UUID | None, list[Yardstick]] = {None: [], **{teacher: [] for teacher in cast.teachers}}
    with transaction.atomic():
        for rubric in Rubric.objects.order_by("created_at", "slug", "id"):
            version = RubricVersion.freeze(rubric)
            weights = [criterion.weight for criterion in version.value.criteria]
            yardsticks[rubric.owner_id].append(Yardstick(rubric.pk, version.pk, weights))
    return yardsticks


def _assignment(
    maker: Maker,
    course: Course,
    number: int,
    opened: list[Counterpart],
    yardsticks: list[Yardstick],
) -> Set | None:
    """One assignment with its clients and exceptions; None for one that students never saw."""
    opens = course.begins + dt.timedelta(days=7 + number * 9)
    due = opens + dt.timedelta(days=14)
    fate = maker.rng.random()
    published = fate < 0.9 and opens < course.ends
    limit = maker.rng.choice((None, None, 30, 45))
    made = Set(
        maker.key(),
        f"{maker.rng.choice(TITLES)} {number + 1}",
        opens,
        dt.timedelta(minutes=limit) if limit else None,
        maker.rng.choice((None, 1, 2, 3)),
    )
    maker.add(
        Assignment,
        id=made.id,
        section_id=course.id,
        created_by_id=maker.rng.choice(course.staff),
        title=made.title,
        instructions="Talk with each client as you would in a first meeting, and end the conversation yourself.",
        grading=maker.rng.choice(Assignment.Grading.values),
        opens_at=opens,
        due_at=due,
        late_rule=maker.rng.choice(Assignment.LateRule.values),
        max_attempts=made.attempts,
        time_limit_minutes=limit,
        feedback=maker.rng.choice(Assignment.Feedback.values),
        published_at=opens - dt.timedelta(days=3) if published else None,
        archived_at=due + dt.timedelta(days=30) if published and fate < 0.04 else None,
        created_at=course.begins,
        updated_at=course.begins,
    )
    for position, client in enumerate(maker.rng.sample(opened, min(len(opened), maker.rng.choice((1, 1, 2, 3))))):
        yardstick = maker.rng.choice(yardsticks) if maker.rng.random() < 0.9 else None
        task = Task(maker.key(), client, yardstick)
        made.tasks.append(task)
        maker.add(
            AssignmentClient,
            id=task.id,
            assignment_id=made.id,
            client_id=client.id,
            rubric_id=yardstick.rubric if yardstick else None,
            position=position,
            min_exchanges=maker.rng.choice((0, 0, 2, 3)),
        )
    if not published:
        return None
    present = [place.student for place in course.places if not place.removed]
    _grant_exceptions(maker, course, made, due, present)
    if course.current and opens - dt.timedelta(days=3) < maker.now:
        _tell(maker, course, made, present)
    return made


def _grant_exceptions(maker: Maker, course: Course, made: Set, due: dt.datetime, present: list[uuid.UUID]) -> None:
    """More time, and perhaps attempts, for one student in thirty."""
    for student in maker.rng.sample(present, len(present) // 30):
        maker.add(
            AssignmentException,
            id=maker.key(),
            assignment_id=made.id,
            student_id=student,
            due_at=due + dt.timedelta(days=maker.rng.randrange(1, 8)),
            extra_attempts=maker.rng.randrange(2),
            extra_minutes=maker.rng.choice((0, 15)),
            reason="Illness",
            granted_by_id=course.lead,
            granted_at=made.opens,
        )


def _tell(maker: Maker, course: Course, made: Set, present: list[uuid.UUID]) -> None:
    """What its publication told each student."""
    for student in present:
        maker.add(
            Notification,
            id=maker.key(),
            user_id=student,
            kind=Notification.Kind.PUBLISHED.value,
            about=f"assignment:{made.id}",
            names={"assignment": made.title, "section": course.name},
            path=f"/work/{made.id}/",
            created_at=made.opens - dt.timedelta(days=3),
            read_at=made.opens if maker.rng.random() < 0.8 else None,
        )
