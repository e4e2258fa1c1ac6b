"""The operators' admin of people and places."""

import re
from collections.abc import Callable

import pytest
from django.contrib.admin.models import LogEntry
from django.core import mail
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from pytest_django import Settings

from accounts import services
from accounts.models import (
    Enrolment,
    Invitation,
    School,
    Section,
    Student,
    StudentDetails,
    Teacher,
    TeacherDetails,
    User,
)
from conftest import make_user

MODELS = ["user", "student", "teacher", "school", "term", "section", "enrolment", "invitation"]


@pytest.fixture
def desk(client: Client, operator: User) -> Client:
    """The operator at the admin."""
    client.force_login(operator)
    return client


@pytest.fixture
def lesser(db: None) -> User:
    """A school admin, who has not every right."""
    return make_user("lesser", User.Role.ADMIN)


def act(desk: Client, model: str, action: str, *ids: object) -> str:
    """What the list shows after an action on these rows."""
    data = {"action": action, "_selected_action": [str(pk) for pk in ids]}
    return desk.post(reverse(f"admin:accounts_{model}_changelist"), data, follow=True).text


@pytest.mark.parametrize("model", MODELS)
def test_every_list_opens_and_can_be_searched(desk: Client, section: Section, school: School, model: str) -> None:
    path = reverse(f"admin:accounts_{model}_changelist")
    assert desk.get(path, follow=True).status_code == 200
    assert desk.get(path, {"q": "example"}, follow=True).status_code == 200


@pytest.mark.parametrize("model", ["user", "student", "teacher", "term", "section", "enrolment"])
def test_every_form_for_something_new_opens(desk: Client, section: Section, model: str) -> None:
    assert desk.get(reverse(f"admin:accounts_{model}_add")).status_code == 200


def test_every_form_for_something_that_exists_opens(
    desk: Client, section: Section, teacher: User, student: User, operator: User, school: School
) -> None:
    services.invite(by=teacher, email="new@example.com", role="student", section=section)
    rows: dict[str, list[object]] = {
        "user": [operator.pk, student.pk],
        "student": [student.pk],
        "teacher": [teacher.pk],
        "school": [1],
        "section": [section.pk],
        "enrolment": [section.enrolments.get().pk],
        "invitation": [Invitation.objects.get().pk],
    }
    for model, ids in rows.items():
        for pk in ids:
            assert desk.get(reverse(f"admin:accounts_{model}_change", args=[pk])).status_code == 200


@pytest.mark.parametrize(("model", "most"), [("student", 8), ("teacher", 8), ("enrolment", 8), ("section", 9)])
def test_a_long_list_needs_no_more_queries_than_a_short_one(
    desk: Client, section: Section, model: str, most: int, django_assert_max_num_queries: Callable
) -> None:
    for number in range(12):
        student = make_user(f"s{number}", User.Role.STUDENT)
        StudentDetails.objects.create(student=student, student_number=f"S-{number}")
        Enrolment.objects.create(section=section, student=student)
        TeacherDetails.objects.create(teacher=make_user(f"t{number}", User.Role.TEACHER), department="Health")
        Section.objects.create(name=f"Section {number}")
    with django_assert_max_num_queries(most):
        desk.get(reverse(f"admin:accounts_{model}_changelist"))


def test_a_section_with_many_students_leads_to_them_within_few_queries(
    desk: Client, section: Section, support: User, caretaker: User, django_assert_max_num_queries: Callable
) -> None:
    for number in range(20):
        Enrolment.objects.create(section=section, student=make_user(f"s{number}", User.Role.STUDENT))
    with django_assert_max_num_queries(12):
        page = desk.get(reverse("admin:accounts_section_change", args=[section.pk])).text
    assert "s7@example.com" not in page
    assert "S7" not in page
    way = re.search(r'<a href="([^"]+)">21 students</a>', page)
    assert way
    assert desk.get(way[1]).context["cl"].result_count == 21
    for user, sees in ((support, True), (caretaker, False)):
        desk.force_login(user)
        page = desk.get(reverse("admin:accounts_section_change", args=[section.pk])).text
        assert (way[0] in page) == sees


def test_students_are_added_to_a_section_that_has_some_but_none_twice(
    desk: Client, section: Section, student: User, other_student: User
) -> None:
    page = reverse("admin:accounts_section_change", args=[section.pk])
    data = {"name": section.name, "teaching-TOTAL_FORMS": "0", "teaching-INITIAL_FORMS": "0"}
    data |= {"enrolments-TOTAL_FORMS": "1", "enrolments-INITIAL_FORMS": "0"}
    assert "has a place here already" in desk.post(page, {**data, "enrolments-0-student": str(student.pk)}).text
    assert desk.post(page, {**data, "enrolments-0-student": str(other_student.pk)}).status_code == 302
    assert {place.student for place in section.enrolments.active()} == {student, other_student}


@pytest.mark.parametrize(
    ("model", "proxy", "prefix"), [("student", Student, "student_details"), ("teacher", Teacher, "teacher_details")]
)
def test_a_new_student_or_teacher_has_the_role_details_and_no_password(
    desk: Client, model: str, proxy: type[User], prefix: str
) -> None:
    data = {
        "email": "New.Person@Example.com",
        "display_name": "New Person",
        "role": "admin",
        f"{prefix}-TOTAL_FORMS": "1",
        f"{prefix}-INITIAL_FORMS": "0",
        f"{prefix}-0-programme": "BA",
        f"{prefix}-0-department": "Health",
    }
    page = desk.post(reverse(f"admin:accounts_{model}_add"), data, follow=True)
    assert "Make one-time password links" in page.text
    user = proxy.objects.get(email="new.person@example.com")
    assert user.role == model
    assert not user.has_usable_password()
    assert hasattr(user, prefix)
    change = {**data, "is_active": "on", f"{prefix}-INITIAL_FORMS": "1", f"{prefix}-0-id": getattr(user, prefix).pk}
    change |= {f"{prefix}-0-{model}": str(user.pk), "display_name": "Other Name"}
    desk.post(reverse(f"admin:accounts_{model}_change", args=[user.pk]), change)
    user.refresh_from_db()
    assert (user.display_name, user.role) == ("Other Name", model)


def test_an_address_that_anyone_has_is_refused_whatever_the_role(desk: Client, teacher: User, student: User) -> None:
    data = {"email": "TEACHER@example.com", "display_name": "Twin", "is_active": "on"}
    data |= {"student_details-TOTAL_FORMS": "0", "student_details-INITIAL_FORMS": "0"}
    for path in (
        reverse("admin:accounts_student_add"),
        reverse("admin:accounts_student_change", args=[student.pk]),
    ):
        assert "Someone has this e-mail address already" in desk.post(path, data).text


def test_a_user_of_any_role_can_be_made(desk: Client) -> None:
    data = {"email": "second@example.com", "display_name": "Second", "role": "admin"}
    desk.post(reverse("admin:accounts_user_add"), data)
    assert User.objects.get(email="second@example.com").is_staff


def test_people_are_disabled_and_enabled_from_the_list(desk: Client, operator: User, student: User) -> None:
    text = act(desk, "user", "disable", student.pk, operator.pk)
    assert "1 account disabled" in text
    assert "You cannot disable your own account" in text
    assert not User.objects.get(pk=student.pk).is_active
    assert "1 account enabled" in act(desk, "student", "enable", student.pk)
    assert User.objects.get(pk=student.pk).is_active
    assert [entry.change_message for entry in LogEntry.objects.order_by("pk")] == ["Disabled.", "Enabled."]


def test_password_links_are_shown_for_all_chosen_people_and_kept_by_no_cache(
    desk: Client, student: User, teacher: User
) -> None:
    data = {"action": "make_password_link", "_selected_action": [str(student.pk), str(teacher.pk)]}
    response = desk.post(reverse("admin:accounts_user_changelist"), data)
    assert response.text.count("/accounts/reset/") == 2
    assert "no-store" in response.headers["Cache-Control"]


def test_an_action_that_every_row_refuses_changes_nothing_and_says_why(
    client: Client, lesser: User, operator: User
) -> None:
    client.force_login(lesser)
    for action in ("make_password_link", "disable", "enable"):
        text = act(client, "user", action, operator.pk)
        assert "Your account may not do this" in text
        assert "accounts enabled" not in text
    assert User.objects.get(pk=operator.pk).is_active


def test_an_admin_without_every_right_cannot_change_admins_or_give_rights(
    client: Client, lesser: User, operator: User, student: User
) -> None:
    client.force_login(lesser)
    assert 'name="email"' not in client.get(reverse("admin:accounts_user_change", args=[operator.pk])).text
    page = client.get(reverse("admin:accounts_user_change", args=[student.pk])).text
    assert 'name="email"' in page
    for field in ("role", "is_superuser"):
        assert f'name="{field}"' not in page


@pytest.mark.parametrize("model", ["user", "student"])
def test_nobody_types_a_password_for_somebody_else(
    model: str, client: Client, operator: User, support: User, student: User
) -> None:
    page = f"/admin/accounts/{model}/{student.pk}/"
    for user in (operator, support):
        client.force_login(user)
        assert f"{page}password/" not in client.get(f"{page}change/").text
        assert "../password/" not in client.get(f"{page}change/").text
        typed = {"password1": "a-stolen-word-1", "password2": "a-stolen-word-1", "usable_password": "true"}
        client.post(f"{page}password/", typed)
        assert "a-stolen-word" not in client.get(f"{page}password/", follow=True).text
    assert not User.objects.get(pk=student.pk).check_password("a-stolen-word-1")
    with pytest.raises(NoReverseMatch):
        reverse("admin:auth_user_password_change", args=[student.pk])


def test_operators_see_accounts_without_what_the_school_keeps_beside_them(
    client: Client, caretaker: User, support: User, student: User, teacher: User, section: Section
) -> None:
    StudentDetails.objects.create(student=student, student_number="N-4711", programme="Nursing")
    TeacherDetails.objects.create(teacher=teacher, department="Public health")
    students, teachers = reverse("admin:accounts_student_changelist"), reverse("admin:accounts_teacher_changelist")
    for user, sees in ((support, True), (caretaker, False)):
        client.force_login(user)
        lists = client.get(students).text + client.get(teachers).text
        assert student.email in lists
        for word in ("N-4711", "Nursing", "Public health", "student number"):
            assert (word in lists) == sees, word
        assert (student.email in client.get(students, {"q": "N-4711"}).text) == sees
        client.raise_request_exception = False
        for path, lookup in ((teachers, "teacher_details__department"), (students, "enrolments__section__id__exact")):
            answer = client.get(path, {lookup: "Public health" if path == teachers else str(section.pk)})
            assert answer.status_code == (200 if sees else 400), lookup


def test_a_changed_address_is_told_to_the_old_one(
    client: Client, support: User, student: User, settings: Settings, django_capture_on_commit_callbacks: Callable
) -> None:
    settings.MAIL_CONFIGURED = True
    client.force_login(support)
    student.language = "es"
    student.save()

    def save(email: str) -> None:
        data = {"email": email, "display_name": "Other Name", "is_active": "on", "language": "es"}
        data |= {"student_details-TOTAL_FORMS": "0", "student_details-INITIAL_FORMS": "0"}
        with django_capture_on_commit_callbacks(execute=True):
            page = client.post(reverse("admin:accounts_student_change", args=[student.pk]), data)
        assert page.status_code == 302

    save("Student@example.com")
    assert not mail.outbox
    save("stranger@example.com")
    (message,) = mail.outbox
    assert message.to == ["student@example.com"]
    assert "Hola" in message.body
    assert "stranger" not in f"{message.subject} {message.body}"
    settings.MAIL_CONFIGURED = False
    save("student@example.com")
    assert len(mail.outbox) == 1


def test_nobody_deletes_people_sections_enrolments_invitations_or_the_school(
    desk: Client, section: Section, student: User, teacher: User, school: School
) -> None:
    services.invite(by=teacher, email="new@example.com", role="student", section=section)
    rows = {"user": student.pk, "section": section.pk, "enrolment": Enrolment.objects.get().pk, "school": 1}
    rows["invitation"] = Invitation.objects.get().pk
    for model, pk in rows.items():
        assert desk.post(reverse(f"admin:accounts_{model}_delete", args=[pk]), {"post": "yes"}).status_code == 403


def test_enrolments_are_removed_and_returned_from_the_list(desk: Client, section: Section, student: User) -> None:
    enrolment = section.enrolments.get()
    assert "Removed." in act(desk, "enrolment", "remove", enrolment.pk)
    assert not Section.objects.visible_to(student).exists()
    assert "Returned." in act(desk, "enrolment", "give_back", enrolment.pk)
    assert Section.objects.visible_to(student).exists()


def test_a_section_is_staffed_and_filled_with_people_of_the_right_role_only(
    desk: Client, section: Section, teacher: User, other_teacher: User, other_student: User
) -> None:
    def save(new_teacher: User, new_student: User) -> int:
        data = {
            "name": "Interviewing",
            "teaching-TOTAL_FORMS": "1",
            "teaching-INITIAL_FORMS": "0",
            "teaching-0-teacher": str(new_teacher.pk),
            "teaching-0-part": "lead",
            "enrolments-TOTAL_FORMS": "1",
            "enrolments-INITIAL_FORMS": "0",
            "enrolments-0-student": str(new_student.pk),
        }
        return desk.post(reverse("admin:accounts_section_add"), data).status_code

    assert save(other_student, other_teacher) == 200
    assert save(other_teacher, other_student) == 302
    made = Section.objects.exclude(pk=section.pk).get()
    assert list(made.teachers.all()) == [other_teacher]
    assert made.enrolments.get().student == other_student


def test_an_enrolment_is_only_for_students(desk: Client, section: Section, teacher: User) -> None:
    data = {
        "section": str(section.pk),
        "student": str(teacher.pk),
        "enrolled_at_0": "2026-09-01",
        "enrolled_at_1": "8:00",
    }
    assert desk.post(reverse("admin:accounts_enrolment_add"), data).status_code == 200
    assert not Enrolment.objects.filter(student=teacher).exists()


@pytest.mark.parametrize(
    ("model", "field", "found"), [("enrolment", "student", "Student"), ("sectionteacher", "teacher", "Teacher")]
)
def test_a_form_that_asks_for_a_student_or_teacher_offers_only_those(
    desk: Client, section: Section, model: str, field: str, found: str
) -> None:
    data = {"app_label": "accounts", "model_name": model, "field_name": field, "term": "example.com"}
    results = desk.get(reverse("admin:autocomplete"), data).json()["results"]
    assert [row["text"] for row in results] == [found]


def test_the_school_is_one_row_that_its_list_leads_to(desk: Client) -> None:
    path = reverse("admin:accounts_school_changelist")
    assert desk.get(path).status_code == 200
    data = {"name": "Our School", "time_zone": "Europe/Madrid"}
    assert desk.post(reverse("admin:accounts_school_add"), data).status_code == 302
    assert School.current().name == "Our School"
    assert desk.get(path).headers["Location"] == reverse("admin:accounts_school_change", args=[1])
    assert desk.get(reverse("admin:accounts_school_add")).status_code == 403


def test_a_school_refuses_a_wrong_time_zone_and_what_is_no_image(desk: Client, school: School) -> None:
    data = {"name": "X", "time_zone": "Mars/Olympus", "logo": SimpleUploadedFile("logo.svg", b"<svg/>")}
    page = desk.post(reverse("admin:accounts_school_change", args=[1]), data).text
    assert "Mars/Olympus is not a time zone" in page
    assert School.current().name == "Test School"


def test_invitations_are_made_again_and_revoked_but_not_edited(desk: Client, teacher: User, section: Section) -> None:
    services.invite(by=teacher, email="new@example.com", role="student", section=section)
    invitation = Invitation.objects.get()
    assert desk.get(reverse("admin:accounts_invitation_add")).status_code == 403
    assert desk.post(reverse("admin:accounts_invitation_change", args=[invitation.pk]), {}).status_code == 403
    assert "/accounts/invitations/accept/" in act(desk, "invitation", "reissue", invitation.pk)
    assert "is revoked" in act(desk, "invitation", "revoke", invitation.pk)
    assert "used or revoked already" in act(desk, "invitation", "revoke", invitation.pk)
    assert "used or revoked already" in act(desk, "invitation", "reissue", invitation.pk)
    Invitation.objects.update(used_at=timezone.now())
    assert "used" in desk.get(reverse("admin:accounts_invitation_changelist")).text
