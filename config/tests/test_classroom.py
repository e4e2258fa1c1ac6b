"""A whole class in a browser: roster, assignment, twenty conversations on the wall, exports, gradebook."""

import asyncio
import csv
import io
import json
import re
import subprocess
import sys
import threading
import uuid
import zipfile
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest
from playwright.sync_api import Page, expect

from config.tests.pictures import look
from config.tests.portal import BASE, Portal, running_portal

pytestmark = pytest.mark.browser

ON_ROSTER, TALKING = 300, 20
PASSWORD = "a long and quiet walk"


@contextmanager
def worker_of(portal: Portal) -> Iterator[None]:
    """A Celery worker beside the portal, as `make run` starts one."""
    command = [sys.executable, "-m", "celery", "-q", "-A", "config", "worker", "-P", "solo", "-l", "error"]
    worker = subprocess.Popen(command, cwd=BASE, env=portal.env)
    try:
        yield
    finally:
        worker.terminate()
        worker.wait(120)


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    with running_portal(tmp_path_factory.mktemp("classroom")) as portal, worker_of(portal):
        yield portal


def roster(path: Path) -> Path:
    """A class list as a spreadsheet of another country writes it: semicolons, an old encoding, columns of its own."""
    lines = ["Correo electrónico;Nombre;Apellidos;Nota"]
    lines += [f"alumna{number}@escuela.example;Ana {number};Muñoz;=1+1" for number in range(ON_ROSTER)]
    path.write_text("\r\n".join(lines), encoding="cp1252")
    return path


class Student:
    """One of the class, who came by a link from the printed sheet."""

    def __init__(self, portal: Portal, link: str) -> None:
        self.portal, self.visitor = portal, portal.visitor()
        path = urlsplit(link.strip()).path
        name = re.search(r'name="display_name" value="([^"]*)"', self.visitor.get(path)[2])
        self.name = name[1] if name else ""
        typed = {"display_name": self.name, "password1": PASSWORD, "password2": PASSWORD}
        assert self.visitor.post(path, path, **typed)[0] == 200
        self.session = ""

    def begin(self, work: str, position: int = 0) -> None:
        """Accept the notice, and the client's content note if it has one, and start with the client at this place."""
        self.visitor.post("/notice/", "/notice/")
        starts = re.findall(r'action="(/work/tasks/[0-9a-f-]{36}/start/)"', self.visitor.get(work)[2])
        _status, url, _page = self.visitor.post(starts[position], work)
        if "/content-note/" in url:
            note = urlsplit(url).path
            self.visitor.post(note, note, agree="yes")
            _status, url, _page = self.visitor.post(starts[position], work)
        found = re.search(r"/sessions/([0-9a-f-]{36})/$", url)
        assert found, url
        self.session = found[1]

    @asynccontextmanager
    async def chat(self) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        url = f"{self.portal.url.replace('http', 'ws')}/ws/sessions/{self.session}/"
        headers = {"Cookie": self.visitor.cookie, "Origin": self.portal.url}
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
            chat = await http.ws_connect(url, headers=headers)
            await chat.send_json({"type": "resume", "after": 0})
            yield chat


async def hear(chat: aiohttp.ClientWebSocketResponse, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The first frame like this."""
    async with asyncio.timeout(60):
        while True:
            frame: dict[str, Any] = json.loads((await chat.receive()).data)
            if wanted(frame):
                return frame


async def talk(student: Student, text: str) -> None:
    """Say one thing and hear the reply to its end."""
    async with student.chat() as chat:
        await chat.send_json({"type": "send", "client_key": str(uuid.uuid4()), "text": f"{text} I am {student.name}."})
        await hear(chat, lambda frame: frame["type"] == "done")


async def all_talk(students: list[Student], text: str) -> None:
    await asyncio.gather(*(talk(student, text) for student in students))


async def hear_a_nudge(student: Student, listening: threading.Event) -> dict[str, Any]:
    async with student.chat() as chat:
        await chat.send_json({"type": "ping"})
        await hear(chat, lambda frame: frame["type"] == "pong")
        listening.set()
        return await hear(chat, lambda frame: frame["type"] == "notice" and frame["kind"] == "nudge")


async def hear_the_end(student: Student, listening: threading.Event) -> dict[str, Any]:
    async with student.chat() as chat:
        await chat.send_json({"type": "ping"})
        await hear(chat, lambda frame: frame["type"] == "pong")
        listening.set()
        return await hear(chat, lambda frame: frame["type"] == "session" and frame["status"] == "completed")


@pytest.fixture(scope="module")
def meanwhile() -> Iterator[Callable[[Coroutine[Any, Any, Any]], Future[Any]]]:
    """Lets students talk in a thread of their own, since the browser has this one."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    yield lambda what: asyncio.run_coroutine_threadsafe(what, loop)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(60)
    loop.close()


def import_roster(page: Page, section: str, path: Path) -> None:
    """The same file twice: the first time everybody is new, the second time nothing changes."""
    for expected in ("new", "nothing"):
        page.goto(f"/rosters/new/?section={section}")
        page.locator("input[type=file]").set_input_files(path)
        if expected == "new":
            look(page, "roster-new")
        page.get_by_role("button", name="Look at the file").click()
        page.get_by_role("button", name=f"Import {ON_ROSTER} rows").wait_for()
        if expected == "new":
            look(page, "roster-preview")
        page.get_by_role("button", name=f"Import {ON_ROSTER} rows").click()
        expect(page.get_by_role("heading", name="What changed")).to_be_visible(timeout=60_000)
        if expected == "new":
            look(page, "roster-report")
            expect(page.locator(".figures").get_by_text(str(ON_ROSTER), exact=True).first).to_be_visible()
        else:
            expect(page.get_by_text("Everybody who could be read was here already.")).to_be_visible()


def set_work(page: Page, section: str) -> str:
    """Write and publish a graded assignment with two clients and a rubric for each; its key."""
    page.goto(f"/assignments/new/?section={section}")
    page.get_by_label("Title").fill("First two talks")
    page.get_by_label("Graded", exact=True).check()
    for number in (1, 2):
        page.get_by_label("Add a client").select_option(index=number)
        page.get_by_role("button", name="Add", exact=True).click()
        page.locator(f"#client-{number} select").first.select_option(index=1)
    look(page, "assignment-form")
    page.get_by_role("button", name="Save draft").click()
    found = re.search(r"/assignments/([0-9a-f-]{36})/", page.url)
    assert found, page.url
    page.goto(f"/assignments/{found[1]}/publish/")
    look(page, "assignment-publish")
    page.locator("main form button[type=submit]").first.click()
    page.goto(f"/assignments/{found[1]}/")
    look(page, "assignment-detail")
    return found[1]


def links_from_the_sheet(page: Page, section: str) -> list[str]:
    page.goto(f"/sections/{section}/sheet/")
    page.get_by_role("button", name="Make new links to print").click()
    expect(page.locator(".slip")).to_have_count(ON_ROSTER)
    return page.locator(".slip .paper").all_inner_texts()


def nudge(page: Page, student: Student) -> None:
    tile = page.locator(f".tile[data-id='{student.session}']")
    tile.get_by_role("link", name="Nudge").click()
    page.locator("#nudge-dialog").get_by_role("button").first.click()


def end(page: Page, student: Student) -> None:
    tile = page.locator(f".tile[data-id='{student.session}']")
    tile.get_by_role("link", name="End").click()
    page.locator("#end-dialog").get_by_role("button", name="End and save").click()


def score(page: Page, student: Student) -> None:
    """Score by the assignment's rubric, which the form knows, and release."""
    page.goto(f"/sessions/{student.session}/scoring/")
    for group in page.locator("fieldset.scoring-criterion").all():
        group.locator("input[type=radio]").nth(1).check()
    page.locator("button[name=release]").click()
    page.locator("main form button[type=submit]").first.click()


def exported(page: Page, section: str) -> dict[str, str]:
    """The files of an export of the section's conversations, by name."""
    page.goto(f"/exports/new/?section={section}")
    page.get_by_label("Markdown").check()
    look(page, "export")
    page.get_by_role("button", name="Start the export").click()
    link = page.locator("a[href*='/files/']").first
    link.wait_for(timeout=60_000)
    look(page, "export-job")
    with page.expect_download() as download:
        link.click()
    with zipfile.ZipFile(download.value.path()) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


def gradebook(page: Page, section: str) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Each student's scores, client by client, as the pages show them, and as the file for Canvas has them."""
    chosen, shown = "by=client", {}
    page.goto(f"/sections/{section}/gradebook/?{chosen}")
    look(page, "gradebook")
    for number in range(1, ON_ROSTER):
        page.goto(f"/sections/{section}/gradebook/?{chosen}&page={number}")
        rows = page.locator("main tbody tr").all()
        if rows[0].locator("th").inner_text() in shown:
            break
        for row in rows:
            scores = [text.replace("no score yet", "").strip("–\n ") for text in row.locator("td").all_inner_texts()]
            shown[row.locator("th").inner_text()] = scores
    with page.expect_download() as download:
        page.evaluate(f"location.href = '/sections/{section}/gradebook/canvas.csv?{chosen}'")
    text = download.value.path().read_text(encoding="utf-8-sig")
    header, _points, *rows_of_file = csv.reader(io.StringIO(text))
    first = header.index("Section") + 1
    return shown, {
        row[0]: [score.removesuffix(".00").removesuffix(".0") for score in row[first:]] for row in rows_of_file
    }


def test_a_class_goes_from_the_roster_to_the_gradebook(
    portal: Portal,
    enter: Callable[..., Page],
    meanwhile: Callable[[Coroutine[Any, Any, Any]], Future[Any]],
    tmp_path: Path,
) -> None:
    page = enter("teacher")
    page.goto("/sections/new/")
    page.get_by_label("Name", exact=True).fill("Helping skills, Monday")
    page.locator("main form button[type=submit]").last.click()
    section = page.url.rstrip("/").rpartition("/")[2]
    import_roster(page, section, roster(tmp_path / "lista.csv"))
    work = set_work(page, section)
    students = [Student(portal, link) for link in links_from_the_sheet(page, section)[:TALKING]]
    for student in students:
        student.begin(f"/work/{work}/")

    page.goto(f"/sections/{section}/wall/?assignment={work}")
    expect(page.locator(".tile:visible")).to_have_count(TALKING)
    meanwhile(all_talk(students, "How was your week?")).result(180)
    expect(page.get_by_text("Turns: 1", exact=True)).to_have_count(TALKING)
    look(page, "wall")
    listening = threading.Event()
    heard = meanwhile(hear_a_nudge(students[0], listening))
    assert listening.wait(60)
    nudge(page, students[0])
    assert heard.result(60)["text"]
    listening = threading.Event()
    gone = meanwhile(hear_the_end(students[1], listening))
    assert listening.wait(60)
    end(page, students[1])
    assert gone.result(60)["ended_at"]
    for student in [students[0], *students[2:]]:
        student.visitor.post(f"/sessions/{student.session}/end/", f"/sessions/{student.session}/")
    expect(page.locator(".tile[data-state=finished]")).to_have_count(TALKING)

    for student in students[:2]:
        score(page, student)
    files = exported(page, section)
    for student in students:
        assert sum(f"I am {student.name}." in text for text in files.values()) == 1
    shown, in_file = gradebook(page, section)
    assert len(in_file) == ON_ROSTER
    assert [name for name, scores in in_file.items() if scores != ["", ""]] == [one.name for one in students[:2]]
    assert shown == in_file
