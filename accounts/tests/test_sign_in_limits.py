"""Guessing passwords is slowed down, exactly, and people who mistype are told how long to wait."""

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.contrib.auth.backends import ModelBackend
from django.db import connection
from django.test import Client as Browser
from django.utils import timezone

from accounts.backends import attempt_keys, network_of
from accounts.models import User
from conftest import make_user
from monitoring import limits
from monitoring.models import RateLimit, RateWindow

pytestmark = pytest.mark.django_db

RIGHT = "secret-word-1"
HERE = "192.0.2.7"
WORDS = "There were too many attempts to sign in with this e-mail address. You can try again in"


def attempt(email: str, password: str = "wrong", address: str = HERE, browser: Browser | None = None) -> Any:
    """The answer to one attempt at the sign-in form."""
    data = {"username": email, "password": password}
    return (browser or Browser()).post("/accounts/login/", data, REMOTE_ADDR=address)


def counts(email: str, address: str = HERE) -> tuple[int, int]:
    """What counts now for the account from there, and for the address."""
    account, place = (
        next((limits.window_of(row) for row in RateWindow.objects.filter(name=name, key=key)), None)
        for name, key in attempt_keys(email, address)
    )
    now = timezone.now()
    return account.used(now) if account else 0, place.used(now) if place else 0


def allow(name: RateLimit.Name, count: int, seconds: int = 300) -> None:
    """Set this limit."""
    RateLimit.objects.update_or_create(name=name, defaults={"count": count, "seconds": seconds})
    limits.forget()


def test_after_ten_wrong_passwords_the_form_says_how_long_to_wait(student: User) -> None:
    for _ in range(10):
        answer = attempt(student.email)
        assert answer.status_code == 200
        assert "do not fit together" in answer.text
    answer = attempt(student.email)
    assert answer.status_code == 429
    assert 290 <= int(answer.headers["Retry-After"]) <= 305
    assert WORDS in answer.text
    assert "in 5 minutes." in answer.text or "in 6 minutes." in answer.text
    assert f'value="{student.email}"' in answer.text
    assert "wrong" not in answer.text


def test_the_right_password_is_refused_too_until_the_wait_is_over(
    student: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(10):
        attempt(student.email)
    refused = attempt(student.email, RIGHT)
    assert refused.status_code == 429
    assert "_auth_user_id" not in refused.wsgi_request.session
    later = timezone.now() + dt.timedelta(seconds=int(refused.headers["Retry-After"]))
    monkeypatch.setattr(timezone, "now", lambda: later)
    assert attempt(student.email, RIGHT).status_code == 302


def test_attempts_during_the_wait_do_not_make_it_longer(student: User) -> None:
    for _ in range(15):
        attempt(student.email)
    assert counts(student.email) == (10, 10)


def test_a_successful_sign_in_clears_the_account_and_costs_the_address_nothing(student: User) -> None:
    for _ in range(9):
        attempt(student.email)
    assert attempt(student.email, RIGHT).status_code == 302
    assert counts(student.email) == (0, 9)
    assert all(attempt(student.email).status_code == 200 for _ in range(10))


def test_an_address_that_no_account_has_is_counted_like_one_that_has(student: User) -> None:
    for email in (student.email, "nobody@example.com"):
        texts = [attempt(email) for _ in range(11)]
        assert [answer.status_code for answer in texts] == [200] * 10 + [429]
        assert WORDS in texts[-1].text


def test_letters_large_or_small_are_the_same_account(student: User) -> None:
    for number in range(10):
        attempt(student.email.upper() if number % 2 else student.email)
    assert attempt("Student@Example.com", RIGHT).status_code == 429


def test_others_and_other_places_are_not_locked_out(student: User, teacher: User) -> None:
    for _ in range(11):
        attempt(student.email)
    assert attempt(student.email, RIGHT, address="198.51.100.4").status_code == 302
    assert attempt(teacher.email, RIGHT).status_code == 302


def test_many_accounts_tried_from_one_address_reach_the_limit_of_the_address(student: User) -> None:
    allow(RateLimit.Name.SIGN_INS_PER_ADDRESS, 5)
    for number in range(5):
        assert attempt(f"guess-{number}@example.com").status_code == 200
    answer = attempt(student.email, RIGHT)
    assert answer.status_code == 429
    assert "There were too many attempts to sign in from your network." in answer.text
    assert counts(student.email) == (0, 5)


def test_a_class_that_signs_in_from_one_address_is_let_in(section: Any) -> None:
    allow(RateLimit.Name.SIGN_INS_PER_ADDRESS, 5)
    for number in range(12):
        person = make_user(f"s{number}", User.Role.STUDENT)
        assert attempt(person.email, RIGHT).status_code == 302


def test_a_disabled_account_counts_as_a_failure(student: User) -> None:
    student.is_active = False
    student.save()
    attempt(student.email, RIGHT)
    assert counts(student.email) == (1, 1)


def test_a_form_that_is_not_filled_in_counts_nothing(student: User) -> None:
    attempt(student.email, "")
    attempt("not an address", "x")
    assert not RateWindow.objects.exists()


def test_the_admin_is_guarded_by_the_same_door(operator: User) -> None:
    browser = Browser()
    for _ in range(10):
        attempt(operator.email, browser=browser)
    path = browser.get("/admin/", follow=True, REMOTE_ADDR=HERE).redirect_chain[-1][0]
    answer = browser.post(path, {"username": operator.email, "password": RIGHT}, REMOTE_ADDR=HERE)
    assert answer.status_code == 429


def test_windows_name_neither_people_nor_addresses(student: User) -> None:
    attempt(student.email)
    for row in RateWindow.objects.all():
        assert len(row.key) == 64
        assert HERE not in row.key
        assert "student" not in row.key
    assert attempt_keys("a@example.com", HERE)[0] != attempt_keys("a@example.com", "192.0.2.8")[0]


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("somewhere", "somewhere"),
    ],
)
def test_one_customer_of_a_network_is_one_address(address: str, network: str) -> None:
    assert network_of(address) == network


@pytest.mark.servers
@pytest.mark.django_db(transaction=True)
def test_of_fifty_wrong_passwords_at_once_ten_are_tried(student: User, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []
    look = ModelBackend.authenticate

    def watched(self: ModelBackend, request: Any, **credentials: Any) -> Any:
        tried.append(credentials["password"])
        return look(self, request, **credentials)

    monkeypatch.setattr(ModelBackend, "authenticate", watched)
    limits.forget()
    start = Barrier(10)

    def guess(first: int) -> list[int]:
        try:
            start.wait(60)
            return [attempt(student.email, f"wrong-{number}").status_code for number in range(first, 50, 10)]
        finally:
            connection.close()

    with ThreadPoolExecutor(10) as pool:
        statuses = [status for some in pool.map(guess, range(10)) for status in some]
    assert sorted(statuses) == [200] * 10 + [429] * 40
    assert len(tried) == 10
    assert counts(student.email) == (10, 10)
