"""What no honest client sends: hostile frames, texts beyond the limit, odd characters, sockets of other sites."""

import asyncio
import json
import uuid
from collections.abc import Mapping

import aiohttp

from bench.faults import school
from bench.faults.school import in_database
from bench.faults.stage import Stage, fault
from bench.faults.student import Seat
from bench.faults.visitor import Page, Visitor
from conversations.models import Message

KEY = "11111111-1111-4111-8111-111111111111"
HOSTILE: dict[str, str | bytes] = {
    "no JSON": "{",
    "nothing": "",
    "an array": "[1, 2]",
    "a number": "7",
    "null": "null",
    "not a number": '{"type": NaN}',
    "deep arrays": "[" * 30_000,
    "deep objects": '{"a":' * 10_000 + "1" + "}" * 10_000,
    "no type": "{}",
    "an unknown type": '{"type": "become_admin"}',
    "a type that is an array": '{"type": ["send"]}',
    "a type that is an object": '{"type": {"send": 1}}',
    "a key that is no uuid": '{"type": "send", "client_key": "1", "text": "a"}',
    "a key that is a number": '{"type": "send", "client_key": 1, "text": "a"}',
    "a text that is an object": json.dumps({"type": "send", "client_key": KEY, "text": {"a": 1}}),
    "no text": json.dumps({"type": "send", "client_key": KEY}),
    "an empty text": json.dumps({"type": "send", "client_key": KEY, "text": " \n"}),
    "a negative number": '{"type": "resume", "after": -1}',
    "a huge number": '{"type": "resume", "after": 1' + "0" * 5_000 + "}",
    "a fraction": '{"type": "resume", "after": 1.5}',
    "true as a number": '{"type": "resume", "after": true}',
    "somebody's reply": json.dumps({"type": "stop", "message": KEY}),
    "a retry of nothing": json.dumps({"type": "retry", "message": KEY}),
    "binary": b"\x00\xff\xfe",
    "binary JSON": b'{"type": "ping"}',
    "2 MiB": "x" * 2**21,
    "2 MiB of binary": b"x" * 2**21,
    "2 MiB of JSON": json.dumps({"type": "send", "client_key": KEY, "text": "y" * 2**21}),
}


def broke(lines: list[str]) -> int:
    """How often a web process raised where it should have answered."""
    return sum("Traceback" in line or "Internal Server Error" in line for line in lines)


async def open_socket(stage: Stage, seat: Seat, address: str, **headers: str) -> aiohttp.ClientWebSocketResponse:
    """A bare socket, greeted."""
    headers = {"Cookie": seat.cookie, "Origin": f"http://{address}"} | headers
    socket = await stage.http.ws_connect(f"ws://{address}{seat.path}", headers=headers, max_msg_size=0)
    await socket.receive(timeout=20)
    return socket


async def answer_to(socket: aiohttp.ClientWebSocketResponse, frame: str | bytes) -> str:
    """What a frame is answered with: the type of a frame, "close", or "" for silence."""
    try:
        await (socket.send_bytes(frame) if isinstance(frame, bytes) else socket.send_str(frame))
        message = await socket.receive(timeout=10)
    except (OSError, aiohttp.ClientError):
        return "close"
    except TimeoutError:
        return ""
    if message.type is aiohttp.WSMsgType.TEXT:
        kind: str = json.loads(message.data)["type"]
        return kind
    return "close"


@fault("A13", "hostile frames", "once")
async def hostile_frames(stage: Stage) -> None:
    """Bad JSON, arrays, deep nesting, wrong types, binary and 2 MiB, each on a socket of its own.

    Expected: an `error` or a close of that socket; a neighbour's reply goes on. Figures: frames answered otherwise;
    crashes and 500s.
    """
    stage.api.modes(tokens=100, delay=50)
    neighbours = await stage.students(len(stage.portal.webs))
    await asyncio.gather(*(neighbour.send("Take your time.") for neighbour in neighbours))
    seats = await in_database(school.seats, len(HOSTILE))
    otherwise: list[str] = []
    for number, ((name, frame), seat) in enumerate(zip(HOSTILE.items(), seats, strict=True)):
        socket = await open_socket(stage, seat, stage.portal.addresses[number % len(stage.portal.webs)])
        answer = await answer_to(socket, frame)
        if answer == "error" and await answer_to(socket, '{"type": "ping"}') != "pong":
            answer = "error, then silence"
        if answer not in {"error", "close"}:
            otherwise.append(f"{name}: {answer or 'silence'}")
        await socket.close()
    done = [await n.hears(1, 30) for n in neighbours]
    stage.report.note(f"{len(HOSTILE)} frames")
    stage.report.exactly("answered otherwise", len(otherwise))
    stage.report.exactly("neighbours affected", done.count(None) + sum(len(n.closes) for n in neighbours))
    stage.report.exactly("crashes", sum(web.child is None or web.child.poll() is not None for web in stage.portal.webs))
    stage.report.exactly("500s", broke(stage.portal.said()))
    for reason in otherwise:
        stage.report.fail(reason)


def client_form(**changed: str) -> Mapping[str, str | list[str]]:
    """A teacher's form for a new client, without facts."""
    return {
        "name": "Nora Hale", "age": "30", "domain": "social_work", "reason": "A visit.", "background": "A life.",
        "traits": ["warm", "anxious"], "communication_style": "brief", "scenario": "A room.", "language": "en",
        "difficulty": "moderate", "facts-TOTAL_FORMS": "0", "facts-INITIAL_FORMS": "0", **changed,
    }  # fmt: skip


async def teachers_page(stage: Stage) -> Visitor:
    """A signed-in teacher."""
    teacher = await in_database(school.teacher)
    cookies = await in_database(school.sign_in, [teacher])
    return Visitor(stage.http, stage.portal.addresses[0], cookies[teacher.pk])


@fault("A14", "50,000 characters", "once")
async def too_long(stage: Stage) -> None:
    """Somebody pastes a book into the chat, and into every long box of a form.

    Expected: refused, the limit is named, the form comes back with the text in it; a frame above 64 KiB closes its
    socket with 1009. Whether a browser keeps the draft is tested with a browser. Figures: refusals without the limit.
    """
    book = "Once upon a time. " * 2_778
    seat = (await in_database(school.seats, 1))[0]
    student = await stage.student(seat).open()
    key = await student.send(book)
    await student.answered(key)
    refusal = student.talk.refused.get(key, {})
    limit = refusal.get("code") == "too_long" and "8000" in refusal["detail"].replace(",", "")
    socket = await open_socket(stage, seat, stage.portal.addresses[0])
    await answer_to(socket, json.dumps({"type": "send", "client_key": KEY, "text": "\u2603" * 50_000}))
    visitor = await teachers_page(stage)
    boxes = {"background": "8000", "scenario": "1000", "challenges": "2000", "opening_line": "500", "reason": "200"}
    pages = {name: await visitor.post("/clients/new/", client_form(**{name: book})) for name in boxes}
    stage.report.note(f"{len(book)} characters, by socket and in {len(boxes)} boxes")
    stage.report.exactly("sockets that did not name the limit", int(not limit))
    stage.report.exactly("close code above 64 KiB", socket.close_code or 0, 1009)
    unnamed = [name for name, limit_of in boxes.items() if not names_limit(pages[name], limit_of)]
    stage.report.exactly("forms that did not name the limit", len(unnamed))
    stage.report.exactly("forms without the text", sum(book[:1_000] not in page.text for page in pages.values()))
    stage.report.exactly("500s", broke(stage.portal.said()))
    for name in unnamed:
        stage.report.fail(f"{name}: status {pages[name].status} without {boxes[name]}")


def names_limit(page: Page, limit: str) -> bool:
    """Whether a form came back and says how long the text may be."""
    return page.status == 200 and limit in page.text.replace(",", "").replace("\u00a0", "")


ODD = {
    "NUL": "be\x00fore",
    "a lone high surrogate": "half \ud83d only",
    "a lone low surrogate": "\ude00 half",
    "ZWJ emoji": "\U0001f469\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466 family",
    "right-to-left override": "a\u202egnp.exe",
    "zero width": "a\u200bb\ufeffc",
    "combining marks": "Z\u0351\u036b\u0343a\u0300\u0301\u0302",
    "line separators": "one\u2028two\u2029three\r\nfour\x85five",
    "noncharacters": "\ufdd0\uffff\U0010ffff",
    "control characters": "bell\x07 escape\x1b[31m",
    "markup": "<script>alert(1)</script> & \"quotes\" 'too'",
}
REFUSED = {"NUL", "a lone high surrogate", "a lone low surrogate"}


@fault("A15", "odd characters", "once")
async def odd_characters(stage: Stage) -> None:
    """NUL, halves of characters, joined emoji, direction overrides and markup, by socket and in a form.

    Expected: stored the same to the last code point, or refused. Figures: changed or half stored; 500s.
    """
    seats = await in_database(school.seats, len(ODD))
    students = [stage.student(seat, number) for number, seat in enumerate(seats)]
    await asyncio.gather(*(student.open() for student in students))
    changed: list[str] = []
    refused = 0
    for (name, text), student in zip(ODD.items(), students, strict=True):
        key = str(uuid.uuid4())
        student.talk.say(key, text)
        # As a hostile client would write it: halves of characters as JSON escapes, which no encoder of ours makes.
        assert student.socket is not None
        await student.socket.send_str(json.dumps({"type": "send", "client_key": key, "text": text}))
        await student.answered(key)
        refused += key in student.talk.refused
        stored = await in_database(stored_text, key)
        expected = None if key in student.talk.refused else text
        if stored != expected or (name in REFUSED) != (key in student.talk.refused):
            changed.append(f"{name}: {stored!r}")
    visitor = await teachers_page(stage)
    pages = [
        await visitor.post("/clients/new/", client_form(scenario=text))
        for name, text in ODD.items()
        if name not in REFUSED or name == "NUL"
    ]
    stage.report.note(f"{len(ODD)} texts, {refused} refused")
    stage.report.exactly("changed or half stored", len(changed))
    stage.report.exactly("forms neither saved nor refused", sum(page.status not in {200, 302} for page in pages))
    stage.report.exactly("500s", broke(stage.portal.said()))
    for reason in changed:
        stage.report.fail(reason)


def stored_text(key: str) -> str | None:
    """The message of that key, if it was stored."""
    found: str | None = Message.objects.filter(client_key=key).values_list("content", flat=True).first()
    return found


ORIGINS = {
    "none": None,
    "null": "null",
    "foreign": "https://elsewhere.example",
    "look-alike": "http://127.0.0.1.example",
}


@fault("A20", "sockets of other sites", "once")
async def foreign_origins(stage: Stage) -> None:
    """A page of another site, or no page at all, opens a socket with the student's cookie.

    Expected: refused in the handshake, and logged. Figures: accepted; refusals that the log does not have.
    """
    seat = (await in_database(school.seats, 1))[0]
    accepted = []
    for address in stage.portal.addresses:
        for name, origin in ORIGINS.items():
            headers = {"Cookie": seat.cookie} | ({"Origin": origin} if origin else {})
            try:
                socket = await stage.http.ws_connect(f"ws://{address}{seat.path}", headers=headers)
            except aiohttp.WSServerHandshakeError:
                continue
            accepted.append(name)
            await socket.close()
    tries = len(ORIGINS) * len(stage.portal.webs)
    logged = sum("websocket refused: origin" in line for line in stage.portal.said())
    stage.report.note(f"{tries} tries")
    stage.report.exactly("accepted", len(accepted))
    stage.report.exactly("not logged", tries - logged)
