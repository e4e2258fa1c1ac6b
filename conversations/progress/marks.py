"""Levels by criterion: on average, and of one scored conversation after the other."""

import uuid
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from django.db.models import Avg, Count, QuerySet

from accounts.models import User
from conversations.models import RubricVersion, Scoring, ScoringRevision, Session
from conversations.models.session import SessionQuerySet

# So many scored conversations stand side by side in a chart.
MOST_SCORED = 12
# And so many are looked through for them, whatever rubric each was scored by.
LOOKED_AT = 60


@dataclass(frozen=True, slots=True)
class UsedRubric:
    """A rubric by which conversations were scored, and how many."""

    pk: uuid.UUID
    name: str
    times: int


@dataclass(frozen=True, slots=True)
class Means:
    """The mean level of each criterion, 1 to 4: of all, and of each student; criteria as the rubric orders them."""

    criteria: Sequence[str]
    of_all: Mapping[str, float]
    of_students: Mapping[uuid.UUID, Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class Scored:
    """One conversation with the state of its scoring that the reader sees."""

    session: Session
    revision: ScoringRevision

    @property
    def rubric(self) -> uuid.UUID:
        """What it was scored by."""
        return self.revision.version.rubric_id

    @property
    def levels(self) -> dict[str, int]:
        """The level of each criterion by its name."""
        return {row.criterion.name: row.mark.level for row in self.revision.rows() if row.mark.level}


def shown_to(user: User) -> str:
    """Which state of a scoring this reader sees: students what is released, staff what was saved last."""
    return "released" if user.is_student else "latest"


def rubrics_of(sessions: SessionQuerySet, state: str) -> list[UsedRubric]:
    """By which rubrics these sessions were scored, the most used first; one query."""
    rows = _whole(sessions, state).values_list(f"{state}__version__rubric", f"{state}__version__rubric__name")
    used = [UsedRubric(*row) for row in rows.annotate(times=Count("pk"))]
    return sorted(used, key=lambda one: (-one.times, one.name, one.pk))


def rubrics_in(scored: Sequence[Scored]) -> list[UsedRubric]:
    """By which rubrics these were scored, the most used first."""
    names = {one.rubric: one.revision.version.value.name for one in reversed(scored)}
    return [UsedRubric(pk, names[pk], times) for pk, times in Counter(one.rubric for one in scored).most_common()]


def chosen_rubric(used: Sequence[UsedRubric], wanted: str) -> UsedRubric | None:
    """The one with this key, else the most used one; None where nothing is scored."""
    return next((one for one in used if str(one.pk) == wanted), used[0] if used else None)


def means_of(sessions: SessionQuerySet, rubric: uuid.UUID, state: str, students: Collection[uuid.UUID]) -> Means:
    """Mean levels by this rubric, of all these sessions and of those of these students; three queries.

    Criteria are told apart by name, so that a rubric which was edited meanwhile is not averaged by position.
    """
    whole = _whole(sessions, state).filter(**{f"{state}__version__rubric": rubric})
    columns = (f"{state}__version", f"{state}__marks__position")
    level = f"{state}__marks__level"
    grouped = whole.values_list(*columns).annotate(mean=Avg(level), times=Count("pk"))
    of_all = [(None, *row) for row in grouped]
    only = whole.filter(session__student__in=students)
    each = list(only.values_list("session__student", *columns).annotate(mean=Avg(level), times=Count("pk")))
    versions = RubricVersion.objects.filter(pk__in={row[1] for row in of_all}).order_by("-created_at")
    criteria = {version.pk: [criterion.name for criterion in version.value.criteria] for version in versions}
    sums: dict[tuple[uuid.UUID | None, str], tuple[float, int]] = {}
    for student, version, position, mean, times in [*of_all, *each]:
        key = (student, criteria[version][position])
        sum_, number = sums.get(key, (0.0, 0))
        sums[key] = (sum_ + mean * times, number + times)
    people: dict[uuid.UUID | None, dict[str, float]] = {}
    for (student, name), (sum_, number) in sums.items():
        people.setdefault(student, {})[name] = sum_ / number
    # The newest version first: what it calls a criterion and in which order is how it is called now.
    names = list(dict.fromkeys(name for names in criteria.values() for name in names))
    return Means(names, people.pop(None, {}), {student: found for student, found in people.items() if student})


def scored_of(sessions: SessionQuerySet, state: str) -> list[Scored]:
    """The newest of these sessions that were scored, oldest first, with all that is shown of them; two queries."""
    whole = _whole(sessions, state).select_related("session__client", f"{state}__version")
    newest = whole.prefetch_related(f"{state}__marks").order_by("-session__started_at", "-session__id")[:LOOKED_AT]
    return [Scored(one.session, getattr(one, state)) for one in reversed(newest)]


def _whole(sessions: SessionQuerySet, state: str) -> QuerySet[Scoring]:
    """The scorings of these sessions in which no level is missing."""
    found = Scoring.objects.filter(session__in=sessions.values("pk"), **{f"{state}__weighted__isnull": False})
    return found.order_by()
