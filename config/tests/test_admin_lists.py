"""Every model has its place in the admin, and no list of it asks more questions because it has more rows."""

import datetime as dt
import itertools
import uuid
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.db import connection, models
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from clients.models import ClientProfile
from conftest import make_client
from conversations.models import Rubric, RubricVersion
from monitoring.admin.readonly import BigTableAdmin
from monitoring.pricing import free

APPS = ("accounts", "clients", "conversations", "monitoring")
# Models without a page or a place on another one's page, and why.
NOT_IN_THE_ADMIN: dict[type[models.Model], str] = {}
# There is one, or as many as the code knows of, on a page of their own.
FEW = {"accounts.School", "monitoring.RateLimit", "monitoring.RetentionRule"}

# Its totals come from the sums of days, hours and the open hour, each asked what it has.
ALLOWED = {"monitoring.LedgerEntry": 16}


def ours() -> list[type[models.Model]]:
    """The models of the four apps."""
    return [model for app in APPS for model in apps.get_app_config(app).get_models()]


def shown_on_pages_of_others() -> set[type[models.Model]]:
    """The models that stand on the page of another one."""
    return {inline.model for page in admin.site._registry.values() for inline in page.inlines}


def test_every_model_is_in_the_admin_or_has_a_reason_not_to_be() -> None:
    placed = set(admin.site._registry) | shown_on_pages_of_others() | set(NOT_IN_THE_ADMIN)
    assert {model._meta.label for model in ours()} - {model._meta.label for model in placed} == set()


def test_every_list_that_can_be_searched_says_for_what() -> None:
    silent = {
        model._meta.label
        for model, page in admin.site._registry.items()
        if model in ours() and page.search_fields and not page.search_help_text
    }
    assert silent == set()


# What is searched row by row, since it is kept for a while and never many.
FEW_TO_SEARCH = {
    ("monitoring.RateWindow", "key"),
    ("monitoring.ErrorEntry", "session_uuid"),
    ("monitoring.AdminReading", "row"),
}


def is_indexed(model: type[models.Model], name: str) -> bool:
    """Whether rows of this model are found by that field without a look at all of them."""
    for step in (path := name.split("__"))[:-1]:
        related = model._meta.get_field(step).related_model
        assert isinstance(related, type)
        model = related
    field: Any = model._meta.pk if path[-1] == "pk" else model._meta.get_field(path[-1])
    unique = [one.fields for one in model._meta.constraints if isinstance(one, models.UniqueConstraint)]
    firsts = {fields[0].lstrip("-") for fields in (*unique, *(one.fields for one in model._meta.indexes)) if fields}
    return field.unique or field.db_index or field.name in firsts


def test_what_is_searched_for_by_its_id_is_found_by_an_index() -> None:
    slow = {
        (model._meta.label, name)
        for model, page in admin.site._registry.items()
        if isinstance(page, BigTableAdmin)
        for name in page.by_uuid
        if not is_indexed(model, name)
    }
    assert slow == FEW_TO_SEARCH


class Maker:
    """Makes rows of any model, as few of others as that takes: related ones are shared where they may be."""

    def __init__(self) -> None:
        self.numbers = itertools.count(1)
        self.shared: dict[type[models.Model], models.Model] = {}

    def rows(self, model: type[models.Model], count: int) -> None:
        """So many more rows."""
        for _ in range(count):
            self.row(model)

    def row(self, model: type[models.Model]) -> models.Model:
        """One more row, with what no rule of its table forbids."""
        number = next(self.numbers)
        if issubclass(model, User):
            role = {"Student": "student", "Teacher": "teacher"}.get(model.__name__, "support")
            return User.objects.create(email=f"person-{number}@example.com", display_name=f"P {number}", role=role)
        if model is ClientProfile:
            return make_client(None, name=f"Client {number}", slug=f"client-{number}")
        if model is RubricVersion:
            return RubricVersion.objects.create(
                rubric=self.one(Rubric), fingerprint=str(number), data={"name": "Listening"}
            )
        unique = {name for names in unique_together(model) for name in names}
        values = special(model, number)
        for field in fields_to_fill(model):
            if field.name not in values:
                values[field.name] = self.value(field, number, field.name in unique)
        return model._default_manager.create(**values)

    def one(self, model: type[models.Model]) -> Any:
        """A row that others share."""
        if model not in self.shared:
            self.shared[model] = self.row(model)
        return self.shared[model]

    def value(self, field: models.Field, number: int, unique: bool) -> Any:
        """What to fill into this field of the row of this number."""
        if isinstance(field, models.ForeignKey):
            alone = isinstance(field, models.OneToOneField) or unique
            related: type[models.Model] = field.related_model
            return self.row(related) if alone else self.one(related)
        if field.choices:
            return field.flatchoices[0][0]
        return next((make(number) for kind, make in VALUES.items() if isinstance(field, kind)), f"w{number}")


# By kind of field, the value of the row of a number; a date-time is a date too, and so comes first.
VALUES: dict[type[models.Field], Callable[[int], Any]] = {
    models.UUIDField: lambda _number: uuid.uuid4(),
    models.DateTimeField: lambda number: timezone.now() + dt.timedelta(seconds=number),
    models.DateField: lambda number: dt.date(2026, 1, 1) + dt.timedelta(days=number),
    models.BooleanField: lambda _number: False,
    models.JSONField: lambda _number: free("scripted").to_json(),
    models.IntegerField: lambda number: number,
}


def fields_to_fill(model: type[models.Model]) -> Iterator[models.Field]:
    """The fields of a row that have no default, or must differ from those of other rows."""
    unique = {name for names in unique_together(model) for name in names}
    for field in model._meta.concrete_fields:
        made = isinstance(field, models.AutoField) or (field.primary_key and field.has_default())
        optional = field.null or field.blank or field.has_default() or getattr(field, "auto_now_add", False)
        optional = optional or getattr(field, "auto_now", False)
        if not made and (not optional or field.name in unique or field.unique or isinstance(field, models.ForeignKey)):
            if field.null and isinstance(field, models.ForeignKey) and field.related_model is model:
                continue
            yield field


def unique_together(model: type[models.Model]) -> list[Sequence[str]]:
    """The fields that no two rows have in common."""
    return [rule.fields for rule in model._meta.constraints if isinstance(rule, models.UniqueConstraint)]


def special(model: type[models.Model], number: int) -> dict[str, Any]:
    """What the rules of some tables ask for beyond what their fields say."""
    label = model._meta.label
    now = timezone.now()
    rules: dict[str, dict[str, Any]] = {
        "accounts.School": {"pk": 1},
        "accounts.Term": {"starts_on": dt.date(2026, 1, 1), "ends_on": dt.date(2026, 6, 1)},
        "conversations.Session": {"status": "completed", "ended_at": now, "branch_of": None, "persona": ""},
        "conversations.Message": {"sequence": number, "reply_to": None},
        "conversations.Turn": {"status": "complete", "retry_of": None, "finished_at": now},
        "conversations.Criterion": {"weight": 100},
        "conversations.Assignment": {"opens_at": None, "due_at": None},
        "conversations.Evaluation": {"status": "done"},
        "conversations.EvaluationFinding": {"level": 1},
        "conversations.ScoringRevision": {"released_by": None, "evaluation": None, "withdrawn_by": None},
        "conversations.Scoring": {"latest": None, "released": None},
        "conversations.SessionFeedback": {"client_sum": 25},
        "monitoring.Budget": {"scope": "user", "scope_id": uuid.uuid4(), "period": "day"},
        "monitoring.Job": {"state": "pending"},
        "monitoring.BudgetAccount": {"starts_on": dt.date(2026, 1, 1)},
    }
    return rules.get(label, {})


def test_no_list_asks_more_because_it_has_more_rows(client: Browser, operator: User) -> None:
    client.force_login(operator)
    make = Maker()
    asked: dict[str, tuple[int, int]] = {}
    for model in admin.site._registry:
        label = model._meta.label
        if model not in ours() or label in FEW:
            continue
        before = model._default_manager.count()
        make.rows(model, 2 + (before == 0))
        first = questions(client, model)
        make.rows(model, 20)
        asked[label] = first, questions(client, model)
    # What a process keeps for some seconds, it may ask the second time; a question a row would be twenty more.
    assert {label: counts for label, counts in asked.items() if counts[1] >= counts[0] + 10} == {}
    assert {label: counts for label, counts in asked.items() if counts[1] > ALLOWED.get(label, 12)} == {}
    assert len(asked) > 50


def questions(client: Browser, model: type[models.Model]) -> int:
    """How many queries its list takes, all rows of it shown."""
    address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    with CaptureQueriesContext(connection) as found:
        answer = client.get(address, {"which": "all"} if model.__name__ == "Reservation" else {})
    assert answer.status_code == 200, model
    assert answer.context["cl"].result_count == model._default_manager.count(), model
    return len(found)
