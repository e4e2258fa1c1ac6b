"""Everything about one student: an export holds all of it and nothing of others; an erasure leaves nothing but sums."""

import json
import zipfile
from typing import Any

import pytest
from django.urls import reverse

from accounts.models import Section, User
from accounts.services import (
    NotAllowedError,
    WrongRoleError,
    privacy,
)
from conftest import make_user
from conversations.models import Session, TranscriptReading
from conversations.tests.everything import (
    OTHER,
    WORD,
    choose,
    erase,
    file_of,
    run,
    settle_yesterday,
)
from conversations.tests.pages import signed_in, words
from monitoring import privacy as registered
from monitoring.models import Job

pytestmark = [pytest.mark.django_db, pytest.mark.servers, pytest.mark.usefixtures("media")]

# --- Export -----------------------------------------------------------------------------------------------------------


def export(by: User, student: User) -> tuple[Job, dict[str, Any]]:
    """The job, and what is in its file: rows by part."""
    job = run(privacy.begin_export(by=by, student=student))
    assert job.state == "completed", job.error
    with file_of(job).content.open() as file, zipfile.ZipFile(file) as archive:
        assert "Everything about" in archive.read("index.html").decode()
        names = [name for name in archive.namelist() if name != "index.html"]
        return job, {name.removesuffix(".json"): json.loads(archive.read(name)) for name in names}


# Parts in which a student's own word cannot stand: numbers, keys and moments.
WORDLESS = {
    "notification_choices", "sign_ins", "enrolments", "scorings", "notices", "evidence", "readings", "usage", "limits",
    "usage_by_day", "admin_readings", "conversations",
}  # fmt: skip


def test_an_export_holds_something_of_every_part_and_nothing_of_another_student(two: User, admin: User) -> None:
    settle_yesterday()
    _job, rows = export(admin, two)
    assert set(rows) == set(registered.parts())
    assert {name for name, found in rows.items() if not found} == set()
    said = {name: json.dumps(found, ensure_ascii=False).lower() for name, found in rows.items()}
    assert {name for name, text in said.items() if WORD not in text} == WORDLESS
    assert {name for name, text in said.items() if OTHER in text} == set()
    assert "secret" not in said["account"]
    assert "password" not in said["account"]


def test_whoever_reads_an_export_stands_in_the_access_log(two: User, admin: User) -> None:
    export(admin, two)
    read = TranscriptReading.objects.filter(reader=admin, how=TranscriptReading.How.EXPORT)
    assert set(read.values_list("session__student", flat=True)) == {two.pk}
    assert read.count() == Session.objects.filter(student=two).count()


def test_an_export_is_for_whoever_asked_alone(two: User, admin: User) -> None:
    job, _rows = export(admin, two)
    path = reverse("job-file", args=[job.pk, file_of(job).pk])
    answer = signed_in(admin).get(path)
    assert answer.status_code == 200
    b"".join(answer.streaming_content)  # type: ignore[attr-defined]
    assert signed_in(make_user("second-admin", User.Role.ADMIN)).get(path).status_code == 404
    assert WORD not in str(job).lower()


@pytest.mark.parametrize("role", ["student", "teacher", "support", "operator", "auditor"])
def test_nobody_else_may_export_or_erase(role: str, student: User, section: Section) -> None:
    by = make_user("somebody", role)
    with pytest.raises(NotAllowedError):
        privacy.begin_export(by=by, student=student)
    with pytest.raises(NotAllowedError):
        erase(by, student)
    assert not Job.objects.filter(kind=privacy.ERASURE_KIND).exists()


def test_teachers_are_neither_exported_nor_erased(teacher: User, admin: User) -> None:
    with pytest.raises(WrongRoleError):
        privacy.begin_export(by=admin, student=teacher)
    with pytest.raises(WrongRoleError):
        erase(admin, teacher)


def test_an_export_ends_when_the_right_or_the_student_is_gone(student: User, admin: User) -> None:
    job = privacy.begin_export(by=admin, student=student)
    gone = privacy.begin_export(by=admin, student=student)
    student.delete()
    assert run(gone).error == "This account was erased meanwhile."
    admin.is_active = False
    admin.save()
    assert run(job).error == "Whoever asked for this may not have it any more."


# --- The pages --------------------------------------------------------------------------------------------------------


def test_the_page_says_what_will_be_lost_before_it_is(two: User, admin: User) -> None:
    page = words(choose(admin, "erase_everything", two))
    assert "Erase everything about Zebrawort Núñez Peña?" in page
    assert "Messages" in page
    assert "looked for while it runs" in page
    wrong = choose(admin, "erase_everything", two, confirmed="yes", email="x@example.com", reason="Left")
    assert "This is not the e-mail address of this student" in words(wrong)
    begun = choose(admin, "erase_everything", two, confirmed="yes", email=two.email.upper(), reason="Left")
    assert begun.url == reverse("job", args=[Job.objects.get(kind=privacy.ERASURE_KIND).pk])


def test_one_student_is_exported_at_a_time(two: User, admin: User, student: User) -> None:
    for action in ("export_everything", "erase_everything"):
        assert choose(admin, action, two, student).url == reverse("admin:accounts_student_changelist")
    begun = choose(admin, "export_everything", two)
    assert begun.url == reverse("job", args=[Job.objects.get(kind=privacy.EXPORT_KIND).pk])


def test_support_is_offered_neither(student: User) -> None:
    page = words(signed_in(make_user("support", User.Role.SUPPORT)).get(reverse("admin:accounts_student_changelist")))
    assert "export_everything" not in page
    assert "erase_everything" not in page
