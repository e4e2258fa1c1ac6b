"""What people say, and what opens doors, comes nowhere but where it belongs, also when the provider quotes it back."""

import asyncio
import json
import re
import urllib.request
from pathlib import Path

import aiohttp
import pytest

from bench.standin import running_standin
from config.tests.inbox import running_inbox
from config.tests.portal import Portal, Visitor, running_portal
from config.tests.test_serve import hear, say

pytestmark = pytest.mark.servers

SAID, HEARD, FACT = "canarymessage7261", "canaryreply7262", "canaryfact7263"
KEY, PASSWORD, GUESS, TOKEN = "canarykey7264abcdef", "canarypassword7265", "canaryguess7266", "canarytoken7267abcd"

PREPARE = f"""
from accounts.models import User
from clients.models import ClientFact, ClientProfile
person = User.objects.get(email="student@example.com")
person.set_password("{PASSWORD}")
person.save()
ClientProfile.objects.update(background="{FACT} and two children. " * 3)
ClientFact.objects.update(text="It was {FACT} all along.")
"""
KEPT = """
import json
from monitoring.models import Alert, ErrorEntry
print(json.dumps([list(ErrorEntry.objects.values_list("kind", "source", "detail")),
                  list(Alert.objects.values_list("key", "text"))]))
"""


def sign_in(portal: Portal, password: str) -> Visitor:
    visitor = portal.visitor()
    login = "/accounts/login/"
    visitor.post(login, login, username="student@example.com", password=password)
    return visitor


def begin(visitor: Visitor) -> str:
    """Start with the first client there is; the path of the chat's socket."""
    client = re.search(r"/practice/([0-9a-f-]{36})/", visitor.get("/practice/")[2])
    assert client
    chat = visitor.post(f"/practice/{client[1]}/start/", "/practice/", agree="yes")[2]
    path = re.search(r'data-socket="([^"]+)"', chat)
    assert path
    return path[1]


def scraped(portal: Portal) -> str:
    asked = urllib.request.Request(portal.url + "/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    with urllib.request.urlopen(asked) as answer:
        text: str = answer.read().decode()
        return text


async def talk(portal: Portal, visitor: Visitor, path: str, faults: list[dict[str, object]], api: object) -> list[str]:
    """Say it once for each of these faults, and once without; how each reply ended."""
    ends = []
    headers = {"Cookie": visitor.cookie, "Origin": portal.url}
    async with (
        aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http,
        http.ws_connect(portal.url.replace("http", "ws") + path, headers=headers) as chat,
    ):
        for fault in [{}, *faults]:
            api.modes(**{"fault": "", "echo": 1, **fault})  # type: ignore[attr-defined]
            await say(chat, f"Tell me about {SAID}.")
            ends.append((await hear(chat, "done"))[-1]["status"])
        # What cannot be read is told and logged too.
        await chat.send_str(f'{{"type": "{SAID}')
        await hear(chat, "error")
    return ends


def test_no_canary_leaves_its_cage(tmp_path: Path) -> None:
    env = {
        "ANTHROPIC_API_KEY": KEY, "METRICS_TOKEN": TOKEN, "LOG_LEVEL": "DEBUG", "LOG_FORMAT": "json",
        "BACKOFF_FIRST_SECONDS": "0.01", "BREAKER_FAILURES": "50",
    }  # fmt: skip
    with running_standin(text=f"Well, {HEARD} again.", ttft=1, delay=1) as api, running_inbox() as inbox:
        with running_portal(tmp_path, **env, ANTHROPIC_BASE_URL=api.url, SENTRY_DSN=inbox.dsn) as portal:
            portal.ask(PREPARE)
            sign_in(portal, GUESS)
            visitor = sign_in(portal, PASSWORD)
            path = begin(visitor)
            faults: list[dict[str, object]] = [
                {"fault": "401"}, {"fault": "500"}, {"fault": "400"}, {"fault": "error", "at": 1},
                {"fault": "cut", "at": 1},
            ]  # fmt: skip
            ends = asyncio.run(talk(portal, visitor, path, faults, api))
            assert ends == ["complete", "failed", "failed", "failed", "interrupted", "interrupted"]
            visitor.get(f"/nowhere/{SAID}?q={SAID}")
            metrics = scraped(portal)
            portal.stop()
            kept = portal.ask(KEPT)
        log = portal.log.read_text()
    # The cages themselves: they were there to be quoted.
    asked = json.dumps(api_requests := [request["body"] for request in api.requests()])
    assert SAID in asked
    assert FACT in asked
    assert len(api_requests) >= len(ends)
    assert "rapport_turns_total" in metrics
    assert "provider.authentication" in kept
    assert '"logger": "rapport.access"' in log
    assert '"level": "DEBUG"' in log
    cookies = [cookie.value or "" for cookie in visitor.jar]
    assert len(cookies) >= 2
    canaries = [SAID, HEARD, FACT, KEY, PASSWORD, GUESS, TOKEN, *cookies]
    places = {"log": log, "errors and alerts": kept, "metrics": metrics, "reports": "\n".join(inbox.bodies)}
    found = [(place, canary) for place, text in places.items() for canary in canaries if canary in text]
    assert not found, [next(line for line in places[p].splitlines() if c in line)[:600] for p, c in found]
