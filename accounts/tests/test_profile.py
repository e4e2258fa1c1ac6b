"""One's own account: profile, language, time zone, help, and pages that are staff's alone."""

import pytest
from django.http import Http404, HttpRequest
from django.test import Client

from accounts.forms import time_zone_choices
from accounts.models import School, Section, StudentDetails, User
from accounts.permissions import signed_in


def test_a_student_changes_name_zone_language_and_pronouns(client: Client, student: User, section: Section) -> None:
    StudentDetails.objects.create(student=student, student_number="S-1", pronouns="they")
    client.force_login(student)
    page = client.get("/accounts/profile/").text
    assert "S-1" in page
    assert 'value="they"' in page
    assert "SW 101 Interviewing" in page
    data = {
        "display_name": "Alex",
        "time_zone": "Europe/Madrid",
        "language": "",
        "pronouns": "she",
        "student_number": "X",
    }
    assert "Your account is saved" in client.post("/accounts/profile/", data, follow=True).text
    student.refresh_from_db()
    assert (student.display_name, student.time_zone) == ("Alex", "Europe/Madrid")
    assert student.student_details.pronouns == "she"
    assert student.student_details.student_number == "S-1"


def test_a_student_without_details_gets_them_with_the_first_pronouns(client: Client, student: User) -> None:
    client.force_login(student)
    client.get("/accounts/profile/")
    client.post("/accounts/profile/", {"display_name": "Alex", "pronouns": "he"})
    assert StudentDetails.objects.get(student=student).pronouns == "he"


def test_teachers_and_admins_have_no_pronouns_field_and_find_the_invitations(
    client: Client, teacher: User, operator: User
) -> None:
    for user in (teacher, operator):
        client.force_login(user)
        page = client.get("/accounts/profile/").text
        assert "Pronouns" not in page
        assert "/accounts/invitations/" in page
        assert client.post("/accounts/profile/", {"display_name": "New name"}).status_code == 302


def test_a_refused_profile_changes_nothing_and_keeps_what_was_typed(client: Client, student: User) -> None:
    client.force_login(student)
    page = client.post("/accounts/profile/", {"display_name": "", "time_zone": "Mars/Olympus", "pronouns": "xe"})
    assert page.status_code == 200
    assert 'value="xe"' in page.text
    student.refresh_from_db()
    assert student.display_name == "Student"


def test_the_zones_are_grouped_and_a_stored_odd_one_stays_choosable(school: School) -> None:
    school.time_zone = "Europe/Madrid"
    school.save()
    choices = dict(time_zone_choices(""))
    assert choices[""] == "The same as my school (Europe/Madrid)"
    assert ("America/Argentina/Buenos_Aires", "Argentina, Buenos Aires") in choices["America"]
    assert "Etc/GMT+3" not in choices
    assert dict(time_zone_choices("Etc/GMT+3"))["Etc/GMT+3"] == "Etc/GMT+3"
    assert "UTC" in dict(time_zone_choices("UTC"))
    assert len(time_zone_choices("Europe/Paris")) == len(time_zone_choices(""))


def test_pages_come_in_the_persons_language_and_say_so(client: Client, student: User) -> None:
    student.language = "es"
    student.save()
    client.force_login(student)
    response = client.get("/accounts/profile/")
    assert response.headers["Content-Language"] == "es"
    assert '<html lang="es"' in response.text


def test_a_language_chosen_in_the_menu_is_the_persons_from_then_on(client: Client, student: User) -> None:
    student.language = "en"
    student.save()
    client.force_login(student)
    client.post("/i18n/setlang/", {"language": "es", "next": "/help/"})
    student.refresh_from_db()
    assert student.language == "es"
    revision = student.access_revision
    client.post("/i18n/setlang/", {"language": "es", "next": "/help/"})
    student.refresh_from_db()
    assert student.access_revision == revision


def test_a_visitors_language_is_the_browsers(client: Client, db: None) -> None:
    assert '<html lang="es"' in client.get("/accounts/login/", HTTP_ACCEPT_LANGUAGE="es").text


def test_a_time_zone_that_no_longer_exists_breaks_no_page(client: Client, student: User) -> None:
    User.objects.filter(pk=student.pk).update(time_zone="Europe/Atlantis")
    client.force_login(student)
    assert client.get("/accounts/profile/").status_code == 200


@pytest.mark.parametrize(
    ("cast", "words"),
    [("student", "who reads it"), ("teacher", "Write a client"), ("operator", "Where things are")],
)
def test_each_role_has_a_help_page_of_its_own(
    client: Client, request: pytest.FixtureRequest, cast: str, words: str
) -> None:
    client.force_login(request.getfixturevalue(cast))
    page = client.get("/help/")
    assert page.status_code == 200
    assert words in page.text


def test_staff_pages_do_not_exist_for_students_and_ask_visitors_to_sign_in(client: Client, student: User) -> None:
    paths = ["/accounts/invitations/", "/accounts/invitations/new/", "/accounts/password-link/"]
    assert {client.get(path).status_code for path in paths} == {302}
    client.force_login(student)
    assert {client.get(path).status_code for path in paths} == {404}


def test_a_request_without_a_user_has_nobody_signed_in() -> None:
    request = HttpRequest()
    request.user = None  # type: ignore[assignment]
    with pytest.raises(Http404):
        signed_in(request)
