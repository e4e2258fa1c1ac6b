"""Who is enrolled and who teaches: verbs that keep the row and move the revision."""

import pytest

from accounts import services
from accounts.models import Enrolment, Section, SectionTeacher, User


def revision(user: User) -> int:
    return User.objects.get(pk=user.pk).access_revision


def test_a_student_is_enrolled_once_however_often_it_is_asked(
    teacher: User, section: Section, other_student: User
) -> None:
    before = revision(other_student)
    first = services.enrol(by=teacher, section=section, student=other_student)
    assert services.enrol(by=teacher, section=section, student=other_student) == first
    assert revision(other_student) == before + 1


def test_removal_keeps_the_row_and_return_gives_it_back(teacher: User, section: Section, student: User) -> None:
    enrolment = section.enrolments.get()
    before = revision(student)
    services.remove_from_section(by=teacher, enrolment=enrolment)
    services.remove_from_section(by=teacher, enrolment=enrolment)
    assert revision(student) == before + 1
    assert not Section.objects.visible_to(student).exists()
    assert not User.objects.visible_to(teacher).filter(pk=student.pk).exists()
    services.return_to_section(by=teacher, enrolment=enrolment)
    services.return_to_section(by=teacher, enrolment=enrolment)
    assert revision(student) == before + 2
    assert Section.objects.visible_to(student).get() == section


def test_enrolling_a_removed_student_is_a_return(teacher: User, section: Section, student: User) -> None:
    services.remove_from_section(by=teacher, enrolment=section.enrolments.get())
    services.enrol(by=teacher, section=section, student=student)
    assert Enrolment.objects.active().get().student == student


def test_only_students_are_enrolled_and_only_teachers_teach(operator: User, section: Section, student: User) -> None:
    with pytest.raises(services.WrongRoleError, match="Operator is not a student"):
        services.enrol(by=operator, section=section, student=operator)
    with pytest.raises(services.WrongRoleError, match="Student is not a teacher"):
        services.add_teacher(by=operator, section=section, teacher=student)


def test_a_teacher_is_added_once_and_removed_with_all_rights(
    teacher: User, other_teacher: User, section: Section
) -> None:
    part = SectionTeacher.Part.ASSISTANT
    services.add_teacher(by=teacher, section=section, teacher=other_teacher, part=part)
    row = services.add_teacher(by=teacher, section=section, teacher=other_teacher)
    assert row.part == part
    before = revision(other_teacher)
    services.remove_teacher(by=teacher, section=section, teacher=other_teacher)
    assert revision(other_teacher) == before + 1
    assert not Section.objects.visible_to(other_teacher).exists()


def test_outsiders_and_students_change_nobodys_place(
    other_teacher: User, student: User, other_student: User, section: Section, teacher: User
) -> None:
    enrolment = section.enrolments.get()
    for by in (other_teacher, student, other_student):
        with pytest.raises(services.NotAllowedError):
            services.enrol(by=by, section=section, student=other_student)
        with pytest.raises(services.NotAllowedError):
            services.remove_from_section(by=by, enrolment=enrolment)
        with pytest.raises(services.NotAllowedError):
            services.return_to_section(by=by, enrolment=enrolment)
        with pytest.raises(services.NotAllowedError):
            services.add_teacher(by=by, section=section, teacher=other_teacher)
        with pytest.raises(services.NotAllowedError):
            services.remove_teacher(by=by, section=section, teacher=teacher)
