"""What an import of a roster makes, changes, leaves alone and refuses; done again it does nothing."""

import csv
import io
import zipfile
from pathlib import Path

import pytest
from django.utils import timezone

from accounts import services
from accounts.models import (
    Enrolment,
    Invitation,
    RosterFile,
    Section,
    SectionTeacher,
    StudentDetails,
    Term,
    User,
)
from accounts.roster import RosterError
from accounts.services import rosters
from accounts.tests.rosters import counted, finished, imported, oneroster, problems, uploaded
from conftest import make_user
from monitoring.models import Job, JobFile

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("media")]


@pytest.fixture
def other_section(other_teacher: User) -> Section:
    """A section of somebody else, with a student in it."""
    section = Section.objects.create(name="Elsewhere")
    SectionTeacher.objects.create(section=section, teacher=other_teacher)
    Enrolment.objects.create(section=section, student=make_user("elsewhere", User.Role.STUDENT))
    return section


MESSY = (
    "Name;E-mail;Student ID\r\n"
    '"Vale; Robin";Robin@Example.edu;S-1\r\n'
    "'=SUM(A1);formula@example.edu;'+44\r\n"
    "Zoë Núñez;zoe@example.edu;S-3\r\n"
    "Zoë again;ZOE@example.edu;S-3\r\n"
    '"Broken\nname";broken@example.edu;S-5\r\n'
    "Nobody;not an address;S-6\r\n"
)


@pytest.mark.servers
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_a_messy_list_is_imported_row_by_row_and_a_second_time_changes_nothing(
    encoding: str, teacher: User, section: Section
) -> None:
    job = imported(teacher, MESSY.encode(encoding), section)
    assert job.state == Job.State.COMPLETED_WITH_FAILURES
    assert counted(job) == {"created": 3, "enrolled": 3}
    assert [row for row, _message in problems(job)] == [5, 6, 7]
    assert set(section.enrolments.values_list("student__display_name", flat=True)) == {
        "Student", "Vale; Robin", "=SUM(A1)", "Zoë Núñez",
    }  # fmt: skip
    assert StudentDetails.objects.get(student__email="formula@example.edu").student_number == "+44"
    again = imported(teacher, MESSY.encode(encoding), section)
    assert counted(again) == {"unchanged": 3}
    assert User.objects.filter(role=User.Role.STUDENT).count() == 4


def test_rows_that_failed_come_back_as_a_file_that_no_spreadsheet_runs_and_that_can_be_imported_once_mended(
    teacher: User, section: Section
) -> None:
    roster = (
        "Name,E-mail,Note\nGood,good@example.edu,x\n=HYPERLINK(A1),nowhere,+1\nShort,other\nLong,l@example.edu,a,b\n"
    )
    job = imported(teacher, roster, section)
    (made,) = job.files.all()
    assert made.purpose == JobFile.Purpose.OUTPUT
    text = made.content.read().decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(text)))
    assert rows[0] == ["Name", "E-mail", "Note", "Row", "Field", "What is wrong"]
    assert rows[1] == ["'=HYPERLINK(A1)", "nowhere", "'+1", "3", "E-mail address", "This is not an e-mail address."]
    assert rows[2][:4] == ["Short", "other", "", "4"]
    assert rows[3][:4] == ["Long", "l@example.edu", "a", "5"]
    assert rows[3][6:] == ["b"]
    mended = imported(teacher, text.replace('"nowhere"', '"formula@example.edu"'), section)
    assert User.objects.get(email="formula@example.edu").display_name == "=HYPERLINK(A1)"
    assert counted(mended)["created"] == 1


def test_a_column_of_passwords_is_never_stored(teacher: User, operator: User, section: Section, media: Path) -> None:
    roster = "Name;E-mail;Password\nRobin;robin@example.edu;hunter-two-2\n\nWide;wide@example.edu;hunter-two-2;x\n"
    kept = rosters.keep(by=teacher, file=uploaded(roster))
    users = "sourcedId,givenName,familyName,email,role,password\nu1,Zoë,Núñez,zoe@example.edu,student,hunter-two-2\n"
    zipped = rosters.keep(by=operator, file=uploaded(oneroster({"users": users}), "school.zip"))
    stored = [path.read_bytes() for path in media.rglob("*") if path.is_file()]
    assert len(stored) == 2
    assert kept.had_passwords
    assert zipped.had_passwords
    assert not any(b"hunter" in content for content in stored)
    assert b"hunter" not in _unpacked(zipped)
    choices = rosters.Choices(section=section.pk)
    job = finished(rosters.begin_import(by=teacher, kept=kept, choices=choices))
    assert counted(job) == {"created": 1, "enrolled": 1}
    assert [row for row, _message in problems(job)] == [4]
    assert counted(finished(rosters.begin_import(by=operator, kept=zipped, choices=rosters.Choices()))) == {
        "created": 1
    }
    assert not User.objects.get(email="robin@example.edu").has_usable_password()


def _unpacked(kept: RosterFile) -> bytes:
    with kept.content.open() as file, zipfile.ZipFile(file) as archive:
        return b"".join(archive.read(name) for name in archive.namelist())


# --- What a teacher's word is worth ---------------------------------------------------------------


def test_a_teachers_roster_never_brings_an_account_that_is_here_into_a_section(
    teacher: User, section: Section, other_section: Section, other_student: User, operator: User
) -> None:
    waiting = User.objects.create_user("waiting@example.com", role=User.Role.STUDENT)
    Enrolment.objects.create(section=other_section, student=waiting)
    people = ["elsewhere", "other-student", "waiting", "other-teacher", "operator"]
    roster = "email,name\n" + "".join(f"{name}@example.com,Renamed\n" for name in people)
    job = imported(teacher, roster, section)
    assert counted(job) == {}
    messages = [message for _row, message in problems(job)]
    assert ["join code" in message for message in messages] == [True, True, True, False, False]
    assert section.enrolments.count() == 1
    assert not User.objects.filter(display_name="Renamed").exists()
    assert not User.objects.visible_to(teacher).filter(pk=waiting.pk).exists()
    with pytest.raises(services.NotAllowedError):
        services.issue_password_link(by=teacher, user=waiting)


def test_an_invitation_gives_no_password_to_whom_somebody_else_enrolled(
    teacher: User, section: Section, other_section: Section
) -> None:
    waiting = User.objects.create_user("waiting@example.com", role=User.Role.STUDENT)
    Enrolment.objects.create(section=other_section, student=waiting)
    link = services.invite(by=teacher, email=waiting.email, role="student", section=section)
    token = link.url.rstrip("/").rpartition("/")[2]
    with pytest.raises(services.AccountExistsError, match="waits for its password"):
        services.accept_invitation(by=None, token=token, display_name="Impostor", password="a-better-word-2")
    waiting.refresh_from_db()
    assert not waiting.has_usable_password()
    assert Invitation.objects.get().state == Invitation.State.WAITING


def test_a_teachers_roster_returns_who_was_in_the_section_and_seats_own_students_elsewhere(
    teacher: User, section: Section, student: User
) -> None:
    former = make_user("former", User.Role.STUDENT)
    Enrolment.objects.create(section=section, student=former, removed_at=timezone.now())
    second = services.create_section(by=teacher, name="Second group")
    before = student.access_revision
    roster = (
        "email,section\nformer@example.com,interviewing\nformer@example.com,Second group\n"
        "student@example.com,SECOND GROUP\nnew@example.com,Second group\nnew@example.com,SW 101 Interviewing\n"
    )
    job = imported(teacher, roster)
    assert counted(job) == {"returned": 1, "enrolled": 4, "created": 1}
    assert second.enrolments.count() == 3
    student.refresh_from_db()
    assert student.access_revision > before
    assert counted(imported(teacher, roster)) == {"unchanged": 5}


def test_a_teachers_roster_fills_no_section_of_others_and_makes_ones_that_the_teacher_leads(
    teacher: User, section: Section, other_section: Section
) -> None:
    with pytest.raises(services.NotAllowedError):
        imported(teacher, "email\nnew@example.com\n", other_section)
    with pytest.raises(RosterError, match="No column names sections"):
        imported(teacher, "email\nnew@example.com\n")
    job = imported(teacher, "email,section\nnew@example.com,Elsewhere\nlost@example.com,\n")
    assert counted(job) == {"sections": 1, "created": 1, "enrolled": 1}
    assert problems(job) == [(3, "There is no section in this row.")]
    assert other_section.enrolments.count() == 1
    assert SectionTeacher.objects.get(section__name="Elsewhere", teacher=teacher).part == "lead"


def test_a_teachers_roster_changes_no_names_and_adds_no_teachers(
    teacher: User, section: Section, student: User
) -> None:
    roster = (
        "email,name,role\nstudent@example.com,Renamed,student\nteacher@example.com,Me,teacher\n"
        "prof@example.com,Prof,teacher\nadmin@example.com,Ada,admin\n"
    )
    job = imported(teacher, roster, section, rename=True)
    assert counted(job) == {"unchanged": 2}
    assert [message.split(".")[0] for _row, message in problems(job)] == [
        "Only admins add teachers by a roster",
        "This role is not known",
    ]
    student.refresh_from_db()
    assert student.display_name == "Student"
    with pytest.raises(services.NotAllowedError, match="OneRoster"):
        rosters.keep(by=teacher, file=uploaded(oneroster({"users": "sourcedId,givenName,familyName,email,role\n"})))


def test_an_import_goes_on_only_as_long_as_the_teacher_may(
    teacher: User, section: Section, other_teacher: User
) -> None:
    kept = rosters.keep(by=teacher, file=uploaded("email\nnew@example.com\n"))
    job = rosters.begin_import(by=teacher, kept=kept, choices=rosters.Choices(section=section.pk))
    with pytest.raises(services.NotAllowedError):
        rosters.begin_import(by=teacher, kept=kept, choices=rosters.Choices(section=section.pk))
    SectionTeacher.objects.filter(section=section, teacher=teacher).delete()
    assert counted(finished(job)) == {}
    assert "you do not teach it" in problems(job)[0][1]
    kept = rosters.keep(by=teacher, file=uploaded("email,section\nnew@example.com,Mine\n"))
    job = rosters.begin_import(by=teacher, kept=kept, choices=rosters.Choices())
    User.objects.filter(pk=teacher.pk).update(is_active=False)
    assert finished(job).state == Job.State.FAILED
    assert not User.objects.filter(email="new@example.com").exists()


def test_a_roster_that_is_handed_in_twice_before_it_is_imported_makes_its_section_once(teacher: User) -> None:
    waiting = []
    for _ in range(2):
        kept = rosters.keep(by=teacher, file=uploaded("email,section\nnew@example.com,Evening group\n"))
        waiting.append(rosters.begin_import(by=teacher, kept=kept, choices=rosters.Choices()))
    first, second = map(finished, waiting)
    assert (first.state, second.state) == (Job.State.COMPLETED, Job.State.FAILED)
    assert "Import the file again." in second.error
    assert Section.objects.filter(name="Evening group").count() == 1


def test_a_oneroster_zip_is_imported_only_as_long_as_its_owner_is_an_admin(operator: User) -> None:
    people = {"users": "sourcedId,givenName,familyName,email,role\nu-1,Ana,Vale,ana@example.edu,student\n"}
    waiting, kept = (rosters.keep(by=operator, file=uploaded(oneroster(people))) for _ in range(2))
    job = rosters.begin_import(by=operator, kept=waiting, choices=rosters.Choices())
    operator.role = User.Role.TEACHER
    operator.save()
    assert finished(job).state == Job.State.FAILED
    with pytest.raises(services.NotAllowedError):
        rosters.begin_import(by=operator, kept=kept, choices=rosters.Choices())
    assert not User.objects.filter(email="ana@example.edu").exists()


# --- What admins may ------------------------------------------------------------------------------


def test_an_admins_roster_enrols_everybody_makes_staff_with_parts_and_changes_names_only_when_asked(
    operator: User, teacher: User, section: Section, other_student: User
) -> None:
    Term.objects.create(name="Autumn", starts_on="2026-09-01", ends_on="2026-12-20")
    roster = (
        "email,name,role,section,course code,term,student id\n"
        "other-student@example.com,Renamed,student,Interviewing,SW 101,,S-9\n"
        "prof@example.com,Prof,teacher,Listening,SW 200,Autumn,\n"
        "help@example.com,Helper,assistant,Listening,SW 200,Autumn,\n"
        "new@example.com,New,student,Listening,SW 200,Autumn,S-9\n"
        "late@example.com,Late,student,Listening,SW 200,Winter,S-10\n"
        "student@example.com,Student,teacher,Interviewing,SW 101,,\n"
    )
    job = imported(operator, roster)
    assert counted(job) == {"sections": 1, "created": 2, "enrolled": 1, "teaches": 2}
    assert [row for row, _message in problems(job)] == [5, 6, 7]
    listening = Section.objects.get(name="Listening")
    assert str(listening.term) == "Autumn"
    parts = dict(listening.teaching.values_list("teacher__email", "part"))
    assert parts == {"prof@example.com": "lead", "help@example.com": "assistant"}
    assert set(Invitation.objects.values_list("email", "role")) == {(email, "teacher") for email in parts}
    other_student.refresh_from_db()
    assert other_student.display_name == "Other Student"
    changed = imported(operator, roster, rename=True)
    assert counted(changed) == {"updated": 1, "unchanged": 2}
    assert other_student.student_details.student_number == "S-9"
    assert counted(imported(operator, roster, rename=True)) == {"unchanged": 3}


def test_what_only_people_can_decide_is_left_to_them(operator: User, section: Section, student: User) -> None:
    away = Section.objects.create(name="Long ago")
    services.archive_section(by=operator, section=away)
    twin = Section.objects.create(name="Interviewing", course_code="SW 102")
    gone = make_user("gone", User.Role.STUDENT, is_active=False)
    StudentDetails.objects.create(student=student, student_number="S-1")
    StudentDetails.objects.create(student=make_user("numbered", User.Role.STUDENT), student_number="S-5")
    roster = (
        "email,name,section,student id\n"
        "a@example.com,A,Interviewing,\n"
        "gone@example.com,Gone,SW 102 Interviewing,\n"
        "b@example.com,B,SW 102 Interviewing,S-1\n"
        f"c@example.com,C,,{'9' * 51}\n"
        "gone@example.com,Renamed,,S-5\n"
    )
    job = imported(operator, roster, rename=True)
    assert counted(job) == {}
    assert [(row, message.split(".")[0]) for row, message in problems(job)] == [
        (2, "Several sections have this name"),
        (3, "This account is disabled"),
        (4, "Another student has this number"),
        (5, "A student number has at most 50 characters"),
        (6, "Another student has this number"),
    ]
    gone.refresh_from_db()
    assert gone.display_name == "Gone"
    kept = rosters.keep(by=operator, file=uploaded("email\na@example.com\n"))
    choices = rosters.Choices(section=twin.pk)
    services.archive_section(by=operator, section=twin)
    _opened, found = rosters.look(by=operator, kept=kept, choices=choices)
    assert found.problems[0].message.endswith("it was archived.")


# --- Who is not in the file -----------------------------------------------------------------------


def test_students_who_are_not_in_the_file_stay_unless_their_removal_is_chosen(
    teacher: User, section: Section, student: User
) -> None:
    link = services.invite(by=teacher, email="slow@example.com", role="student", section=section)
    slow = User.objects.create_user("slow@example.com", role=User.Role.STUDENT)
    Enrolment.objects.create(section=section, student=slow)
    roster = "email\nnew@example.com\n"
    assert counted(imported(teacher, roster, section)) == {"created": 1, "enrolled": 1}
    broken = imported(teacher, roster + "not an address\n", section, remove=True)
    assert counted(broken) == {"unchanged": 1}  # perhaps the broken row was theirs
    assert counted(imported(teacher, roster, section, remove=True)) == {"unchanged": 1, "removed": 2}
    assert [seat.student.email for seat in Enrolment.objects.active()] == ["new@example.com"]
    assert counted(imported(teacher, roster, section, remove=True)) == {"unchanged": 1}
    token = link.url.rstrip("/").rpartition("/")[2]
    with pytest.raises(services.InvitationClosedError):
        services.accept_invitation(by=None, token=token, display_name="Slow", password="a-better-word-2")


def test_new_students_stand_on_the_sheet_of_links_of_whoever_teaches_them(
    teacher: User, operator: User, section: Section
) -> None:
    imported(operator, "email,section\na@example.com,Interviewing\nb@example.com,Interviewing\n")
    assert services.count_awaited(by=teacher, section=section) == 2
    links = services.renew_links(by=teacher, section=section)
    assert [link.email for link in links] == ["a@example.com", "b@example.com"]
    token = links[0].url.rstrip("/").rpartition("/")[2]
    services.accept_invitation(by=None, token=token, display_name="Ada", password="a-better-word-2")
    assert services.count_awaited(by=teacher, section=section) == 1
    assert services.count_awaited(by=operator, section=section) == 1
    seat = section.enrolments.get(student__email="b@example.com")
    services.remove_from_section(by=teacher, enrolment=seat)
    assert services.renew_links(by=teacher, section=section) == []
