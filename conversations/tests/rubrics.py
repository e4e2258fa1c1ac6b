"""What tests of rubrics share: a rubric as a value, the form that describes it, and an ended conversation."""

from accounts.models import User
from clients.models import ClientProfile
from conversations import sessions
from conversations.models import Session
from conversations.rubrics import MarkValue
from conversations.scores import CriterionValue, RubricValue
from conversations.tests.pages import add, begin

WHOLE_MARKS = [MarkValue(4, "Open from the first line."), MarkValue(2)]


def listening(*weights: int, name: str = "Listening") -> RubricValue:
    """A rubric with one criterion for each weight; by default two, of a quarter and three quarters."""
    rows = (
        CriterionValue(f"Criterion {number}", weight, ("always", "often", "seldom", "never"), ("Look here",))
        for number, weight in enumerate(weights or (2_500, 7_500), start=1)
    )
    return RubricValue(name, "For first talks.", tuple(rows))


def form_of(value: RubricValue, **fields: object) -> dict[str, object]:
    """The form of a rubric as a browser sends it."""
    data: dict[str, object] = {
        "name": value.name, "description": value.description, "revision": 0,
        "criteria-TOTAL_FORMS": len(value.criteria), "criteria-INITIAL_FORMS": len(value.criteria),
    }  # fmt: skip
    for place, row in enumerate(value.criteria):
        data |= {
            f"criteria-{place}-{field}": text
            for field, text in {
                "name": row.name, "weight": row.percent, "points": "\n".join(row.points),
                **{level.name.lower(): text for level, text in row.levels},
            }.items()
        }  # fmt: skip
    return data | fields


def ended_talk(student: User, client: ClientProfile) -> Session:
    """A short conversation of this student that has ended."""
    talk = begin(student, client)
    add(talk, "student", "How are you today?")
    add(talk, "client", "Tired, if I am honest.")
    sessions.end(by=student, session=talk)
    talk.refresh_from_db()
    return talk
