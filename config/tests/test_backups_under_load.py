"""A backup that is made while people talk holds what was acknowledged before it, and goes into another database."""

import asyncio
import re
import uuid
from pathlib import Path

import aiohttp
import pytest

from config.tests.portal import Portal, portal_database

pytestmark = [pytest.mark.servers, pytest.mark.django_db(transaction=True)]

PREPARE = """
from django.core.management import call_command
call_command("prepare", verbosity=0)
from accounts.demo import create_demo_people
from clients.models import ClientProfile
from conversations import sessions
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from monitoring.models import RateLimit
student = create_demo_people().student
sessions.accept_notice(by=student)
RateLimit.objects.update(count=100_000)
store = SessionStore()
store.update({
    SESSION_KEY: str(student.pk), BACKEND_SESSION_KEY: "accounts.backends.EmailBackend",
    HASH_SESSION_KEY: student.get_session_auth_hash(),
})
store.save()
print("COOKIE", store.session_key)
for client in ClientProfile.objects.filter(content_note="")[:4]:
    print("SESSION", sessions.start(by=student, client=client).pk)
"""

WHAT_IS_THERE = """
from django.core.management import call_command
from conversations.models import Message, Turn
call_command("audit", at_rest=True)
for key, text in Message.objects.filter(role="student").values_list("client_key", "content"):
    print("KEPT", key, text)
print("INTERRUPTED", Turn.objects.filter(status="interrupted", error="process_died").count())
"""


async def test_a_backup_under_load_holds_every_message_acknowledged_before_it_and_ends_what_was_under_way(
    tmp_path: Path,
) -> None:
    with portal_database() as database, portal_database() as elsewhere:
        portal = Portal(tmp_path / "one", **database, SCRIPTED_PIECE_SECONDS="0.1")
        twin = Portal(tmp_path / "two", **elsewhere)
        said = await asyncio.to_thread(portal.ask, PREPARE)
        cookie = re.findall(r"COOKIE (\S+)", said)[0]
        await asyncio.to_thread(portal.start)
        acked: dict[str, str] = {}
        enough = asyncio.Event()
        try:
            async with aiohttp.ClientSession(headers={"Cookie": f"sessionid={cookie}", "Origin": portal.url}) as http:
                talks = [
                    asyncio.create_task(talk_on(http, portal, one, acked, enough))
                    for one in re.findall(r"SESSION (\S+)", said)
                ]
                async with asyncio.timeout(180):
                    await enough.wait()
                before = dict(acked)
                await asyncio.to_thread(portal.manage, "backup")
                assert len(acked) > len(before)  # nobody waited for it
                for one in talks:
                    one.cancel()
                outcomes = await asyncio.gather(*talks, return_exceptions=True)
                assert all(isinstance(one, asyncio.CancelledError) for one in outcomes), outcomes
        finally:
            await asyncio.to_thread(portal.stop)
        [path] = (tmp_path / "one" / "backups").glob("*.tar")
        restored = await asyncio.to_thread(twin.manage, "restore", str(path))
        assert int(re.findall(r"now marked interrupted: (\d+)", restored)[0]) > 0
        found = await asyncio.to_thread(twin.ask, WHAT_IS_THERE)
        kept = dict(re.findall(r"KEPT (\S+) (.+)", found))
        assert before.items() <= kept.items()
        assert not re.search(r"INTERRUPTED 0$", found)


async def talk_on(
    http: aiohttp.ClientSession, portal: Portal, session: str, acked: dict[str, str], enough: asyncio.Event
) -> None:
    """Say one thing after another in this session for ever; note by its key what was acknowledged."""
    async with http.ws_connect(f"{portal.url.replace('http', 'ws')}/ws/sessions/{session}/") as chat:
        number = 0
        while True:
            number += 1
            key, text = str(uuid.uuid4()), f"What happened then, the {number}th time?"
            await chat.send_json({"type": "send", "client_key": key, "text": text})
            kind = ""
            while kind != "done":
                frame = await chat.receive_json()
                kind = frame["type"]
                assert kind != "error", frame
                if kind == "accepted":
                    acked[key] = text
                    if len(acked) >= 8:
                        enough.set()
