"""OneRoster zips of both versions: who is in which section, what a delta takes away, and what breaks is told."""

import csv
import datetime as dt
import io
import struct
import zipfile
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.roster import OneRoster, Problem, Role, RosterError, RosterRow, RosterTerm, ZipLimits, open_oneroster

Files = dict[str, str]

ORGS = "sourcedId,status,dateLastModified,name,type,identifier,parentSourcedId\norg1,,,School of Care,school,,\n"
SESSIONS = (
    "sourcedId,status,dateLastModified,title,type,startDate,endDate,parentSourcedId,schoolYear\n"
    "t1,,,Autumn 2026,term,2026-09-01,2026-12-20,,2027\n"
    "t2,,,Spring 2027,term,2027-01-10,2027-05-30,,2027\n"
)
COURSES = (
    "sourcedId,status,dateLastModified,schoolYearSourcedId,title,courseCode,grades,orgSourcedId,subjects,subjectCodes\n"
    "c1,,,t1,Practice,SW 210,,org1,,\n"
)
CLASSES = (
    "sourcedId,status,dateLastModified,title,grades,courseSourcedId,classCode,classType,location,schoolSourcedId,"
    "termSourcedIds,subjects,subjectCodes,periods\n"
    'k1,,,Practice A,,c1,A,scheduled,,org1,"t1,t2",,,\n'
    "k2,,,Practice B,,c1,B,scheduled,,org1,t1,,,\n"
)
USERS_11 = (
    "sourcedId,status,dateLastModified,enabledUser,orgSourcedIds,role,username,userIds,givenName,familyName,middleName,"
    "identifier,email,sms,phone,agentSourcedIds,grades,password\n"
    "u1,,,true,org1,student,rv,,Robin,Vale,,,Robin@Example.edu,,,,,hunter2\n"
    "u2,,,true,org1,teacher,zn,,Zoë,Núñez,,,zoe@example.edu,,,,,hunter2\n"
    "u3,,,true,org1,guardian,gg,,Gil,Grey,,,,,,,,hunter2\n"
    "u4,,,false,org1,aide,ab,,Ann,Bo,,,ann@example.edu,,,,,hunter2\n"
)
USERS_12 = (
    "sourcedId,status,dateLastModified,enabledUser,username,userIds,givenName,familyName,middleName,identifier,email,"
    "sms,phone,agentSourcedIds,grades,password,userMasterIdentifier,resourceSourcedIds,preferredGivenName,"
    "preferredMiddleName,preferredFamilyName,primaryOrgSourcedId,pronouns\n"
    "u1,,,true,rv,,Robert,Vale,,,Robin@Example.edu,,,,,hunter2,,,Robin,,,org1,\n"
    "u2,,,true,zn,,Zoë,Núñez,,,zoe@example.edu,,,,,hunter2,,,,,,org1,\n"
    "u3,,,true,gg,,Gil,Grey,,,,,,,,hunter2,,,,,,org1,\n"
    "u4,,,false,ab,,Ann,Bo,,,ann@example.edu,,,,,hunter2,,,,,,org1,\n"
)
ROLES = (
    "sourcedId,status,dateLastModified,userSourcedId,roleType,role,beginDate,endDate,orgSourcedId,userProfileSourcedId\n"
    "r1,,,u1,primary,student,,,org1,\n"
    "r2,,,u2,secondary,student,,,org1,\n"
    "r3,,,u2,primary,teacher,,,org1,\n"
    "r4,,,u3,primary,parent,,,org1,\n"
    "r5,,,u4,primary,aide,,,org1,\n"
)
ENROLMENTS = (
    "sourcedId,status,dateLastModified,classSourcedId,schoolSourcedId,userSourcedId,role,primary,beginDate,endDate\n"
    "e1,,,k1,org1,u1,student,false,,\n"
    "e2,,,k1,org1,u2,teacher,true,,\n"
    "e3,,,k2,org1,u2,teacher,false,,\n"
    "e4,,,k2,org1,u4,proctor,false,,\n"
    "e5,,,k2,org1,u2,administrator,false,,\n"
)
BASE: Files = {
    "orgs": ORGS,
    "academicSessions": SESSIONS,
    "courses": COURSES,
    "classes": CLASSES,
    "enrollments": ENROLMENTS,
}
BOTH: dict[str, Files] = {"1.1": BASE | {"users": USERS_11}, "1.2": BASE | {"users": USERS_12, "roles": ROLES}}


def manifest_of(version: str, modes: dict[str, str]) -> str:
    """A manifest that says this of the files."""
    lines = ["propertyName,value", "manifest.version,1.0", f"oneroster.version,{version}", "source.systemName,Test"]
    return "\n".join([*lines, *(f"file.{name},{mode}" for name, mode in modes.items())]) + "\n"


def zip_of(files: Mapping[str, str | bytes]) -> io.BytesIO:
    """A zip with exactly these paths."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return packed


def roster_of(version: str, changes: Files | None = None, modes: dict[str, str] | None = None) -> OneRoster:
    """The example school, with other contents or modes for some files; "" leaves a file out of zip and manifest."""
    files = {name: text for name, text in (BOTH[version] | (changes or {})).items() if text}
    manifest = manifest_of(version, dict.fromkeys(files, "bulk") | (modes or {}))
    paths = {"manifest.csv": manifest} | {f"{name}.csv": text for name, text in files.items()}
    return open_oneroster(zip_of(paths))


def told(roster: OneRoster) -> list[tuple[str, int, str]]:
    """File, row and field of every problem."""
    problems: list[Problem] = [*roster.problems, *(problem for row in roster.rows() for problem in row.problems)]
    return [(problem.file, problem.row, problem.field) for problem in problems]


def in_short(row: RosterRow) -> tuple[str, str, Role | None, str, bool]:
    """What matters of a row."""
    return row.email, row.name, row.role, row.section, row.active


both = pytest.mark.parametrize("version", ["1.1", "1.2"])


@both
def test_both_versions_give_the_same_people_and_places(version: str) -> None:
    roster = roster_of(version)
    robin, zoe, ann = (
        ("robin@example.edu", "Robin Vale"),
        ("zoe@example.edu", "Zoë Núñez"),
        ("ann@example.edu", "Ann Bo"),
    )
    assert [in_short(row) for row in roster.rows()] == [
        (*robin, Role.STUDENT, "", True),
        (*zoe, Role.TEACHER, "", True),
        (*ann, Role.ASSISTANT, "", False),
        (*robin, Role.STUDENT, "k1", True),
        (*zoe, Role.TEACHER, "k1", True),
        (*zoe, Role.ASSISTANT, "k2", True),
        (*ann, Role.ASSISTANT, "k2", False),
    ]
    assert [row.external_id for row in roster.rows()] == ["u1", "u2", "u4", "u1", "u2", "u2", "u4"]
    assert told(roster) == []
    assert (roster.version, roster.row_count) == (version, 9)


@both
def test_sections_know_their_course_and_term(version: str) -> None:
    first, second = roster_of(version).sections
    assert (first.key, first.name, first.course_code) == ("k1", "Practice A", "SW 210")
    assert first.term == RosterTerm("t1", "Autumn 2026", dt.date(2026, 9, 1), dt.date(2026, 12, 20))
    assert (first.starts_on, first.ends_on) == (dt.date(2026, 9, 1), dt.date(2027, 5, 30))
    assert (second.name, second.ends_on) == ("Practice B", dt.date(2026, 12, 20))


@both
def test_reading_twice_gives_the_same(version: str) -> None:
    roster = roster_of(version)
    assert list(roster.rows()) == list(roster.rows())


@both
def test_no_password_is_in_anything_that_is_read(version: str) -> None:
    roster = roster_of(version)
    assert "hunter2" not in repr((roster, roster.sections, list(roster.rows())))
    shifted = (BOTH[version]["users"]).replace("Robin,Vale,", "Robin,")
    assert "hunter2" not in repr(list(roster_of(version, {"users": shifted}).rows()))


@both
def test_a_delta_takes_away_and_names_who_is_known_from_before(version: str) -> None:
    users = BOTH[version]["users"].splitlines()
    header, robin = users[0], users[1]
    gone = robin.replace("u1,,", "u1,tobedeleted,").replace("Robin@Example.edu", "").replace("student", "")
    enrolments = ENROLMENTS.splitlines()[0] + ("\ne1,tobedeleted,,k1,org1,u1,,,,\ne9,active,,k7,org1,u7,student,,,\n")
    classes = CLASSES.splitlines()[0] + "\nk2,tobedeleted,,,,,,,,,,,,\n"
    changes = {"users": f"{header}\n{gone}\n", "enrollments": enrolments, "classes": classes, "orgs": "", "courses": ""}
    modes = {"users": "delta", "enrollments": "delta", "classes": "delta", "roles": "delta"}
    if version == "1.1":
        del modes["roles"]
    roster = roster_of(version, changes, modes)
    assert told(roster) == []
    assert [(row.external_id, row.email, row.section, row.active) for row in roster.rows()] == [
        ("u1", "", "", False),
        ("u1", "", "k1", False),
        ("u7", "", "k7", True),
    ]
    assert [(section.key, section.active) for section in roster.sections] == [("k2", False)]


def test_a_class_without_course_or_term_stands_by_its_own_code() -> None:
    classes = CLASSES.splitlines()[0] + "\nk1,,,Practice A,,,A-1,scheduled,,org1,,,,\n"
    (section,) = roster_of("1.1", {"classes": classes}).sections
    assert (section.course_code, section.term, section.starts_on) == ("A-1", None, None)


def test_codes_and_titles_that_are_too_long_are_told() -> None:
    changes = {"courses": COURSES.replace("SW 210", "x" * 51), "classes": CLASSES.replace("Practice A", "x" * 151)}
    roster = roster_of("1.1", changes)
    assert told(roster)[:2] == [("courses.csv", 2, "courseCode"), ("classes.csv", 2, "title")]
    assert [section.key for section in roster.sections] == ["k2"]


def test_a_delta_without_roles_does_not_guess_them() -> None:
    roster = roster_of("1.2", {"roles": ""}, {"users": "delta"})
    assert [row.role for row in roster.rows() if not row.section] == [None, None, None, None]


def test_bulk_users_of_1_2_without_roles_are_told() -> None:
    assert ("manifest.csv", 0, "") in told(roster_of("1.2", {"roles": ""}))


@both
def test_in_bulk_files_unknown_ids_are_told(version: str) -> None:
    roster = roster_of(
        version,
        {
            "enrollments": ENROLMENTS + "e6,,,k9,org1,u1,student,,,\ne7,,,k1,org1,u9,student,,,\n",
            "classes": CLASSES + "k3,,,Practice C,,c9,C,scheduled,,org9,t9,,,\n",
        },
    )
    assert told(roster) == [
        ("classes.csv", 4, "courseSourcedId"),
        ("classes.csv", 4, "schoolSourcedId"),
        ("classes.csv", 4, "termSourcedIds"),
        ("enrollments.csv", 7, "section"),
        ("enrollments.csv", 8, "external_id"),
    ]


@both
def test_bad_rows_are_told_and_the_others_are_read(version: str) -> None:
    users = BOTH[version]["users"].replace("zoe@example.edu", "nonsense")
    changes = {
        "users": users + users.splitlines()[1] + "\n",
        "enrollments": ENROLMENTS + "e1,,,k1,org1,u1,student,,,\ne8,wrong,,k1,,u1,wizard,,,\ne9,,,,,,student,,,\n",
        "academicSessions": SESSIONS.replace("2026-12-20", "20/12/2026"),
        "classes": CLASSES + "k1,,,Again,,,,,,,,,,\n,,,Nameless,,,,,,,,,,\nk4,,,,,,,,,,,,,\n",
    }
    roster = roster_of(version, changes)
    assert told(roster) == [
        ("academicSessions.csv", 2, "endDate"),
        ("classes.csv", 4, "sourcedId"),
        ("classes.csv", 5, "sourcedId"),
        ("classes.csv", 6, "title"),
        ("users.csv", 3, "email"),
        ("users.csv", 6, "sourcedId"),
        ("enrollments.csv", 3, "external_id"),
        ("enrollments.csv", 4, "external_id"),
        ("enrollments.csv", 7, ""),
        ("enrollments.csv", 8, "status"),
        ("enrollments.csv", 8, "role"),
        ("enrollments.csv", 9, "userSourcedId"),
        ("enrollments.csv", 9, "classSourcedId"),
    ]
    assert [row.external_id for row in roster.rows() if not row.problems] == ["u1", "u4", "u1", "u4"]


def test_two_people_with_one_address_are_told() -> None:
    users = USERS_11.replace("zoe@example.edu", "ROBIN@example.edu")
    assert ("users.csv", 3, "") in told(roster_of("1.1", {"users": users}))


def test_the_manifest_decides_what_is_read() -> None:
    roster = roster_of("1.2", modes={"classes": "absent", "demographics": "bulk", "users": "sometimes"})
    assert roster.sections == ()
    assert roster.modes["users"] == "absent"
    assert {file for file, _row, _field in told(roster)} == {"manifest.csv"}
    missing: dict[str, str | bytes] = {"manifest.csv": manifest_of("1.1", {"users": "bulk", "classes": "bulk"})}
    roster = open_oneroster(zip_of(missing | {"users.csv": USERS_11}))
    assert [problem.message for problem in roster.problems] == [
        "The manifest names classes.csv, and the zip does not have it."
    ]


def test_a_file_without_its_columns_is_told_and_not_read() -> None:
    roster = roster_of("1.1", {"users": USERS_11.replace("familyName", "surname")})
    assert ("users.csv", 1, "familyName") in told(roster)
    assert all(row.section for row in roster.rows())


def test_names_of_files_are_case_sensitive_and_folders_are_not_searched() -> None:
    files: dict[str, str | bytes] = {
        "manifest.csv": manifest_of("1.1", {"users": "bulk", "classes": "bulk"}),
        "users.csv": USERS_11,
        "Classes.csv": CLASSES,
        "../orgs.csv": ORGS,
        "/courses.csv": COURSES,
        "export\\enrollments.csv": ENROLMENTS,
        "__MACOSX/users.csv": "x",
        "readme.txt": "x",
    }
    roster = open_oneroster(zip_of(files))
    assert roster.sections == ()
    assert [(problem.file, problem.row) for problem in roster.problems] == [
        ("classes.csv", 0),
        ("orgs.csv", 0),
        ("courses.csv", 0),
        ("enrollments.csv", 0),
        ("manifest.csv", 6),
    ]


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"users.csv": USERS_11}, "no manifest.csv"),
        ({"manifest.csv": "propertyName,value\noneroster.version,2.0\n"}, "1.1 or 1.2"),
        ({"manifest.csv": "", "users.csv": USERS_11}, "manifest.csv: The file is empty"),
        ({"manifest.csv": manifest_of("1.1", {"orgs": "bulk"}), "orgs.csv": ORGS}, "no users"),
        (
            {"manifest.csv": manifest_of("1.1", {"users": "bulk"}), "users.csv": "sourcedId,em\0ail"},
            "users.csv: Row 1 .*NUL",
        ),
    ],
)
def test_what_is_no_oneroster_export_says_why(files: dict[str, str | bytes], words: str) -> None:
    with pytest.raises(RosterError, match=words):
        open_oneroster(zip_of(files))


def test_limits_hold_packed_unpacked_and_by_rows() -> None:
    manifest = manifest_of("1.1", {"users": "bulk"})
    bomb = zip_of({"manifest.csv": manifest, "users.csv": b"\n" * (101 * 1024 * 1024)})
    assert len(bomb.getvalue()) < 1024 * 1024
    with pytest.raises(RosterError, match="larger than 100 MB"):
        open_oneroster(bomb)
    small = zip_of({"manifest.csv": manifest, "users.csv": USERS_11})
    with pytest.raises(RosterError, match="The zip is larger"):
        open_oneroster(small, limits=ZipLimits(bytes=100))
    longer = zip_of({"manifest.csv": manifest, "users.csv": USERS_11 + "u5\n"})
    with pytest.raises(RosterError, match=r"users\.csv: Row 6 .* 4 rows"):
        open_oneroster(longer, limits=ZipLimits(rows=4))
    assert open_oneroster(small, limits=ZipLimits(rows=4)).row_count == 4


def test_a_file_that_lies_about_its_size_is_refused() -> None:
    packed = zip_of({"manifest.csv": manifest_of("1.1", {"users": "bulk"}), "users.csv": b"x\n" * 500_000}).getvalue()
    lying = packed.replace(struct.pack("<L", 1_000_000), struct.pack("<L", 10))
    assert lying != packed
    with pytest.raises(RosterError, match="damaged"):
        open_oneroster(io.BytesIO(lying))


def test_encrypted_and_doubled_files_are_refused() -> None:
    plain = zip_of({"manifest.csv": manifest_of("1.1", {"users": "bulk"}), "users.csv": USERS_11}).getvalue()
    entry = plain.index(b"PK\x01\x02")
    encrypted = plain[: entry + 8] + b"\x01" + plain[entry + 9 :]
    with pytest.raises(RosterError, match="encrypted"):
        open_oneroster(io.BytesIO(encrypted))
    with zipfile.ZipFile(doubled := io.BytesIO(plain), "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("users.csv", USERS_11)
    with pytest.raises(RosterError, match="twice"):
        open_oneroster(doubled)


SOUND = zip_of(
    {"manifest.csv": manifest_of("1.2", dict.fromkeys(BOTH["1.2"], "bulk"))}
    | {f"{name}.csv": text for name, text in BOTH["1.2"].items()}
).getvalue()


@given(st.lists(st.tuples(st.integers(0, len(SOUND) - 1), st.integers(0, 255)), max_size=8), st.integers(0, len(SOUND)))
def test_no_damage_raises_anything_but_a_roster_error(changes: list[tuple[int, int]], end: int) -> None:
    damaged = bytearray(SOUND)
    for place, byte in changes:
        damaged[place] = byte
    for data in (bytes(damaged), bytes(damaged[:end]), bytes(damaged[end:])):
        try:
            roster = open_oneroster(io.BytesIO(data))
            list(roster.rows())
        except RosterError:
            continue


texts = st.text(max_size=12)


@given(st.lists(st.lists(texts, max_size=14), max_size=6), st.sampled_from(sorted(BOTH["1.2"])))
def test_no_cell_whatever_breaks_the_reading(rows: list[list[str]], name: str) -> None:
    out = io.StringIO(newline="")
    csv.writer(out).writerows(rows)
    text = BOTH["1.2"][name] + out.getvalue().encode("utf-8", "replace").decode().replace("\0", "")
    roster = roster_of("1.2", {name: text})
    assert list(roster.rows()) == list(roster.rows())
