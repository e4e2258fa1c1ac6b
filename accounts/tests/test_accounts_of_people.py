"""Disabling, enabling, and one-time password links."""

import re

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.utils import translation

from accounts import services
from accounts.models import Section, User
from conftest import make_user


def test_a_disabled_account_is_out_at_once_and_back_when_enabled(client: Client, operator: User, student: User) -> None:
    client.force_login(student)
    before = student.access_revision
    with translation.override("en"):
        services.disable_user(by=operator, user=student)
    assert client.get("/help/").status_code == 302
    assert student.access_revision > before
    with translation.override("en"):
        services.enable_user(by=operator, user=student)
    assert client.get("/help/").status_code == 200
    assert [entry.change_message for entry in LogEntry.objects.order_by("pk")] == ["Disabled.", "Enabled."]


def test_only_admins_disable_and_never_themselves_or_admins_above_them(
    operator: User, teacher: User, student: User, section: Section
) -> None:
    lesser = make_user("lesser", User.Role.ADMIN)
    for by, user in [(teacher, student), (student, teacher), (lesser, operator), (operator, operator)]:
        with pytest.raises(services.NotAllowedError):
            services.disable_user(by=by, user=user)
    services.disable_user(by=operator, user=lesser)
    with pytest.raises(services.NotAllowedError):
        services.enable_user(by=teacher, user=lesser)


def test_a_password_link_sets_a_password_once_and_its_making_is_recorded(
    client: Client, operator: User, student: User
) -> None:
    link = services.issue_password_link(by=operator, user=student)
    path = re.sub(r"^https?://[^/]+", "", link.url)
    form = client.get(path, follow=True).redirect_chain[-1][0]
    client.post(form, {"new_password1": "a-better-word-2", "new_password2": "a-better-word-2"})
    student.refresh_from_db()
    assert student.check_password("a-better-word-2")
    assert "no longer works" in Client().get(path).text
    assert LogEntry.objects.get().change_message == "Made a one-time password link."


def test_teachers_make_password_links_only_for_students_of_their_sections(
    teacher: User, other_teacher: User, student: User, other_student: User, section: Section
) -> None:
    assert services.issue_password_link(by=teacher, user=student).email == student.email
    services.add_teacher(by=teacher, section=section, teacher=other_teacher)
    for user in (other_student, other_teacher):
        with pytest.raises(services.NotAllowedError):
            services.issue_password_link(by=teacher, user=user)
    with pytest.raises(services.NotAllowedError):
        services.issue_password_link(by=student, user=student)


def test_a_lesser_admin_makes_no_link_to_another_admin(operator: User) -> None:
    with pytest.raises(services.NotAllowedError):
        services.issue_password_link(by=make_user("lesser", User.Role.ADMIN), user=operator)


def test_a_disabled_account_gets_no_link(operator: User, student: User) -> None:
    services.disable_user(by=operator, user=student)
    with pytest.raises(services.AccountDisabledError):
        services.issue_password_link(by=operator, user=student)


def test_staff_make_a_link_on_a_page_that_shows_it_once(client: Client, teacher: User, section: Section) -> None:
    client.force_login(teacher)
    assert client.get("/accounts/password-link/").status_code == 200
    response = client.post("/accounts/password-link/", {"email": "STUDENT@example.com"})
    assert "/accounts/reset/" in response.text
    assert "no-store" in response.headers["Cache-Control"]


def test_the_page_knows_only_the_people_one_looks_after_and_says_why_not(
    client: Client, teacher: User, other_student: User, student: User, section: Section
) -> None:
    client.force_login(teacher)
    for email in (other_student.email, "nobody@example.com"):
        assert "There is nobody with this address" in client.post("/accounts/password-link/", {"email": email}).text
    student.is_active = False
    student.save()
    assert "has been disabled" in client.post("/accounts/password-link/", {"email": student.email}).text


def test_a_broken_rule_reads_as_a_sentence() -> None:
    assert str(services.RuleBrokenError()) == "This is not possible."
    assert str(services.RuleBrokenError("Because.")) == "Because."
