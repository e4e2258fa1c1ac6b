"""What no page can read is refused before it costs anything."""

import pytest
from django.test import Client as Browser

from accounts.models import User

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("charset", ["utf-16", "nonsense", "utf-7"])
def test_a_form_that_is_not_utf8_is_refused_in_plain_words(client: Browser, student: User, charset: str) -> None:
    client.force_login(student)
    kind = f"application/x-www-form-urlencoded; charset={charset}"
    answer = client.generic("POST", "/accounts/profile/", b"a=b", content_type=kind)
    assert answer.status_code == 400
    assert "UTF-8" in answer.content.decode()


@pytest.mark.parametrize("path", ["/practice/?q=%00", "/sessions/?before=%00", "/admin/accounts/user/?role__exact=%00"])
def test_an_address_with_nul_is_refused(client: Browser, operator: User, path: str) -> None:
    client.force_login(operator)
    assert client.get(path).status_code == 400


def test_a_cookie_with_nul_is_refused(client: Browser) -> None:
    client.cookies["sessionid"] = "\0aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    assert client.get("/practice/").status_code == 400


def test_ordinary_requests_pass(client: Browser) -> None:
    kind = "application/x-www-form-urlencoded; charset=UTF-8"
    assert client.generic("POST", "/accounts/login/", b"username=a&password=b", content_type=kind).status_code == 200
