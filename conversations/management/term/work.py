"""What there is to do: clients and rubrics of teachers, what is opened to whom, assignments with their exceptions."""

import datetime as dt

from django.db.models import QuerySet
from django.urls import reverse

from accounts.models import Notification
from clients import choices
from clients.models import ClientFact, ClientOpening, ClientProfile
from clients.services import PROFILE_FIELDS, sync_library
from conversations.management.term.bulk import Maker
from conversations.management.term.people import Cast, Course
from conversations.management.term.words import TITLES, name_of_person
from conversations.models import (
    Assignment,
    AssignmentClient,
    AssignmentException,
    Criterion,
    Rubric,
)
from conversations.rubrics import sync_built_in_rubrics

# The shares of the assignments that students have seen, and of those that were put away again.
PUBLISHED, ARCHIVED = 0.9, 0.04


def make_work(maker: Maker, cast: Cast) -> None:
    """Write clients, rubrics and assignments, and open clients to the sections."""
    clients = _clients(maker, cast)
    rubrics = _rubrics(maker, cast)
    for course in cast.courses:
        offered = [*clients[course.lead], *maker.rng.sample(clients[None], 4)]
        course.opened = maker.rng.sample(offered, min(len(offered), maker.rng.randrange(3, 9)))
        for client in course.opened:
            maker.add(
                ClientOpening,
                client_id=client,
                section_id=course.id,
                opened_by_id=course.lead,
                opened_at=course.begins,
                closed_at=None if maker.rng.random() < 0.9 else course.begins + dt.timedelta(days=40),
            )
        usable = [*rubrics[course.lead], *rubrics[None]]
        assignments = 6 if course is cast.courses[0] else maker.rng.randrange(2, 6)
        for number in range(assignments):
            share = (number + maker.rng.random()) / assignments
            _assignment(maker, course, number, share, usable)
        maker.write_if_many()
    maker.write()


def _clients(maker: Maker, cast: Cast) -> dict[str | None, list[str]]:
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
    return _by_owner(ClientProfile.objects.filter(archived_at=None), cast)


def _rubrics(maker: Maker, cast: Cast) -> dict[str | None, list[str]]:
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
    return _by_owner(Rubric.objects.all(), cast)


def _by_owner(rows: QuerySet[ClientProfile] | QuerySet[Rubric], cast: Cast) -> dict[str | None, list[str]]:
    """The keys of these by the teacher who owns them, those of nobody under None."""
    keys: dict[str | None, list[str]] = {None: [], **{teacher: [] for teacher in cast.teachers}}
    for pk, owner in rows.order_by("created_at", "slug", "id").values_list("pk", "owner"):
        keys[str(owner) if owner else None].append(str(pk))
    return keys


def _assignment(maker: Maker, course: Course, number: int, share: float, rubrics: list[str]) -> None:
    """One assignment with its clients and exceptions, set after that share of the course; some nobody ever saw."""
    length = course.ends - course.begins
    opens = course.begins + length * (0.03 + 0.8 * share)
    due = opens + length * 0.13
    fate = maker.rng.random()
    pk, title = maker.key(), f"{maker.rng.choice(TITLES)} {number + 1}"
    maker.add(
        Assignment,
        id=pk,
        section_id=course.id,
        created_by_id=maker.rng.choice(course.staff),
        title=title,
        instructions="Talk with each client as you would in a first meeting, and end the conversation yourself.",
        grading=maker.rng.choice(Assignment.Grading.values),
        opens_at=opens,
        due_at=due,
        late_rule=maker.rng.choice(Assignment.LateRule.values),
        max_attempts=maker.rng.choice((None, 1, 2, 3)),
        time_limit_minutes=maker.rng.choice((None, None, 30, 45)),
        feedback=maker.rng.choice(Assignment.Feedback.values),
        published_at=opens - dt.timedelta(days=3) if fate < PUBLISHED else None,
        archived_at=due + dt.timedelta(days=30) if fate < ARCHIVED else None,
        created_at=course.begins,
        updated_at=course.begins,
    )
    number_of_clients = min(len(course.opened), maker.rng.choice((1, 1, 2, 3)))
    for position, client in enumerate(maker.rng.sample(course.opened, number_of_clients)):
        maker.add(
            AssignmentClient,
            id=maker.key(),
            assignment_id=pk,
            client_id=client,
            rubric_id=maker.rng.choice(rubrics) if maker.rng.random() < 0.9 else None,
            position=position,
            min_exchanges=maker.rng.choice((0, 0, 2, 3)),
        )
    if fate < PUBLISHED:
        _grant_exceptions(maker, course, pk, opens, due)
        if course.current and opens - dt.timedelta(days=3) < maker.now:
            _tell(maker, course, pk, title, opens)


def _grant_exceptions(maker: Maker, course: Course, assignment: str, opens: dt.datetime, due: dt.datetime) -> None:
    """More time, and perhaps attempts, for one student in thirty."""
    for student in maker.rng.sample(course.present, len(course.present) // 30):
        maker.add(
            AssignmentException,
            id=maker.key(),
            assignment_id=assignment,
            student_id=student,
            due_at=due + dt.timedelta(days=maker.rng.randrange(1, 8)),
            extra_attempts=maker.rng.randrange(2),
            extra_minutes=maker.rng.choice((0, 15)),
            reason="Illness",
            granted_by_id=course.lead,
            granted_at=opens,
        )


def _tell(maker: Maker, course: Course, assignment: str, title: str, opens: dt.datetime) -> None:
    """What its publication told each student."""
    for student in course.present:
        maker.add(
            Notification,
            id=maker.key(),
            user_id=student,
            kind=Notification.Kind.PUBLISHED.value,
            about=f"assignment:{assignment}",
            names={"assignment": title, "section": course.name},
            path=reverse("work-detail", args=[assignment]),
            created_at=opens - dt.timedelta(days=3),
            read_at=opens if maker.rng.random() < 0.8 else None,
        )
