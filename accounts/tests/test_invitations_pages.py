"""The pages of invitations: the form, the link that is shown once, the list."""

import re

from django.test import Client

from accounts import services
from accounts.models import Section, User
from conftest import make_user


def test_staff_make_a_link_on_the_page_that_shows_it_once(client: Client, teacher: User, section: Section) -> None:
    client.force_login(teacher)
    assert 'name="role"' not in client.get("/accounts/invitations/new/").text
    data = {"email": "new@example.com", "display_name": "Robin", "section": str(section.pk)}
    response = client.post("/accounts/invitations/new/", data)
    shown = re.search(r"/accounts/invitations/accept/([\w-]+)/", response.text)
    assert shown is not None
    assert "no-store" in response.headers["Cache-Control"]
    assert shown[1] not in client.get("/accounts/invitations/").text
    assert Client().get(shown[0]).status_code == 200


def test_an_invitation_that_breaks_a_rule_says_which(
    client: Client, operator: User, teacher: User, student: User, section: Section
) -> None:
    client.force_login(teacher)
    response = client.post("/accounts/invitations/new/", {"email": student.email, "section": str(section.pk)})
    assert "in the section already" in response.text
    client.force_login(operator)
    response = client.post(
        "/accounts/invitations/new/", {"email": "x@example.com", "role": "admin", "section": section.pk}
    )
    assert "Only an admin with every right" in response.text
    assert 'value="admin"' in client.get("/accounts/invitations/new/").text
    client.force_login(make_user("lesser", User.Role.ADMIN))
    assert 'value="admin"' not in client.get("/accounts/invitations/new/").text


def test_a_teacher_without_a_section_is_told_whom_to_ask(client: Client, other_teacher: User) -> None:
    client.force_login(other_teacher)
    assert "You teach no section yet" in client.get("/accounts/invitations/").text
    assert "You teach no section yet" in client.get("/accounts/invitations/new/").text


def test_the_list_can_be_searched_and_turned_in_pages_within_few_queries(
    client: Client, teacher: User, section: Section, django_assert_max_num_queries: object
) -> None:
    client.force_login(teacher)
    assert "Nobody invited yet" in client.get("/accounts/invitations/").text
    for number in range(30):
        services.invite(by=teacher, email=f"n{number}@example.com", role="student", section=section)
    with django_assert_max_num_queries(9):  # type: ignore[operator]
        page = client.get("/accounts/invitations/")
    assert "Page 1 of 2" in page.text
    assert "n7@example.com" in client.get("/accounts/invitations/?q=N7@").text
    assert "n8@example.com" not in client.get("/accounts/invitations/?q=N7@").text
    assert "No invitation fits" in client.get("/accounts/invitations/?q=zebra").text


def test_the_only_section_of_a_teacher_is_chosen_already(client: Client, teacher: User, section: Section) -> None:
    client.force_login(teacher)
    chosen = f'<option value="{section.pk}" selected>'
    assert chosen in client.get("/accounts/invitations/new/").text
    Section.objects.create(name="Another").teachers.add(teacher)
    assert chosen not in client.get("/accounts/invitations/new/").text
