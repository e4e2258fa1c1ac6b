"""Exports of many conversations: what was chosen, whole and once, under the rights of the moment, and nothing live."""

import csv
import datetime as dt
import io
import json
import zipfile
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from pypdf import PdfReader

from accounts.models import Enrolment, Section, SectionTeacher, User
from clients.models import ClientProfile
from conftest import make_user
from conversations import export_jobs, rubrics
from conversations.export_jobs import ExportRuleError, Format, start_export
from conversations.exports import Choice
from conversations.models import MarginNote, Session, TranscriptReading
from conversations.tests.assigned import hand_in, set_work
from conversations.tests.pages import HTMX, add, signed_in, words
from conversations.tests.rubrics import WHOLE_MARKS, ended_talk, listening
from monitoring import jobs, limits
from monitoring.cells import unguarded
from monitoring.models import Job, JobFile, RateLimit

pytestmark = pytest.mark.django_db

LIVE = '=HYPERLINK("http://x.example","click")'


@pytest.fixture(autouse=True)
def one_slice(settings: Any, media: Path) -> None:
    """Whatever is exported here is done in one turn of a worker."""
    settings.JOB_SLICE_SECONDS = 60


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """One conversation a step, two a file."""
    monkeypatch.setattr(Format, "batch", property(partial(_size, 2, 1)))
    monkeypatch.setattr(export_jobs, "VOLUME_TALKS", 2)


@pytest.fixture
def talks(student: User, section: Section, client_profile: ClientProfile) -> list[Session]:
    """Five conversations in the section, newest first: the student's, and two of another who is called a formula."""
    robin = make_user("robin", User.Role.STUDENT)
    User.objects.filter(pk=robin.pk).update(display_name="@Robin")
    User.objects.filter(pk=student.pk).update(display_name="Alex Romero")
    Enrolment.objects.create(section=section, student=robin)
    made = [ended_talk(person, client_profile) for person in (robin, student, robin, student, student)]
    add(made[0], "student", LIVE)
    return made[::-1]


def _size(talks: int, messages: int, _format: Format) -> tuple[int, int]:
    """How much a step does of any format."""
    return talks, messages


def ask(by: User, file_format: Format, **choice: bool) -> Job:
    """A job that exports all that this person sees."""
    return start_export(by=by, sessions=Session.objects.all(), file_format=file_format, choice=Choice(**choice))


def run(job: Job) -> dict[str, bytes]:
    """Let a worker do the job; the files that were made."""
    job.refresh_from_db()
    jobs.work(job.pk, job.fence)
    job.refresh_from_db()
    assert job.is_ended
    made = job.files.filter(purpose=JobFile.Purpose.OUTPUT).order_by("name")
    assert job.files.count() == made.count()
    return {file.name: file.content.read() for file in made}


def rows_of(content: bytes) -> list[dict[str, str]]:
    """A CSV file of the portal, cells as they were."""
    read = csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""))
    return [{name: unguarded(cell) for name, cell in row.items()} for row in read]


def unzipped(content: bytes) -> dict[str, bytes]:
    archive = zipfile.ZipFile(io.BytesIO(content))
    assert archive.testzip() is None
    names = archive.namelist()
    assert len(names) == len(set(names))
    return {name: archive.read(name) for name in names}


def test_a_zip_has_a_file_for_each_conversation_and_an_index_of_them(teacher: User, talks: list[Session]) -> None:
    job = ask(teacher, Format.MARKDOWN)
    files = unzipped(run(job)["conversations.zip"])
    assert (job.state, job.total, job.done, job.failed) == (Job.State.COMPLETED, 5, 5, 0)
    index = rows_of(files.pop("index.csv"))
    assert [row["file"] for row in index] == sorted(files)
    assert [row["conversation"] for row in index] == [str(talk.pk) for talk in talks]
    assert index[2]["student"] == "@Robin"
    day = f"{timezone.localtime(talks[2].started_at):%Y-%m-%d}"
    assert index[2]["file"] == f"3_robin_maria-delgado_{day}.md"
    assert "How are you today?" in files[index[2]["file"]].decode()


def test_every_conversation_that_left_is_in_the_access_log(teacher: User, talks: list[Session]) -> None:
    run(ask(teacher, Format.CSV))
    readings = TranscriptReading.objects.filter(reader=teacher, how=TranscriptReading.How.EXPORT)
    assert sorted(readings.values_list("session", flat=True)) == sorted(talk.pk for talk in talks)


def test_a_zip_of_pdf_files_opens(teacher: User, talks: list[Session]) -> None:
    files = unzipped(run(ask(teacher, Format.PDF))["conversations.zip"])
    pages = [PdfReader(io.BytesIO(files[name])).pages[0].extract_text() for name in sorted(files)[:5]]
    assert all("How are you today?" in page for page in pages)
    assert LIVE in pages[4]


def test_a_table_has_every_message_and_runs_nothing(teacher: User, talks: list[Session], small: None) -> None:
    files = run(ask(teacher, Format.CSV, figures=True))
    assert list(files) == ["conversations-1.csv", "conversations-2.csv", "conversations-3.csv"]
    rows = [row for content in files.values() for row in rows_of(content)]
    assert [(row["conversation"], row["number"]) for row in rows] == [
        (str(talk.pk), str(number)) for talk in talks for number in range(1, 4 if talk is talks[4] else 3)
    ]
    assert rows[-1]["text"] == LIVE
    assert rows[-1]["student"] == "@Robin"
    assert {"tokens", "cost_microusd", "response_ms"} <= set(rows[0])
    assert all(content.startswith(b"\xef\xbb\xbf") for content in files.values())
    raw = csv.reader(io.StringIO(files["conversations-3.csv"].decode("utf-8-sig"), newline=""))
    assert not [cell for row in raw for cell in row if cell[:1] in set("=+-@\t\r")]


def test_data_for_programs_is_whole_in_every_file(teacher: User, talks: list[Session], small: None) -> None:
    files = run(ask(teacher, Format.JSON))
    found = [one for content in files.values() for one in json.loads(content)["conversations"]]
    assert [one["conversation"] for one in found] == [str(talk.pk) for talk in talks]
    assert [message["text"] for message in found[4]["messages"]] == [
        "How are you today?", "Tired, if I am honest.", LIVE
    ]  # fmt: skip


def test_rights_that_go_meanwhile_end_what_is_exported(
    teacher: User, section: Section, talks: list[Session], small: None, settings: Any
) -> None:
    settings.JOB_SLICE_SECONDS = 0
    job = ask(teacher, Format.JSON)
    jobs.work(job.pk, job.fence)
    SectionTeacher.objects.get(section=section, teacher=teacher).delete()
    settings.JOB_SLICE_SECONDS = 60
    (content,) = run(job).values()
    assert [one["conversation"] for one in json.loads(content)["conversations"]] == [str(talks[0].pk)]
    assert (job.state, job.done, job.failed) == (Job.State.COMPLETED_WITH_FAILURES, 5, 4)
    assert list(job.problems.values_list("row", flat=True)) == [2, 3, 4, 5]
    assert TranscriptReading.objects.filter(how="export").count() == 1


def test_hidden_names_are_nowhere_but_in_what_was_said(teacher: User, student: User, talks: list[Session]) -> None:
    MarginNote.objects.create(message=talks[0].messages.get(sequence=1), author=teacher, text="Good start.")
    files = unzipped(run(ask(teacher, Format.MARKDOWN, names=False, notes=True, figures=True))["conversations.zip"])
    everything = "".join([*files, *(content.decode() for content in files.values())])
    for told in ("Romero", student.email, "Robin", "robin", teacher.display_name, str(talks[0].pk)):
        assert told not in everything
    index = rows_of(files["index.csv"])
    assert [row["student"] for row in index] == ["Student 1", "Student 1", "Student 2", "Student 1", "Student 2"]
    assert "Good start" in everything


def test_a_step_that_was_lost_is_done_again_and_nothing_is_there_twice(
    teacher: User, talks: list[Session], small: None
) -> None:
    job = ask(teacher, Format.MARKDOWN)
    for _step in range(8):
        with transaction.atomic():
            export_jobs.export(job)
            transaction.set_rollback(True)
        progress = export_jobs.export(job)
        Job.objects.filter(pk=job.pk).update(checkpoint=progress.checkpoint)
        job.refresh_from_db()
    assert progress.finished
    made = job.files.filter(purpose=JobFile.Purpose.OUTPUT).order_by("name")
    files = [unzipped(file.content.read()) for file in made]
    assert [len(archive) for archive in files] == [3, 3, 2]
    assert TranscriptReading.objects.filter(how="export").count() == 5


def test_students_take_their_own_words_and_no_more(student: User, teacher: User, talks: list[Session]) -> None:
    first, second = (talk for talk in talks if talk.student_id == student.pk and talk is not talks[3])
    rubric = rubrics.create_rubric(by=teacher, value=listening())
    for talk in (first, second):
        rubrics.score(by=teacher, session=talk, rubric=rubric, marks=WHOLE_MARKS, comment="Hear more.", number=0)
    rubrics.release(by=teacher, session=first, number=1)
    line = first.messages.get(sequence=1)
    MarginNote.objects.create(message=line, author=teacher, text="For you", shared=True)
    MarginNote.objects.create(message=line, author=teacher, text="For us")
    (content,) = run(ask(student, Format.JSON, scoring=True, notes=True, figures=True)).values()
    found = json.loads(content)["conversations"]
    assert {one["student"] for one in found} == {"Alex Romero"}
    assert "cost_microusd" not in found[0]
    assert [one.get("scoring", {}).get("comment") for one in found] == ["Hear more.", None, None]
    assert found[0]["messages"][0]["notes"] == [{"who": teacher.display_name, "text": "For you"}]
    assert not TranscriptReading.objects.exists()


def test_a_person_has_one_export_at_a_time_and_none_of_nothing(
    teacher: User, other_teacher: User, talks: list[Session]
) -> None:
    with pytest.raises(ExportRuleError, match="no conversation"):
        ask(other_teacher, Format.CSV)
    job = ask(teacher, Format.CSV)
    with pytest.raises(ExportRuleError, match="still running"):
        ask(teacher, Format.CSV)
    jobs.cancel(by=teacher, job=job)
    assert ask(teacher, Format.CSV).total == 5


def test_work_that_was_set_is_named_with_the_attempt(
    teacher: User, student: User, section: Section, client_profile: ClientProfile
) -> None:
    hand_in(student, set_work(teacher, section, client_profile))
    (content,) = run(ask(teacher, Format.CSV)).values()
    assert [(row["assignment"], row["attempt"], row["text"]) for row in rows_of(content)] == [("First talk", "1", "")]
    files = unzipped(run(ask(teacher, Format.MARKDOWN))["conversations.zip"])
    assert any("- Assignment: First talk" in content.decode() for content in files.values())


def test_a_closed_account_gets_nothing(teacher: User, talks: list[Session]) -> None:
    job = ask(teacher, Format.CSV)
    teacher.is_active = False
    teacher.save()
    assert run(job) == {}
    assert job.error == "The account that asked for this export is closed."


def test_the_files_are_for_whoever_asked_alone(teacher: User, operator: User, talks: list[Session]) -> None:
    job = ask(teacher, Format.CSV)
    assert run(job)
    path = reverse("job-file", args=[job.pk, job.files.get().pk])
    assert path in words(signed_in(teacher).get(f"/jobs/{job.pk}/"))
    assert signed_in(teacher).get(path).status_code == 200
    assert path not in words(signed_in(operator).get(f"/jobs/{job.pk}/"))
    assert signed_in(operator).get(path).status_code == 404


@pytest.mark.usefixtures("still")
def test_a_step_asks_as_much_for_many_conversations_as_for_few(
    teacher: User, talks: list[Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    for size in (2, 5):
        monkeypatch.setattr(Format, "batch", property(partial(_size, size, 1_000)))
        job = ask(teacher, Format.MARKDOWN, scoring=True, notes=True)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            export_jobs.export(job)
        asked.append(len(queries))
        jobs.cancel(by=teacher, job=job)
    assert asked[0] == asked[1]


@pytest.mark.usefixtures("still")
def test_the_page_counts_what_is_chosen_and_starts_the_export(
    teacher: User, section: Section, talks: list[Session], client_profile: ClientProfile
) -> None:
    browser = signed_in(teacher)
    with CaptureQueriesContext(connection) as queries:
        assert "5 conversations" in words(browser.get("/exports/new/"))
    assert len(queries) <= 12
    Session.objects.filter(pk=talks[0].pk).update(started_at=timezone.now() - dt.timedelta(days=9))
    day = f"{timezone.localdate() - dt.timedelta(days=3)}"
    part = browser.get("/exports/new/", {"section": str(section.pk), "since": day}, headers=HTMX)
    assert "4 conversations" in words(part)
    assert "<form" not in words(part)
    found = browser.get("/exports/new/", {"q": "HYPERLINK", "student": "robin", "scoring": "none"})
    assert "1 conversation<" in words(found)
    sent = {"section": section.pk, "client": client_profile.pk, "since": day, "format": "csv", "hide_names": "on"}
    answer = browser.post("/exports/new/", sent)
    job = Job.objects.get()
    assert answer["Location"] == f"/jobs/{job.pk}/"
    assert (job.total, job.input["names"], job.label) == (4, False, "Export of 4 conversations (CSV)")
    assert "Your last export is still running." in words(browser.get("/exports/new/"))


def test_a_student_chooses_among_their_own(student: User, talks: list[Session], client_profile: ClientProfile) -> None:
    browser, today = signed_in(student), f"{timezone.localdate()}"
    page = words(
        browser.get("/exports/new/", {"client": str(client_profile.pk), "status": "completed", "until": today})
    )
    assert "3 conversations" in page
    assert "hide_names" not in page
    assert "cost" not in page
    assert "No conversation fits" in words(browser.get("/exports/new/", {"status": "open"}))


def test_exports_and_gradebooks_count_as_downloads(teacher: User, section: Section, talks: list[Session]) -> None:
    RateLimit.objects.filter(name=RateLimit.Name.EXPORTS_PER_PERSON).update(count=1, seconds=60)
    limits.forget()
    browser, book = signed_in(teacher), f"/sections/{section.pk}/gradebook/moodle.csv"
    assert browser.get(book).status_code == 200
    assert browser.get(book).status_code == 429
    assert browser.post("/exports/new/", {"format": "csv"}).status_code == 429
    assert not Job.objects.exists()


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"since": "2026-11-02", "until": "2026-11-01"}, "The last day must not be before the first."),
        ({"since": "yesterday"}, "Write a day such as 2026-09-30."),
        ({"until": "9999-12-31"}, "Choose a year between 2000 and 2100."),
        ({"section": "b1e5d6f0-0000-4000-8000-000000000000"}, "Select a valid choice."),
    ],
)
def test_a_filter_that_cannot_be_read_exports_nothing_instead_of_everything(
    teacher: User, talks: list[Session], wrong: dict[str, str], sentence: str
) -> None:
    answer = signed_in(teacher).post("/exports/new/", {**wrong, "format": "csv", "notes": "on"})
    assert answer.status_code == 200
    page = words(answer)
    assert sentence in page
    assert 'name="notes" id="id_notes" checked' in page
    assert not Job.objects.exists()


@pytest.mark.parametrize(
    ("ending", "content_type"),
    [("pdf", "application/pdf"), ("csv", "text/csv; charset=utf-8"), ("json", "application/json")],
)
def test_one_conversation_is_a_file_at_once_and_logged(
    teacher: User, other_teacher: User, talks: list[Session], ending: str, content_type: str
) -> None:
    path = f"/sessions/{talks[4].pk}/transcript.{ending}"
    answer = signed_in(teacher).get(path)
    assert answer["Content-Type"] == content_type
    assert answer["Content-Disposition"].endswith(f'.{ending}"')
    assert TranscriptReading.objects.filter(reader=teacher, session=talks[4], how="export").count() == 1
    assert signed_in(other_teacher).get(path).status_code == 404


def test_a_very_long_pdf_is_drawn_in_the_background(teacher: User, talks: list[Session]) -> None:
    Session.objects.filter(pk=talks[0].pk).update(last_sequence=5_000)
    browser = signed_in(teacher)
    answer = browser.get(f"/sessions/{talks[0].pk}/transcript.pdf")
    page = words(browser.get(answer["Location"]))
    assert "Export this conversation" in page
    assert 'value="pdf" id="id_format_0" required checked' in page or "checked" in page
    browser.post("/exports/new/", {"session": talks[0].pk, "format": "pdf"})
    assert Job.objects.get().total == 1
