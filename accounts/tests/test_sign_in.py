"""Sign-in, sign-out, passwords, and where demo accounts are refused."""

import re

import pytest
from django.contrib.auth import authenticate
from django.core import mail
from django.http import HttpRequest
from django.test import Client
from pytest_django import Settings

from accounts.backends import demo_allowed, from_this_machine
from accounts.demo import DemoOnlyError, create_demo_people
from accounts.models import School, Section, User

ELSEWHERE = {"REMOTE_ADDR": "192.0.2.7"}
PROXIED = {"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_FOR": "192.0.2.7"}


def sign_in(client: Client, email: str, password: str, **headers: str) -> bool:
    """Whether the sign-in form lets this person in."""
    response = client.post("/accounts/login/", {"username": email, "password": password}, **headers)  # type: ignore[arg-type]
    return response.status_code == 302


def request_from(address: str | None, **headers: str) -> HttpRequest:
    request = HttpRequest()
    request.META = {**({} if address is None else {"REMOTE_ADDR": address}), **headers}
    return request


@pytest.fixture
def demo(db: None, settings: Settings) -> User:
    """The demo runs, and this is its student."""
    settings.DEMO = True
    return create_demo_people().student


def test_people_sign_in_with_their_address_in_any_case(client: Client, student: User) -> None:
    assert sign_in(client, "STUDENT@Example.com", "secret-word-1")
    assert client.session["_auth_user_id"] == str(student.pk)


def test_a_wrong_password_and_an_unknown_address_get_the_same_plain_words(client: Client, student: User) -> None:
    wrong = client.post("/accounts/login/", {"username": "student@example.com", "password": "wrong"})
    unknown = client.post("/accounts/login/", {"username": "nobody@example.com", "password": "wrong"})
    sentence = "This e-mail address and password do not fit together."
    assert sentence in wrong.text
    assert sentence in unknown.text


def test_what_is_no_address_is_refused_by_the_form(client: Client, student: User) -> None:
    assert not sign_in(client, "student", "secret-word-1")
    assert not sign_in(client, "", "")


def test_a_disabled_account_does_not_sign_in(client: Client, student: User) -> None:
    student.is_active = False
    student.save()
    assert not sign_in(client, student.email, "secret-word-1")


@pytest.mark.parametrize(("cast", "place"), [("student", "/start/"), ("teacher", None), ("operator", "/admin/")])
def test_each_role_lands_on_its_own_home_page(
    client: Client, request: pytest.FixtureRequest, cast: str, place: str | None
) -> None:
    user = request.getfixturevalue(cast)
    client.force_login(user)
    response = client.get("/")
    assert response.status_code == 302
    assert place is None or response.headers["Location"] == place
    assert client.get("/accounts/login/").headers["Location"] == "/"


def test_a_visitor_is_led_to_the_sign_in_and_back(client: Client, student: User) -> None:
    assert client.get("/help/").headers["Location"] == "/accounts/login/?next=/help/"
    data = {"username": student.email, "password": "secret-word-1"}
    assert client.post("/accounts/login/?next=/help/", data).headers["Location"] == "/help/"
    client.post("/accounts/logout/")
    assert client.post("/accounts/login/?next=https://evil.example/", data).headers["Location"] == "/"


def test_signing_out_needs_a_post_and_ends_the_sign_in(client: Client, student: User) -> None:
    client.force_login(student)
    assert client.get("/accounts/logout/").status_code == 405
    assert client.post("/accounts/logout/").headers["Location"] == "/accounts/login/"
    assert "_auth_user_id" not in client.session


def test_the_admin_is_entered_by_the_same_door(client: Client, student: User, operator: User) -> None:
    assert client.get("/admin/", follow=True).redirect_chain[-1][0] == "/accounts/login/?next=/admin/"
    assert client.get("/admin/login/").headers["Location"] == "/accounts/login/?next=/admin/"
    client.force_login(student)
    assert client.get("/admin/", follow=True).status_code == 404
    client.force_login(operator)
    assert client.get("/admin/").status_code == 200


def test_the_demo_shows_its_sign_ins_and_lets_them_in(client: Client, demo: User) -> None:
    assert "teacher@example.com" in client.get("/accounts/login/").text
    assert sign_in(client, "Student@example.com", "demo")


@pytest.mark.parametrize("headers", [ELSEWHERE, PROXIED])
def test_demo_accounts_are_refused_off_loopback_in_plain_words(
    client: Client, demo: User, headers: dict[str, str]
) -> None:
    data = {"username": "STUDENT@example.com", "password": "demo"}
    response = client.post("/accounts/login/", data, **headers)  # type: ignore[arg-type]
    assert "Demo accounts work only in the demo" in response.text
    assert "teacher@example.com" not in client.get("/accounts/login/", **headers).text  # type: ignore[arg-type]
    assert authenticate(None, username="student@example.com", password="demo") is None


@pytest.mark.parametrize("headers", [ELSEWHERE, PROXIED])
def test_a_demo_sign_in_ends_when_its_cookie_comes_from_elsewhere(
    client: Client, demo: User, headers: dict[str, str]
) -> None:
    sign_in(client, demo.email, "demo")
    assert client.get("/help/").status_code == 200
    assert client.get("/help/", **headers).status_code == 302  # type: ignore[arg-type]
    assert client.get("/help/").status_code == 302


def test_demo_accounts_open_nothing_outside_the_demo(client: Client, demo: User, settings: Settings) -> None:
    client.force_login(demo)
    settings.DEMO = False
    assert client.get("/help/").status_code == 302
    assert not sign_in(client, demo.email, "demo")
    with pytest.raises(DemoOnlyError):
        create_demo_people()


def test_a_wrong_password_of_a_real_account_off_loopback_is_called_wrong(client: Client, student: User) -> None:
    response = client.post("/accounts/login/", {"username": student.email, "password": "x"}, **ELSEWHERE)  # type: ignore[arg-type]
    assert "do not fit together" in response.text


def test_a_real_account_may_sign_in_from_anywhere(client: Client, student: User) -> None:
    assert sign_in(client, student.email, "secret-word-1", **PROXIED)
    assert client.get("/help/", **ELSEWHERE).status_code == 200  # type: ignore[arg-type]


def test_only_plain_loopback_counts_as_this_machine() -> None:
    assert from_this_machine("127.0.0.1", ["Host"])
    assert from_this_machine("::1", [])
    assert not from_this_machine("192.0.2.7", [])
    assert not from_this_machine("", [])
    for header in ("X-Forwarded-For", "x-real-ip", "Forwarded"):
        assert not from_this_machine("127.0.0.1", [header])
    assert not demo_allowed(None)


def test_the_demo_people_are_the_same_however_often_they_are_made(demo: User) -> None:
    demo.set_password("something-else-1")
    demo.is_active = False
    demo.save()
    people = create_demo_people()
    assert people.student == demo
    assert people.student.check_password("demo")
    assert people.student.is_active
    assert people.admin.is_superuser
    assert people.admin.is_staff
    assert {person.is_demo for person in (people.student, people.teacher, people.admin)} == {True}
    assert User.objects.count() == 3
    assert str(Section.objects.get()) == "SW 210 Interviewing skills"
    assert list(people.section.teachers.all()) == [people.teacher]
    assert people.section.enrolments.get().student == people.student
    assert School.current().name == "Demo School"
    assert str(DemoOnlyError()).startswith("Demo accounts exist only")


def test_changing_the_password_keeps_this_sign_in_and_ends_the_others(client: Client, student: User) -> None:
    other = Client()
    client.force_login(student)
    other.force_login(student)
    new = {"old_password": "secret-word-1", "new_password1": "a-better-word-2", "new_password2": "a-better-word-2"}
    response = client.post("/accounts/password/", new, follow=True)
    assert "Your password is changed" in response.text
    assert other.get("/accounts/profile/").status_code == 302


@pytest.mark.parametrize("password", ["short-1", "1234567890123", "password123", "student@example.com"])
def test_a_weak_password_is_refused_with_a_reason(client: Client, student: User, password: str) -> None:
    client.force_login(student)
    new = {"old_password": "secret-word-1", "new_password1": password, "new_password2": password}
    response = client.post("/accounts/password/", new)
    assert response.status_code == 200
    student.refresh_from_db()
    assert student.check_password("secret-word-1")


def test_without_mail_the_reset_page_says_whom_to_ask(client: Client, school: School, student: User) -> None:
    assert "help@school.example" in client.get("/accounts/reset/").text
    assert "help@school.example" in client.post("/accounts/reset/", {"email": student.email}).text
    assert mail.outbox == []


def test_a_reset_link_names_the_site_never_the_host_header_and_works_once(
    client: Client, student: User, settings: Settings
) -> None:
    settings.MAIL_CONFIGURED, settings.SITE_URL = True, "https://rapport.school.example"
    settings.ALLOWED_HOSTS = ["evil.example", "testserver"]
    assert "<form" in client.get("/accounts/reset/").text
    response = client.post("/accounts/reset/", {"email": "STUDENT@example.com"}, HTTP_HOST="evil.example", follow=True)
    assert "on its way" in response.text
    (message,) = mail.outbox
    assert message.to == ["student@example.com"]
    assert "evil" not in message.body
    link = re.search(r"https://rapport\.school\.example(/accounts/reset/\S+)", str(message.body))
    assert link is not None
    page = client.get(link[1], follow=True)
    form_path = page.redirect_chain[-1][0]
    new = {"new_password1": "a-better-word-2", "new_password2": "a-better-word-2"}
    assert "Your new password is set" in client.post(form_path, new, follow=True).text
    assert "no longer works" in Client().get(link[1]).text
    assert sign_in(client, student.email, "a-better-word-2")


def test_a_reset_is_mailed_to_people_without_a_password_but_to_no_disabled_unknown_or_demo_account(
    client: Client, demo: User, settings: Settings
) -> None:
    settings.MAIL_CONFIGURED = True
    User.objects.create_user("fresh@example.com")
    User.objects.create_user("gone@example.com", is_active=False)
    for email in ("fresh@example.com", "gone@example.com", "nobody@example.com", demo.email):
        page = client.post("/accounts/reset/", {"email": email}, follow=True)
        assert "on its way" in page.text
    assert [message.to for message in mail.outbox] == [["fresh@example.com"]]
