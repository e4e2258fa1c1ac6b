"""Sections: who makes, changes and ends them, who teaches them, and who gets in by code."""

import datetime as dt
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from accounts import services
from accounts.models import Enrolment, Invitation, Section, SectionTeacher, Term, User
from accounts.models.section import CODE_LETTERS, new_join_code
from conftest import make_user
from monitoring import limits
from monitoring.models import RateLimit

pytestmark = pytest.mark.django_db

LEAD, ASSISTANT = SectionTeacher.Part.LEAD, SectionTeacher.Part.ASSISTANT


@pytest.fixture
def assistant(section: Section) -> User:
    """Assists in `section`."""
    user = make_user("assistant", User.Role.TEACHER)
    SectionTeacher.objects.create(section=section, teacher=user, part=ASSISTANT)
    return user


@pytest.fixture
def code(teacher: User, section: Section) -> str:
    """The join code of `section`."""
    return services.renew_code(by=teacher, section=section)


def test_a_teacher_leads_what_they_create_and_an_admin_names_who_does(
    teacher: User, other_teacher: User, operator: User, student: User
) -> None:
    term = Term.objects.create(name="Autumn", starts_on=dt.date(2026, 9, 1), ends_on=dt.date(2026, 12, 20))
    own = services.create_section(by=teacher, name="Listening", course_code="SW 1", term=term)
    assert Section.objects.led_by(teacher).get() == own
    named = services.create_section(by=operator, name="Asking", lead=other_teacher)
    assert Section.objects.led_by(other_teacher).get() == named
    for by, lead in [(student, None), (teacher, other_teacher)]:
        with pytest.raises(services.NotAllowedError):
            services.create_section(by=by, name="Mine", lead=lead)
    for lead in (None, student):
        with pytest.raises(services.WrongRoleError):
            services.create_section(by=operator, name="Nobody's", lead=lead)
    assert Section.objects.count() == 2


def test_a_section_does_not_end_before_it_begins(section: Section) -> None:
    section.starts_on, section.ends_on = dt.date(2026, 9, 2), dt.date(2026, 9, 1)
    with pytest.raises(IntegrityError), transaction.atomic():
        section.save()


def test_an_archived_section_is_kept_whole_and_can_be_reopened(teacher: User, section: Section, student: User) -> None:
    services.renew_code(by=teacher, section=section)
    services.archive_section(by=teacher, section=section)
    section.refresh_from_db()
    first = section.archived_at
    assert first is not None
    assert section.join_code == ""
    services.archive_section(by=teacher, section=section)
    assert section.archived_at == first
    assert not Enrolment.objects.active().exists()
    with pytest.raises(services.ArchivedSectionError):
        services.renew_code(by=teacher, section=section)
    services.reopen_section(by=teacher, section=section)
    assert Enrolment.objects.active().get().student == student


def test_archiving_is_noticed_by_the_open_pages_of_all_members(teacher: User, section: Section, student: User) -> None:
    before = {user.pk: user.access_revision for user in (teacher, student)}
    services.archive_section(by=teacher, section=section)
    after = dict(User.objects.filter(pk__in=before).values_list("pk", "access_revision"))
    assert all(after[pk] > before[pk] for pk in before)


def changes(by: User, section: Section, teacher: User) -> list[Callable[[], object]]:
    """All that only leads may do."""
    same: dict[str, Any] = {"course_code": "", "term": None, "starts_on": None, "ends_on": None}
    return [
        lambda: services.change_section(by=by, section=section, name="Other", **same),
        lambda: services.archive_section(by=by, section=section),
        lambda: services.reopen_section(by=by, section=section),
        lambda: services.add_teacher(by=by, section=section, teacher=by),
        lambda: services.change_part(by=by, section=section, teacher=by, part=LEAD),
        lambda: services.remove_teacher(by=by, section=section, teacher=teacher),
    ]


def test_an_assistant_sees_and_enrols_but_changes_nothing_else(
    assistant: User, teacher: User, section: Section, student: User, other_student: User
) -> None:
    assert Section.objects.visible_to(assistant).get() == section
    services.enrol(by=assistant, section=section, student=other_student)
    services.renew_code(by=assistant, section=section)
    services.switch_off_code(by=assistant, section=section)
    for change in changes(assistant, section, teacher):
        with pytest.raises(services.NotAllowedError, match="Only a lead"):
            change()
    section.refresh_from_db()
    assert (section.name, section.archived_at) == ("Interviewing", None)
    assert section.teaching.get(teacher=assistant).part == ASSISTANT


def test_outsiders_and_students_do_nothing_with_a_section(
    other_teacher: User, student: User, teacher: User, section: Section
) -> None:
    for by in (other_teacher, student):
        for change in changes(by, section, teacher):
            with pytest.raises(services.NotAllowedError):
                change()
        with pytest.raises(services.NotAllowedError):
            services.renew_code(by=by, section=section)
        with pytest.raises(services.NotAllowedError):
            services.switch_off_code(by=by, section=section)
        with pytest.raises(services.NotAllowedError):
            services.renew_links(by=by, section=section)


def test_a_section_keeps_a_lead_whoever_asks(teacher: User, operator: User, assistant: User, section: Section) -> None:
    for by in (teacher, operator):
        with pytest.raises(services.LastLeadError):
            services.remove_teacher(by=by, section=section, teacher=teacher)
        with pytest.raises(services.LastLeadError):
            services.change_part(by=by, section=section, teacher=teacher, part=ASSISTANT)
    services.change_part(by=teacher, section=section, teacher=assistant, part=LEAD)
    services.remove_teacher(by=assistant, section=section, teacher=teacher)
    assert section.teaching.get().teacher == assistant


@pytest.mark.servers
@pytest.mark.django_db(transaction=True)
def test_of_two_leads_who_remove_each_other_at_once_one_stays(
    teacher: User, other_teacher: User, section: Section
) -> None:
    services.add_teacher(by=teacher, section=section, teacher=other_teacher, part=LEAD)
    start = Barrier(2)

    def remove(pair: tuple[User, User]) -> None:
        try:
            start.wait()
            services.remove_teacher(by=pair[0], section=section, teacher=pair[1])
        except services.RuleBrokenError:
            pass
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(remove, [(teacher, other_teacher), (other_teacher, teacher)]))
    assert section.teaching.filter(part=LEAD).count() == 1


def test_a_code_is_short_and_has_no_letter_that_is_taken_for_another() -> None:
    codes = {new_join_code() for _number in range(500)}
    assert len(codes) == 500
    assert {len(code) for code in codes} == {8}
    assert not set("AEIOUYL") & set("".join(codes))
    assert set("".join(codes)) <= set(CODE_LETTERS)


def test_a_student_joins_with_the_code_however_it_is_typed(
    code: str, section: Section, other_student: User, other_teacher: User
) -> None:
    for typed in (code, section.written_code, f"  {code[:3].lower()} {code[3:].lower()} "):
        assert services.join_by_code(by=other_student, code=typed) == section
    assert Enrolment.objects.filter(student=other_student).count() == 1
    with pytest.raises(services.WrongRoleError):
        services.join_by_code(by=other_teacher, code=code)


def test_a_code_that_was_switched_off_renewed_or_archived_is_refused(
    code: str, teacher: User, section: Section, other_student: User
) -> None:
    services.switch_off_code(by=teacher, section=section)
    ended = [code, services.renew_code(by=teacher, section=section)]
    renewed = services.renew_code(by=teacher, section=section)
    # Even where something else archived the section and left its code.
    Section.objects.filter(pk=section.pk).update(archived_at=timezone.now())
    for refused in [*ended, renewed, "", "-", "12345678"]:
        with pytest.raises(services.CodeRefusedError):
            services.join_by_code(by=other_student, code=refused)
    assert not other_student.enrolments.exists()


def test_whom_staff_removed_does_not_come_back_by_code(
    code: str, teacher: User, section: Section, student: User
) -> None:
    services.remove_from_section(by=teacher, enrolment=section.enrolments.get())
    with pytest.raises(services.RemovedStudentError):
        services.join_by_code(by=student, code=code)
    assert not Section.objects.visible_to(student).exists()


def test_guessing_codes_is_slowed_down_for_the_one_who_guesses(
    code: str, section: Section, student: User, other_student: User
) -> None:
    RateLimit.objects.update_or_create(name=RateLimit.Name.SIGN_INS_PER_ACCOUNT, defaults={"count": 3, "seconds": 300})
    limits.forget()
    for _number in range(5):
        services.join_by_code(by=other_student, code=code)
    for _number in range(3):
        with pytest.raises(services.CodeRefusedError):
            services.join_by_code(by=other_student, code="BBBBBBBB")
    with pytest.raises(services.TooManyTriesError, match="You can try again in") as refused:
        services.join_by_code(by=other_student, code=code)
    assert 290 <= refused.value.retry_after <= 305
    assert services.join_by_code(by=student, code=code) == section


@pytest.mark.servers
@pytest.mark.django_db(transaction=True)
def test_two_joins_at_once_make_one_enrolment(code: str, section: Section, other_student: User) -> None:
    start = Barrier(4)

    def join(_number: int) -> Section:
        try:
            start.wait()
            return services.join_by_code(by=other_student, code=code)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(join, range(4))) == [section] * 4
    assert Enrolment.objects.filter(section=section, student=other_student).count() == 1


def test_two_sections_never_share_a_code(code: str, section: Section) -> None:
    other = Section.objects.create(name="Other")
    Section.objects.create(name="Another without one")
    with pytest.raises(IntegrityError), transaction.atomic():
        Section.objects.filter(pk=other.pk).update(join_code=code)


def test_printed_links_replace_those_of_all_who_have_not_come(teacher: User, section: Section, operator: User) -> None:
    old = [services.invite(by=teacher, email=f"{name}@example.com", role="student", section=section) for name in "cab"]
    services.invite(by=operator, email="theirs@example.com", role="student", section=section)
    Invitation.objects.filter(email="b@example.com").update(expires_at=timezone.now() - dt.timedelta(days=1))
    Invitation.objects.filter(email="c@example.com").update(used_at=timezone.now())
    links = services.renew_links(by=teacher, section=section)
    assert [link.email for link in links] == ["a@example.com", "b@example.com"]
    assert not {link.url for link in links} & {link.url for link in old}
    for link in links:
        token = link.url.rstrip("/").rpartition("/")[2]
        _user, joined = services.accept_invitation(by=None, token=token, display_name="N", password="x")
        assert joined == section
    assert services.renew_links(by=teacher, section=section) == []
