"""OneRoster zips imported: the school that a bulk makes, what a delta takes away softly, and what stays as it is."""

import pytest

from accounts import services
from accounts.models import Enrolment, PersonKey, Section, Term, User
from accounts.tests.rosters import counted, imported, oneroster, problems
from conftest import make_user

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("media")]


TERMS = "sourcedId,title,startDate,endDate\nt1,Autumn,2026-09-01,2026-12-20\n"
COURSES = "sourcedId,courseCode\nc1,SW 300\n"
CLASSES = "sourcedId,status,title,courseSourcedId,termSourcedIds\nk1,,Practice,c1,t1\nk2,,Practice,c1,t1\n"
USERS = (
    "sourcedId,status,enabledUser,givenName,familyName,email,role\n"
    "u1,,true,Robin,Vale,robin@example.edu,student\nu2,,true,Zoë,Núñez,zoe@example.edu,student\n"
    "u3,,true,Ann,Bo,ann@example.edu,teacher\n"
)
ENROLMENTS = (
    "sourcedId,status,classSourcedId,userSourcedId,role,primary\n"
    "e1,,k1,u1,student,\ne2,,k1,u2,student,\ne3,,k2,u1,student,\ne4,,k1,u3,teacher,true\n"
)
BULK = {"academicSessions": TERMS, "courses": COURSES, "classes": CLASSES, "users": USERS, "enrollments": ENROLMENTS}


@pytest.mark.servers
def test_a_oneroster_zip_makes_a_school_and_a_delta_takes_away_softly(operator: User, teacher: User) -> None:
    by_hand = Section.objects.create(name="Practice", course_code="SW 300")
    job = imported(operator, oneroster(BULK))
    assert counted(job) == {"sections": 2, "created": 3, "enrolled": 3, "teaches": 1}
    assert counted(imported(operator, oneroster(BULK))) == {"unchanged": 7}
    first = Section.objects.get(roster_key__key="k1")
    assert (str(first.term), str(first.starts_on)) == ("Autumn", "2026-09-01")
    assert by_hand.enrolments.count() == 0  # without a term it is another one

    delta = oneroster(
        {
            "classes": "sourcedId,status,title\nk2,tobedeleted,Practice\n",
            "users": "sourcedId,status,givenName,familyName,email,role\n"
            "u2,tobedeleted,Zoë,Núñez,zoe@example.edu,student\n"
            "u3,tobedeleted,Ann,Bo,ann@example.edu,teacher\nu4,active,Gil,Grey,gil@example.edu,student\n",
            "enrollments": "sourcedId,status,classSourcedId,userSourcedId,role\n"
            "e1,tobedeleted,k1,u1,student\ne3,tobedeleted,k2,u1,student\ne5,active,k1,u4,student\ne6,active,k1,u9,student\n",
        },
        mode="delta",
    )
    job = imported(operator, delta)
    assert counted(job) == {"archived": 1, "created": 1, "enrolled": 1, "removed": 2}
    assert [message for _row, message in problems(job)] == [
        "This teacher is the only lead. Make another teacher lead first.",
        "Nobody here has this sourcedId, and the file does not say who it is.",
    ]
    assert [seat.student.email for seat in Enrolment.objects.active().filter(section=first)] == ["gil@example.edu"]
    assert Enrolment.objects.filter(section=first).count() == 3
    assert Section.objects.get(roster_key__key="k2").enrolments.get().removed_at is None
    assert User.objects.get(email="zoe@example.edu").is_active
    assert counted(imported(operator, delta)) == {"unchanged": 4}
    assert counted(imported(operator, oneroster(BULK)))["returned"] == 2


def test_whom_the_schools_system_knows_keeps_the_account_under_a_new_name_and_address(operator: User) -> None:
    section = Section.objects.create(name="Practice", course_code="SW 300", term=Term.objects.create(
        name="Autumn", starts_on="2026-09-01", ends_on="2026-12-20"
    ))  # fmt: skip
    known = make_user("known", User.Role.STUDENT)
    one_class = CLASSES.replace("k2,,Practice,c1,t1\n", "")
    files = BULK | {
        "classes": one_class,
        "users": USERS.replace("robin@example.edu", known.email),
        "enrollments": "sourcedId,status,classSourcedId,userSourcedId,role\ne1,,k1,u1,student\n",
    }
    imported(operator, oneroster(files))
    assert (section.roster_key.key, known.roster_key.key) == ("k1", "u1")
    moved = files | {
        "classes": one_class.replace("Practice", "Talks"),
        "users": USERS.replace("Robin,Vale", "Robin,Hale"),
    }
    assert counted(imported(operator, oneroster(moved))) == {"unchanged": 4}
    assert counted(imported(operator, oneroster(moved), rename=True)) == {
        "sections_changed": 1, "updated": 1, "unchanged": 3,
    }  # fmt: skip
    known.refresh_from_db()
    section.refresh_from_db()
    assert (known.display_name, known.email, section.name) == ("Robin Hale", "robin@example.edu", "Talks")
    make_user("second", User.Role.STUDENT)
    clash = moved | {"users": USERS.replace("robin@example.edu", "second@example.com")}
    job = imported(operator, oneroster(clash), rename=True)
    assert {message for _row, message in problems(job)} == {
        "Another account has this address. An admin has to look at both."
    }
    assert PersonKey.objects.get(key="u1").user == known


def test_a_delta_is_careful_with_what_it_does_not_say(operator: User, teacher: User, section: Section) -> None:
    imported(operator, oneroster(BULK))
    first, second = (Section.objects.get(roster_key__key=key) for key in ("k1", "k2"))
    services.archive_section(by=operator, section=second)
    services.add_teacher(by=operator, section=first, teacher=teacher)
    people = "sourcedId,status,givenName,familyName,email\nu7,active,Gil,Grey,gil@example.edu\n"
    people += "u8,active,Robin,Vale,robin@example.edu\nu9,tobedeleted,No,One,no@example.edu\n"
    seats = "classSourcedId,userSourcedId,role,status,primary\nk2,u1,student,active,\nk1,u3,teacher,tobedeleted,true\n"
    seats += "k7,u1,student,tobedeleted,\n"
    files = {
        "classes": "sourcedId,status,title\nk2,,Practice\nk9,tobedeleted,Old\n",
        "users": people,
        "enrollments": seats,
        "Classes": "",
    }
    job = imported(operator, oneroster(files, version="1.2", mode="delta"))
    assert counted(job) == {"removed": 1, "unchanged": 1}
    told = [message for _row, message in problems(job)]
    for part in ("capitals", "studies or teaches", "another sourcedId", "archived. Reopen it"):
        assert any(part in message for message in told), part
    assert [row.teacher for row in first.teaching.all()] == [teacher]
