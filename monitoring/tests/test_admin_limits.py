"""Operators set limits and see how much of them is used."""

import pytest
from django.db import transaction
from django.test import Client as Browser
from django.urls import reverse

from accounts.models import User
from monitoring import limits
from monitoring.models import RateLimit, RateWindow

pytestmark = pytest.mark.django_db

CHANGE = reverse("admin:monitoring_ratelimit_change", args=["message_site"])


@pytest.fixture
def desk(client: Browser, operator: User) -> Browser:
    """The operator at the admin."""
    client.force_login(operator)
    return client


def test_a_limit_is_raised_and_holds_at_once(desk: Browser) -> None:
    assert "messages of the whole site" in desk.get(reverse("admin:monitoring_ratelimit_changelist")).text
    assert limits.in_force()["message_site"].count == 1_000
    assert desk.post(CHANGE, {"count": "5400", "seconds": "3600"}).status_code == 302
    assert limits.in_force()["message_site"].count == 5_400


def test_which_limits_there_are_is_fixed(desk: Browser) -> None:
    assert desk.get(reverse("admin:monitoring_ratelimit_add")).status_code == 403
    delete = reverse("admin:monitoring_ratelimit_delete", args=["message_site"])
    assert desk.post(delete, {"post": "yes"}).status_code == 403
    desk.post(CHANGE, {"name": "export_user", "count": "7", "seconds": "60"})
    assert RateLimit.objects.get(name="message_site").count == 7
    assert RateLimit.objects.get(name="export_user").count == 60


@pytest.mark.parametrize("wrong", ["", "0", "-1", "ten", "1.5"])
def test_a_wrong_number_is_refused_by_the_name_of_the_limit(desk: Browser, wrong: str) -> None:
    for form in ({"count": wrong, "seconds": "60"}, {"count": "5", "seconds": wrong}):
        page = desk.post(CHANGE, form)
        assert page.status_code == 200
        assert "Limit “messages of the whole site”: give a whole number of at least 1." in page.text
    assert RateLimit.objects.get(name="message_site").count == 1_000


def test_windows_show_how_much_is_used_and_cannot_be_changed(desk: Browser) -> None:
    with transaction.atomic():
        limits.admit((RateLimit.Name.MESSAGES_OF_SITE, ""), (RateLimit.Name.EXPORTS_PER_PERSON, "some-person"))
    listed = reverse("admin:monitoring_ratewindow_changelist")
    page = desk.get(listed).text
    assert "1 of 1000" in page
    assert "the whole site" in page
    assert "some-person" in desk.get(listed, {"q": "some", "name": "export_user"}).text
    row = RateWindow.objects.get(name="export_user")
    one = reverse("admin:monitoring_ratewindow_change", args=[row.pk])
    assert "1 of 60" in desk.get(one).text
    assert desk.post(one, {}).status_code == 403
    assert desk.get(reverse("admin:monitoring_ratewindow_add")).status_code == 403
    RateLimit.objects.filter(name="export_user").delete()
    limits.forget()
    assert "no limit" in desk.get(listed).text
