"""One of many keys in one parameter."""

import uuid

import pytest
from django.utils import timezone

from accounts.models import User
from monitoring.models import RateWindow

pytestmark = [pytest.mark.django_db, pytest.mark.servers]


def test_rows_are_found_among_many_keys_and_none_among_none(student: User, teacher: User) -> None:
    keys = {student.pk, *(uuid.uuid4() for _ in range(2_000))}
    assert list(User.objects.filter(pk__among=keys)) == [student]
    assert not User.objects.filter(pk__among=[])
    assert list(User.objects.filter(pk__among=[teacher.pk]).exclude(pk__among=[student.pk])) == [teacher]


def test_texts_are_keys_too() -> None:
    for key in ("a", "b'; --", "c"):
        RateWindow.objects.create(name="export_user", key=key, touched_at=timezone.now())
    found = RateWindow.objects.filter(key__among=["a", "b';", "--", "c", "%s"]).order_by("key")
    assert [window.key for window in found] == ["a", "c"]
