"""The pages of rosters: upload, preview and report work without JavaScript, and write nothing before it is asked."""

import html
import re
from typing import Any

import pytest
from django.template.defaultfilters import striptags
from django.test import Client as Browser
from django.urls import reverse

from accounts import services
from accounts.models import Enrolment, RosterFile, Section, SectionTeacher, User
from accounts.services import rosters
from accounts.tests.rosters import finished, imported, oneroster, uploaded
from conftest import make_user
from monitoring.models import Job

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("media")]

NEW = "/rosters/new/"
ROSTER = (
    "Nombre;Apellidos;Correo;Grupo\nRobin;Vale;robin@example.edu;A\nZoë;Núñez;zoe@example.edu;B\nNobody;;nowhere;A\n"
)


@pytest.fixture
def at_desk(client: Browser, teacher: User, section: Section) -> Browser:
    """The lead of `section`, signed in."""
    client.force_login(teacher)
    return client


@pytest.fixture
def in_office(operator: User) -> Browser:
    """An admin, signed in."""
    browser = Browser()
    browser.force_login(operator)
    return browser


def words(answer: Any) -> str:
    """What people read on the page, on one line."""
    return " ".join(html.unescape(striptags(answer.text)).split())


def upload(browser: Browser, content: str | bytes, section: Section | None = None, name: str = "class.csv") -> str:
    """The address of the preview."""
    answer = browser.post(NEW, {"file": uploaded(content, name), "section": section.pk if section else ""})
    assert answer.status_code == 302, words(answer)
    return str(answer.headers["Location"])


def sent(page: str) -> dict[str, str]:
    """What a browser sends of the preview's form as it stands, its buttons left out."""
    data = {}
    for tag in re.findall(r"<input[^>]*>", page.partition('id="roster"')[2]):
        named = dict(re.findall(r'(\w+)="([^"]*)"', tag))
        if named.get("name") and (named["type"] != "checkbox" or " checked" in tag):
            data[named["name"]] = html.unescape(named.get("value", ""))
    for name, options in re.findall(r'<select name="([^"]+)".*?>(.*?)</select>', page, re.DOTALL):
        chosen = re.search(r'value="([^"]*)" selected', options)
        data[name] = html.unescape(chosen[1]) if chosen else ""
    data.pop("csrfmiddlewaretoken", None)
    return data


def test_a_teacher_uploads_looks_and_imports_and_only_then_anything_is_written(
    at_desk: Browser, section: Section, teacher: User
) -> None:
    page = at_desk.get(f"{NEW}?section={section.pk}").text
    assert f'value="{section.pk}" selected' in page
    assert "examples/roster.csv" in page
    where = upload(at_desk, ROSTER, section)
    answer = at_desk.get(where)
    text = words(answer)
    for part in (
        "class.csv", "3 rows", "Nothing is imported yet", "1 row cannot be read", "Row 4: This is not",
        "Robin Vale", "New account, joins the section", "Everybody goes into SW 101 Interviewing", "Import 2 rows",
    ):  # fmt: skip
        assert part in text, part
    assert User.objects.count() == 2
    done = at_desk.post(where, sent(answer.text) | {"do": "import"})
    job = finished(Job.objects.get())
    assert done.headers["Location"] == reverse("roster-report", args=[job.pk])
    assert not RosterFile.objects.exists()
    report = at_desk.get(done.headers["Location"])
    text = words(report)
    for part in ("new accounts 2", "enrolled 2", "rows that failed 1", "Links for SW 101 Interviewing", "Row 4 E-mail"):
        assert part in text, part
    assert reverse("section-sheet", args=[section.pk]) in report.text
    assert at_desk.get(where).status_code == 404
    assert at_desk.get(reverse("job", args=[job.pk])).headers["Location"] == done.headers["Location"]
    assert "2 students have not come yet" in words(at_desk.get(reverse("section-sheet", args=[section.pk])))
    again = upload(at_desk, ROSTER, section)
    at_desk.post(again, sent(at_desk.get(again).text) | {"do": "import"})
    text = words(at_desk.get(finished(Job.objects.first() or job).get_absolute_url(), follow=True))
    assert "unchanged 2" in text
    assert "was here already" in text


def test_what_was_guessed_can_be_chosen_otherwise_and_what_cannot_be_is_said(at_desk: Browser) -> None:
    where = upload(at_desk, "a;b;c\nrobin@example.edu;second@example.edu;Group Ä\n".encode("cp1252"))
    page = at_desk.get(where).text
    assert "No column names sections" in words(at_desk.get(where))
    assert "do=" not in page
    assert 'value="import"' not in page
    data = sent(page)
    assert (data["encoding"], data["delimiter"], data["header"]) == ("cp1252", "semicolon", "yes")
    assert data["column-email"] == "0"
    looked = at_desk.post(where, data | {"column-email": "1", "column-section": "2"})
    text = words(looked)
    assert "second@example.edu" in text
    assert "Group Ä" in text
    assert "Will be made" in text
    assert "Import 1 row" in text
    twice = at_desk.post(where, data | {"column-email": "1", "column-section": "1", "do": "import"})
    assert "One column cannot be two things" in words(twice)
    assert sent(twice.text)["column-section"] == "1"
    assert 'value="import"' not in twice.text
    other = at_desk.post(where, data | {"column-email": "1", "delimiter": "comma", "encoding": "utf-8"})
    assert other.status_code == 200
    assert not Job.objects.exists()
    assert (
        at_desk.post(where, {"encoding": "nonsense", "column-email": "x", "section": "y", "role": "z"}).status_code
        == 200
    )
    unheaded = at_desk.post(where, sent(looked.text) | {"header": "no"})
    assert "2 rows" in words(unheaded)


def test_bad_files_are_refused_in_words(at_desk: Browser) -> None:
    bad: list[tuple[str | bytes, str, str]] = [
        ("", "empty.csv", "The file is empty."),
        (b"PK\x03\x04 no zip", "broken.zip", "Only admins import OneRoster zips"),
        (b"%PDF-1.7", "list.pdf", "Save the table as CSV"),
        ("email\n" + '"' * 3 + "x\n" * 3, "open.csv", "quotation mark"),
        ("e" * (20 * 2**20 + 1), "large.csv", "larger than 20 MB"),
        (oneroster({}), "school.zip", "Only admins"),
    ]
    for content, name, part in bad:
        answer = at_desk.post(NEW, {"file": uploaded(content, name)})
        assert answer.status_code == 200
        assert part in words(answer), name
    assert "Choose a file." in words(at_desk.post(NEW, {"section": ""}))
    assert not RosterFile.objects.exists()


def test_past_the_limit_of_imports_the_page_answers_429(
    at_desk: Browser, teacher: User, section: Section, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rosters, "MOST_A_DAY", 1)
    imported(teacher, "email\na@example.com\n", section)
    answer = at_desk.post(NEW, {"file": uploaded("email\na@example.com\n")})
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 86_000
    assert "At most 1 rosters" in words(answer)


def test_a_file_is_deleted_on_request_and_nobody_else_sees_it(at_desk: Browser, in_office: Browser) -> None:
    where = upload(at_desk, ROSTER)
    assert in_office.get(where).status_code == 404
    discard = reverse("roster-discard", args=[RosterFile.objects.get().pk])
    assert in_office.post(discard).status_code == 404
    assert "Nothing was imported" in words(at_desk.post(discard, follow=True))
    assert not RosterFile.objects.exists()


def test_an_admin_previews_a_school_chooses_who_leaves_and_is_led_to_links_for_new_teachers(
    in_office: Browser, section: Section, student: User
) -> None:
    roster = "email,role,section,password\nprof@example.edu,,Interviewing,hunter-two\n"
    where = upload(in_office, roster)
    page = in_office.get(where)
    text = words(page)
    assert "It was taken out and is kept nowhere" in text
    assert "Remove the 1 student of these sections who is not in the file" in text
    assert "hunter" not in page.text
    assert "encoding" not in sent(page.text)
    looked = in_office.post(where, sent(page.text) | {"role": "teacher", "remove": "on"})
    assert "New account, teaches the section" in words(looked)
    data = sent(looked.text)
    assert data["remove"] == "on"
    in_office.post(where, data | {"do": "import"})
    job = finished(Job.objects.get())
    text = words(in_office.get(reverse("roster-report", args=[job.pk])))
    for part in ("new accounts 1", "removed 1", "teachers added 1", "New teachers stand among the invitations"):
        assert part in text
    assert not Enrolment.objects.active().exists()
    assert "prof@example.edu" in words(in_office.get(reverse("invitation-list")))


def test_pages_of_rosters_ask_few_queries_whatever_the_rows(
    at_desk: Browser, teacher: User, section: Section, django_assert_max_num_queries: Any
) -> None:
    people = [make_user(f"p{n}", User.Role.STUDENT) for n in range(6)]
    Enrolment.objects.bulk_create(Enrolment(section=section, student=person) for person in people[:3])
    lines = [f"p{n}@example.com,Person {n},S-{n},student,Group {n % 60},Autumn" for n in range(300)]
    lines.insert(1, "teacher@example.com,Teacher,,teacher,Interviewing,")
    for number in range(4):
        made = services.create_section(by=teacher, name=f"Group {number}")
        services.add_teacher(by=teacher, section=made, teacher=make_user(f"t{number}", User.Role.TEACHER))
    where = upload(at_desk, "\n".join(["email,name,student id,role,section,term", *lines]))
    with django_assert_max_num_queries(12):
        page = at_desk.get(where)
    assert "There is no term of this name" in words(page)
    lines = [line.removesuffix("Autumn") for line in lines]
    where = upload(at_desk, "\n".join(["email,name,student id,role,section,term", *lines]))
    with django_assert_max_num_queries(12):
        page = at_desk.get(where)
    assert "and 11 more sections" in words(page)
    at_desk.post(where, sent(page.text) | {"do": "import"})
    job = finished(Job.objects.get())
    with django_assert_max_num_queries(12):
        report = at_desk.get(reverse("roster-report", args=[job.pk]))
    assert "Page 1" not in words(report)
    assert SectionTeacher.objects.filter(teacher=teacher).count() == 61
    with django_assert_max_num_queries(12):
        at_desk.get(NEW)


def test_a_oneroster_zip_is_previewed_with_what_is_wrong_in_it(in_office: Browser) -> None:
    files = {
        "classes": "sourcedId,title\nk1,Practice\nk2,\n",
        "users": "sourcedId,givenName,familyName,email,role\nu1,Robin,Vale,robin@example.edu,student\n",
        "enrollments": "classSourcedId,userSourcedId,role\nk1,u1,student\nk9,u1,student\n",
    }
    where = upload(in_office, oneroster(files), name="school.zip")
    text = words(in_office.get(where))
    for part in (
        "OneRoster 1.1",
        "classes.csv: Row 3: There is no title.",
        "enrollments.csv: Row 3:",
        "Practice",
        "Import 2",
    ):
        assert part in text, part
    in_office.post(where, {"do": "import"})
    job = finished(Job.objects.get())
    text = words(in_office.get(reverse("roster-report", args=[job.pk])))
    assert "Row 3 enrollments.csv: Section" in text
    assert "sections made 1" in text
