"""Users, roles, and who may see whom."""

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from accounts.models import Enrolment, Invitation, Section, SectionTeacher, Student, StudentDetails, Teacher, User
from accounts.models.user import known_zone, validate_time_zone
from conftest import make_user


def test_an_address_is_kept_in_lower_case_and_found_in_any_case(student: User) -> None:
    user = User.objects.create_user("Mixed.Case@Example.COM", "secret-word-1", display_name="Mixed")
    assert user.email == "mixed.case@example.com"
    assert User.objects.get_by_natural_key("MIXED.case@example.com") == user
    with pytest.raises(User.DoesNotExist):
        User.objects.get_by_natural_key(None)


def test_one_address_in_two_cases_is_refused_by_form_and_database(student: User) -> None:
    with pytest.raises(ValidationError, match="Someone has this"):
        User(email="STUDENT@example.com", display_name="Twin", password="x").full_clean()
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.create_user("STUDENT@example.com")
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.filter(pk=student.pk).update(email="Student@example.com")


def test_only_admins_may_open_the_admin_whatever_is_asked(student: User, operator: User) -> None:
    student.is_staff = student.is_superuser = True
    student.save(update_fields=["is_staff"])
    student.refresh_from_db()
    assert not student.is_staff
    assert not student.is_superuser
    operator.role = User.Role.TEACHER
    operator.save(update_fields=["role"])
    operator.refresh_from_db()
    assert not operator.is_staff
    assert not operator.is_superuser


def test_every_change_of_a_user_moves_the_revision_that_sockets_watch(student: User) -> None:
    before = student.access_revision
    student.save()
    assert student.access_revision == before + 1


def test_students_and_teachers_are_models_of_their_own(student: User, teacher: User) -> None:
    assert [user.pk for user in Student.objects.all()] == [student.pk]
    assert [user.pk for user in Teacher.objects.all()] == [teacher.pk]
    assert Student.objects.create_user("s2@example.com").role == User.Role.STUDENT
    assert Teacher.objects.create_user("t2@example.com").role == User.Role.TEACHER


def test_a_person_without_a_display_name_shows_as_the_address(student: User) -> None:
    assert str(student) == student.get_full_name() == student.get_short_name() == "Student"
    assert str(User(email="x@example.com")) == "x@example.com"


def test_a_student_number_is_given_once_but_may_be_empty_often(student: User, other_student: User) -> None:
    details = StudentDetails.objects.create(student=student, student_number="S-1")
    assert str(details) == "S-1"
    with pytest.raises(IntegrityError), transaction.atomic():
        StudentDetails.objects.create(student=other_student, student_number="S-1")
    StudentDetails.objects.create(student=other_student)
    StudentDetails.objects.create(student=make_user("third", User.Role.STUDENT))


def test_each_sees_the_people_whom_the_role_allows(
    operator: User, teacher: User, other_teacher: User, student: User, other_student: User, section: Section
) -> None:
    def seen(user: User) -> set[User]:
        return set(User.objects.visible_to(user))

    assert seen(operator) == {operator, teacher, other_teacher, student, other_student}
    assert seen(teacher) == {teacher, student}
    assert seen(other_teacher) == {other_teacher}
    assert seen(student) == {student}
    SectionTeacher.objects.create(section=section, teacher=other_teacher)
    assert seen(other_teacher) == {other_teacher, teacher, student}
    Enrolment.objects.get(student=student).delete()
    assert seen(teacher) == {teacher, other_teacher}


def test_each_sees_the_sections_and_enrolments_whom_the_role_allows(
    operator: User, teacher: User, other_teacher: User, student: User, other_student: User, section: Section
) -> None:
    for user in (operator, teacher, student):
        assert list(Section.objects.visible_to(user)) == [section]
        assert Enrolment.objects.visible_to(user).count() == 1
    for user in (other_teacher, other_student):
        assert not Section.objects.visible_to(user).exists()
        assert not Enrolment.objects.visible_to(user).exists()
    assert str(section) == "SW 101 Interviewing"
    assert str(section.teaching.get()) == "Teacher · SW 101 Interviewing"
    assert str(section.enrolments.get()) == "Student · SW 101 Interviewing"


def test_each_sees_the_invitations_they_made_and_admins_all(
    operator: User, teacher: User, other_teacher: User, student: User
) -> None:
    invitation = Invitation(email="new@example.com", invited_by=teacher)
    invitation.issue_token()
    invitation.save()
    assert str(invitation) == "new@example.com"
    assert list(Invitation.objects.visible_to(operator)) == list(Invitation.objects.visible_to(teacher)) == [invitation]
    assert not Invitation.objects.visible_to(other_teacher).exists()
    assert not Invitation.objects.visible_to(student).exists()


def test_replacing_someone_in_a_section_moves_the_revision_of_both(
    section: Section, teacher: User, other_teacher: User, student: User, other_student: User
) -> None:
    def revisions(*users: User) -> list[int]:
        return [User.objects.get(pk=user.pk).access_revision for user in users]

    cast = (teacher, other_teacher, student, other_student)
    before = revisions(*cast)
    teaching, enrolment = section.teaching.get(), section.enrolments.get()
    teaching.teacher, enrolment.student = other_teacher, other_student
    teaching.save()
    enrolment.save()
    after = revisions(*cast)
    assert all(new > old for new, old in zip(after, before, strict=True))
    section.save()
    assert revisions(other_teacher, other_student) == [after[1] + 1, after[3] + 1]
    teaching.delete()
    assert revisions(other_teacher) == [after[1] + 2]


def test_what_is_no_time_zone_is_refused_and_an_unknown_one_falls_back() -> None:
    validate_time_zone("Europe/Madrid")
    with pytest.raises(ValidationError, match="not a time zone"):
        validate_time_zone("Europe/Atlantis")
    assert known_zone("", "Europe/Atlantis", "../etc", "Europe/Madrid").key == "Europe/Madrid"
    assert known_zone("Europe").key == "UTC"
