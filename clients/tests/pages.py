"""What tests of pages share: a person's browser, a page's address and source, and the revision in its form."""

import re
from typing import Any

from django.test import Client
from django.urls import reverse

from accounts.models import User
from clients.models import ClientProfile


def signed_in(user: User) -> Client:
    """A browser in which this person is signed in."""
    browser = Client()
    browser.force_login(user)
    return browser


def url(name: str, client: ClientProfile) -> str:
    """The address of a page about this client."""
    return reverse(name, args=[client.pk])


def body(response: Any) -> str:
    """The page's source."""
    text: str = response.content.decode()
    return text


def next_revision(response: Any) -> str:
    """The revision that the shown form would replace."""
    found = re.search(r'name="revision"\s+value="(\d+)"', body(response))
    assert found
    return found.group(1)
