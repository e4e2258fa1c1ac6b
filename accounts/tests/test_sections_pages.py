"""The pages of sections: who sees what, what each button does, and that they stay quick with many rows."""

import datetime as dt
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import services
from accounts.models import Enrolment, Invitation, Section, SectionTeacher, Term, User
from conftest import make_user
from monitoring import limits
from monitoring.models import RateLimit

pytestmark = pytest.mark.django_db


def to(name: str, section: Section, *more: object) -> str:
    """The address of a section's page."""
    return reverse(name, args=[section.pk, *more])


@pytest.fixture
def at_desk(client: Client, teacher: User, section: Section) -> Client:
    """The lead of `section`, signed in."""
    client.force_login(teacher)
    return client


@pytest.fixture
def assistant(section: Section) -> Client:
    """An assistant of `section`, signed in."""
    user = make_user("assistant", User.Role.TEACHER)
    SectionTeacher.objects.create(section=section, teacher=user, part=SectionTeacher.Part.ASSISTANT)
    browser = Client()
    browser.force_login(user)
    return browser


def many(section: Section, number: int) -> None:
    """Enrol so many students, every third of whom was removed."""
    people = [
        User(email=f"s{n:03}@example.com", display_name=f"Student {n:03}", role=User.Role.STUDENT)
        for n in range(number)
    ]
    User.objects.bulk_create(people)
    now = timezone.now()
    rows = [
        Enrolment(section=section, student=person, removed_at=None if n % 3 else now) for n, person in enumerate(people)
    ]
    Enrolment.objects.bulk_create(rows)


def test_a_teacher_finds_a_section_by_words_term_and_whether_it_is_archived(
    at_desk: Client, teacher: User, section: Section, other_teacher: User
) -> None:
    term = Term.objects.create(name="Autumn & winter", starts_on=dt.date(2026, 9, 1), ends_on=dt.date(2026, 12, 20))
    services.create_section(by=teacher, name="Listening", course_code="SW 777", term=term)
    old = services.create_section(by=teacher, name="Long ago")
    services.archive_section(by=teacher, section=old)
    services.create_section(by=other_teacher, name="Not mine")
    page = at_desk.get("/sections/").text
    assert "Listening" in page
    assert "Interviewing" in page
    assert "Long ago" not in page
    assert "Not mine" not in page
    archived = at_desk.get("/sections/?archived=yes").text
    assert "Long ago" in archived
    assert "Listening" not in archived
    for query in ("q=777", "q=listen", "term=Autumn+%26+winter"):
        found = at_desk.get(f"/sections/?{query}").text
        assert "Listening" in found
        assert "Interviewing" not in found
    assert "No section fits" in at_desk.get("/sections/?q=zebra").text
    assert "Interviewing" in at_desk.get("/sections/", {"term": "nonsense", "q": "x" * 60_000, "page": "x"}).text


def test_the_list_stays_quick_with_many_sections_and_keeps_its_filters_from_page_to_page(
    at_desk: Client, teacher: User, other_teacher: User, django_assert_max_num_queries: Any
) -> None:
    for number in range(30):
        made = services.create_section(by=teacher, name=f"Group {number:02}")
        services.add_teacher(by=teacher, section=made, teacher=other_teacher)
    with django_assert_max_num_queries(12):
        page = at_desk.get("/sections/?q=group").text
    assert "Page 1 of 2" in page
    assert "?q=group&amp;page=2" in page
    assert "Group 29" in at_desk.get("/sections/?q=group&page=2").text


def test_a_section_with_many_people_is_shown_in_pages_within_few_queries(
    at_desk: Client, teacher: User, section: Section, django_assert_max_num_queries: Any
) -> None:
    many(section, 90)
    for number in range(20):
        services.add_teacher(by=teacher, section=section, teacher=make_user(f"t{number}", User.Role.TEACHER))
        services.invite(by=teacher, email=f"n{number}@example.com", role="student", section=section)
    with django_assert_max_num_queries(12):
        page = at_desk.get(to("section", section)).text
    assert "Page 1 of 3" in page
    assert "20 students have not come yet" in page
    assert "Student 000" not in page
    assert "Student 000" in at_desk.get(to("section", section) + "?show=removed").text
    found = at_desk.get(to("section", section) + "?q=S044@").text
    assert "Student 044" in found
    assert "Student 043" not in found
    assert "No student fits" in at_desk.get(to("section", section) + "?q=zebra&show=removed").text
    assert at_desk.get(to("section", section), {"q": "x" * 60_000}).status_code == 200
    with django_assert_max_num_queries(12):
        at_desk.post(to("section-sheet", section))


def test_a_student_is_removed_after_a_word_of_warning_and_the_next_page_undoes_it(
    at_desk: Client, section: Section, student: User
) -> None:
    page = at_desk.get(to("section", section)).text
    assert "What was said is kept, and you can return them." in page
    remove, give_back = (to(f"section-student-{verb}", section, student.pk) for verb in ("remove", "return"))
    assert at_desk.get(remove).status_code == 405
    after = at_desk.post(remove, follow=True).text
    assert "Student is no longer in this section" in after
    assert give_back in after
    assert "No students yet" in after
    assert "Student is in the section again" in at_desk.post(give_back, follow=True).text
    assert Enrolment.objects.active().get().student == student
    nothing = at_desk.get(to("section", section) + f"?removed={student.pk}").text
    assert "no longer in this section" not in nothing
    assert at_desk.get(to("section", section) + "?removed=nonsense").status_code == 200


def test_nobody_is_removed_from_a_section_they_are_not_in(
    at_desk: Client, section: Section, other_student: User, other_teacher: User
) -> None:
    elsewhere = services.create_section(by=other_teacher, name="Elsewhere")
    services.enrol(by=other_teacher, section=elsewhere, student=other_student)
    for verb in ("remove", "return"):
        assert at_desk.post(to(f"section-student-{verb}", section, other_student.pk)).status_code == 404
        assert at_desk.post(to(f"section-student-{verb}", elsewhere, other_student.pk)).status_code == 404
    assert at_desk.post(to("section-teacher-remove", section, other_teacher.pk)).status_code == 404


def test_a_section_is_made_and_changed_on_a_form_that_keeps_what_was_typed(at_desk: Client, teacher: User) -> None:
    term = Term.objects.create(name="Autumn", starts_on=dt.date(2026, 9, 1), ends_on=dt.date(2026, 12, 20))
    wrong = {"name": "Asking", "course_code": "SW 3", "starts_on": "2026-09-02", "ends_on": "2026-09-01"}
    refused = at_desk.post("/sections/new/", wrong).text
    assert "The last day must not be before the first" in refused
    assert 'value="2026-09-02"' in refused
    assert not Section.objects.filter(name="Asking").exists()
    done = at_desk.post("/sections/new/", {**wrong, "ends_on": "2026-12-01", "term": "Autumn"}, follow=True).text
    assert "SW 3 Asking is ready" in done
    made = Section.objects.get(name="Asking")
    assert (made.term, made.ends_on) == (term, dt.date(2026, 12, 1))
    form = at_desk.get(to("section-edit", made)).text
    assert '<option value="Autumn" selected>' in form
    assert "E-mail address of the lead" not in form
    at_desk.post(to("section-edit", made), {"name": "Asking better"})
    made.refresh_from_db()
    assert (made.name, made.term, made.starts_on) == ("Asking better", None, None)


def test_an_admin_names_the_lead_of_a_new_section(client: Client, operator: User, teacher: User, student: User) -> None:
    client.force_login(operator)
    assert "E-mail address of the lead" in client.get("/sections/new/").text
    assert "No section yet" in client.get("/sections/").text
    for email in ("", student.email, "nobody@example.com"):
        assert client.post("/sections/new/", {"name": "Asking", "lead": email}).status_code == 200
    assert not Section.objects.exists()
    client.post("/sections/new/", {"name": "Asking", "lead": teacher.email.upper()})
    assert Section.objects.led_by(teacher).get().name == "Asking"


def test_teachers_are_added_changed_and_removed_and_a_lead_stays(
    at_desk: Client, section: Section, teacher: User, other_teacher: User
) -> None:
    add = to("section-teacher-add", section)
    refused = at_desk.post(add, {"teacher": "nobody@example.com", "part": "assistant"})
    assert "No teacher has this address" in refused.text
    assert 'value="nobody@example.com"' in refused.text
    assert at_desk.post(add, {"teacher": other_teacher.email, "part": "boss"}).status_code == 200
    at_desk.post(add, {"teacher": other_teacher.email, "part": "assistant"})
    assert section.teaching.get(teacher=other_teacher).part == "assistant"
    mine = to("section-teacher-remove", section, teacher.pk)
    assert "keeps at least one lead" in at_desk.post(mine, follow=True).text
    at_desk.post(to("section-teacher-part", section, other_teacher.pk), {"part": "lead"})
    gone = at_desk.post(mine, follow=True)
    assert gone.redirect_chain[-1][0] == "/sections/"
    assert at_desk.get(to("section", section)).status_code == 404
    assert section.teaching.get().teacher == other_teacher


def test_an_assistant_has_no_button_and_no_way_to_what_only_leads_do(
    assistant: Client, section: Section, teacher: User, student: User
) -> None:
    page = assistant.get(to("section", section)).text
    assert "Add a teacher" not in page
    assert "Archive the section" not in page
    assert to("section-edit", section) not in page
    assert assistant.get(to("section-edit", section)).status_code == 404
    for path in [
        to("section-edit", section),
        to("section-archive", section),
        to("section-reopen", section),
        to("section-teacher-add", section),
        to("section-teacher-part", section, teacher.pk),
        to("section-teacher-remove", section, teacher.pk),
    ]:
        assert assistant.post(path).status_code == 404
    assert assistant.post(to("section-student-remove", section, student.pk)).status_code == 302
    assert assistant.post(to("section-student-return", section, student.pk)).status_code == 302
    assert assistant.post(to("section-code", section), {"code": "new"}).status_code == 302
    section.refresh_from_db()
    assert section.join_code


def test_archiving_warns_first_and_reopening_brings_everyone_back(at_desk: Client, section: Section) -> None:
    assert "you can reopen it" in at_desk.get(to("section", section)).text
    archived = at_desk.post(to("section-archive", section), follow=True).text
    assert "is archived. Conversations and results are kept" in archived
    assert "Make a code" not in archived
    assert "is archived" in at_desk.post(to("section-code", section), {"code": "new"}, follow=True).text
    assert "nobody can join it" in at_desk.get(to("section-sheet", section)).text
    assert "into current sections that you teach" in at_desk.post(to("section-sheet", section), follow=True).text
    assert "is open again" in at_desk.post(to("section-reopen", section), follow=True).text


def test_the_sheet_has_the_code_the_address_and_on_request_the_links(
    at_desk: Client, teacher: User, section: Section, settings: Any
) -> None:
    assert "Joining by code is off" in at_desk.get(to("section-sheet", section)).text
    at_desk.post(to("section-code", section), {"code": "new"})
    section.refresh_from_db()
    services.invite(by=teacher, email="new@example.com", role="student", section=section)
    before = Invitation.objects.get().fingerprint
    sheet = at_desk.get(to("section-sheet", section)).text
    assert section.written_code in sheet
    assert f"{settings.SITE_URL}/join/" in sheet
    assert Invitation.objects.get().fingerprint == before
    printed = at_desk.post(to("section-sheet", section))
    assert "/accounts/invitations/accept/" in printed.text
    assert "no-store" in printed.headers["Cache-Control"]
    assert Invitation.objects.get().fingerprint != before
    at_desk.post(to("section-code", section), {"code": "off"})
    section.refresh_from_db()
    assert section.join_code == ""


def test_the_invitation_of_a_section_is_filled_in_already(at_desk: Client, teacher: User, section: Section) -> None:
    services.create_section(by=teacher, name="Another")
    page = at_desk.get(f"/accounts/invitations/new/?section={section.pk}").text
    assert f'<option value="{section.pk}" selected>' in page


def test_a_student_joins_on_a_page_that_says_plainly_what_went_wrong(
    client: Client, teacher: User, section: Section, other_student: User
) -> None:
    code = services.renew_code(by=teacher, section=section)
    client.force_login(other_student)
    assert "You are in no section yet" in client.get("/join/").text
    assert "Enter the code that your teacher gave you." in client.post("/join/", {"code": ""}).text
    wrong = client.post("/join/", {"code": "BBBB-BBBB"})
    assert "No section has this code now" in wrong.text
    assert 'value="BBBB-BBBB"' in wrong.text
    done = client.post("/join/", {"code": code.lower()}, follow=True).text
    assert "You are in SW 101 Interviewing." in done
    assert "with Teacher" in done


def test_too_many_wrong_codes_are_answered_with_the_time_to_wait(
    client: Client, other_student: User, section: Section
) -> None:
    RateLimit.objects.update_or_create(name=RateLimit.Name.SIGN_INS_PER_ACCOUNT, defaults={"count": 2, "seconds": 300})
    limits.forget()
    client.force_login(other_student)
    assert [client.post("/join/", {"code": "BBBBBBBB"}).status_code for _try in range(3)] == [200, 200, 429]
    refused = client.post("/join/", {"code": "BBBBBBBB"})
    assert int(refused.headers["Retry-After"]) > 200
    assert "There were too many wrong codes. You can try again in" in refused.text


def test_a_students_own_sections_come_in_pages_within_few_queries(
    client: Client, teacher: User, student: User, section: Section, django_assert_max_num_queries: Any
) -> None:
    for number in range(30):
        services.enrol(by=teacher, section=services.create_section(by=teacher, name=f"G{number:02}"), student=student)
    client.force_login(student)
    with django_assert_max_num_queries(12):
        page = client.get("/join/").text
    assert "Page 1 of 2" in page
    services.archive_section(by=teacher, section=section)
    assert "Interviewing" not in client.get("/join/").text


def test_outsiders_find_nothing_under_a_sections_address(
    client: Client, section: Section, other_teacher: User, student: User
) -> None:
    for user in (other_teacher, student):
        client.force_login(user)
        for name in ("section", "section-edit", "section-sheet"):
            assert client.get(to(name, section)).status_code == 404
        for name in ("section-archive", "section-reopen", "section-code", "section-sheet", "section-teacher-add"):
            assert client.post(to(name, section)).status_code == 404
    section.refresh_from_db()
    assert (section.archived_at, section.join_code) == (None, "")
