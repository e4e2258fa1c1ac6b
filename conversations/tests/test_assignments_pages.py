"""Pages of assignments for staff: forms that lose nothing, summaries before publication, tables that stay fast."""

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Enrolment, Section, SectionTeacher, User
from clients.models import ClientProfile
from conftest import make_client, make_user
from conversations import assignments, rubrics
from conversations.models import Assignment, AssignmentException, Rubric
from conversations.tests.assigned import hand_in, set_work
from conversations.tests.pages import HTMX, signed_in, words
from conversations.tests.rubrics import WHOLE_MARKS, listening

pytestmark = pytest.mark.django_db

DAY = dt.timedelta(days=1)


def sent(
    section: Section | None, /, *clients: ClientProfile, rubric: Rubric | None = None, **fields: Any
) -> dict[str, Any]:
    """The form as a browser sends it."""
    data: dict[str, Any] = {
        "title": "First talk", "instructions": "Listen.", "grading": "graded", "late_rule": "mark",
        "late_percent": "10", "counted": "best", "feedback": "end", "revision": 0, "new_client": "",
        "clients-TOTAL_FORMS": len(clients), "clients-INITIAL_FORMS": len(clients),
    }  # fmt: skip
    for place, client in enumerate(clients):
        data |= {
            f"clients-{place}-client": client.pk,
            f"clients-{place}-rubric": rubric.pk if rubric else "",
            f"clients-{place}-min_exchanges": 2 + place,
        }
    return data | ({"section": section.pk} if section else {}) | fields


def test_a_teacher_writes_a_draft_with_clients_and_publishes_it_after_a_summary(
    teacher: User, section: Section, client_profile: ClientProfile, second: ClientProfile, rubric: Rubric
) -> None:
    browser = signed_in(teacher)
    assert f'value="{section.pk}" selected' in words(browser.get(f"/assignments/new/?section={section.pk}"))
    answer = browser.post(
        "/assignments/new/", sent(section, second, client_profile, rubric=rubric, due_at="2099-05-04T17:00")
    )
    made = Assignment.objects.get()
    assert answer["Location"] == f"/assignments/{made.pk}/"
    tasks = [(task.client, task.rubric, task.min_exchanges) for task in made.clients.select_related("client", "rubric")]
    assert tasks == [(second, rubric, 2), (client_profile, rubric, 3)]
    assert "Nobody sees it yet" in words(browser.get(f"/assignments/{made.pk}/"))
    summary = words(browser.get(f"/assignments/{made.pk}/publish/"))
    assert "1 student of SW 101 Interviewing sees it and is told." in summary
    assert "at least 3 exchanges" in summary
    assert not Assignment.objects.published().exists()
    browser.post(f"/assignments/{made.pk}/publish/")
    assert Assignment.objects.published().get() == made


def test_dates_are_typed_and_shown_in_the_teachers_time_zone(
    teacher: User, section: Section, client_profile: ClientProfile
) -> None:
    teacher.time_zone = "America/New_York"
    teacher.save()
    browser = signed_in(teacher)
    browser.post("/assignments/new/", sent(section, client_profile, due_at="2026-07-01T17:00"))
    made = Assignment.objects.get()
    assert made.due_at == dt.datetime(2026, 7, 1, 21, tzinfo=dt.UTC)
    page = words(browser.get(f"/assignments/{made.pk}/edit/"))
    assert 'value="2026-07-01T17:00"' in page
    assert "your time zone, America/New York" in page


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"title": ""}, "#id_title"),
    ({"title": "x" * 151}, "150"),
    ({"section": ""}, "#id_section"),
    ({"opens_at": "2026-07-02T10:00", "due_at": "2026-07-01T10:00"}, "The due date must be after the day"),
    ({"due_at": "tomorrow"}, "Enter a day and a time"),
    ({"due_at": "9999-12-31T23:59"}, "Choose a year between 2000 and 2100."),
    ({"due_at": "2026-03-29T02:30"}, "The clocks change in this hour."),
    ({"opens_at": "2026-10-25T02:30"}, "The clocks change in this hour."),
    ({"late_rule": "deduct", "late_percent": "", "due_at": "2026-07-01T10:00"}, "Say how many percent"),
    ({"late_rule": "refuse"}, "This rule for late work needs a due date."),
    ({"max_attempts": "0"}, "This is a whole number from 1 to 100."),
    ({"time_limit_minutes": "half an hour"}, "This is a whole number from 1 to 1440."),
    ({"clients-0-min_exchanges": "-1"}, "This is a whole number from 0 to 500."),
    ({"clients-0-client": "nobody"}, "This client cannot be used any more."),
    ({"clients-0-rubric": "3b0bd8f5-3a2b-4c64-a2b8-0c7c9d9a5f3e"}, "Select a valid choice."),
]


def test_what_cannot_be_is_named_and_nothing_typed_is_lost(
    teacher: User, section: Section, client_profile: ClientProfile
) -> None:
    teacher.time_zone = "Europe/Madrid"
    teacher.save()
    browser = signed_in(teacher)
    for wrong, said in WRONG:
        page = words(browser.post("/assignments/new/", sent(section, client_profile, **wrong)))
        assert said in page, wrong
        assert "Nothing you typed is lost." in page, wrong
        assert "Listen." in page
    assert not Assignment.objects.exists()


def test_clients_are_added_removed_and_moved_without_scripts_and_without_saving(
    teacher: User, section: Section, client_profile: ClientProfile, second: ClientProfile, rubric: Rubric
) -> None:
    browser = signed_in(teacher)

    def names(**button: Any) -> list[str]:
        form = sent(section, client_profile, second, rubric=rubric, in_order="on", **button)
        page = browser.post("/assignments/new/", form)
        assert page.context["form"]["title"].value() == "First talk"
        assert "could not be saved" not in words(page)
        return [row.profile.name for row in page.context["clients"]]

    third = make_client(teacher, "Tom")
    assert names(add="yes", new_client=third.pk) == ["Maria Delgado", "Robert Hale", "Tom"]
    assert names(add="yes", new_client=second.pk) == ["Maria Delgado", "Robert Hale"]
    assert names(add="yes") == ["Maria Delgado", "Robert Hale"]
    assert names(up="1") == ["Robert Hale", "Maria Delgado"]
    assert names(remove="0") == ["Robert Hale"]
    assert not Assignment.objects.exists()


def test_another_teachers_private_client_or_rubric_cannot_be_smuggled_in(
    teacher: User, other_teacher: User, section: Section, client_profile: ClientProfile
) -> None:
    private = make_client(other_teacher, "Somebody Else")
    hidden = rubrics.create_rubric(by=other_teacher, value=listening(name="Hidden"))
    browser = signed_in(teacher)
    page = words(browser.post("/assignments/new/", sent(section, private)))
    assert "This client cannot be used any more." in page
    assert "Somebody Else" not in page
    page = words(browser.post("/assignments/new/", sent(section, client_profile, rubric=hidden)))
    assert "Select a valid choice." in page
    assert not Assignment.objects.exists()


def test_a_stale_edit_is_kept_on_the_page_and_saved_the_second_time(
    teacher: User, section: Section, client_profile: ClientProfile, second: ClientProfile
) -> None:
    work = set_work(teacher, section, client_profile)
    browser, path = signed_in(teacher), f"/assignments/{work.pk}/edit/"
    browser.post(path, sent(None, client_profile, title="Theirs", revision=work.revision))
    page = browser.post(path, sent(None, client_profile, title="Mine", revision=work.revision))
    assert "Someone else changed this assignment" in words(page)
    assert 'value="Mine"' in words(page)
    assert Assignment.objects.get().title == "Theirs"
    again = sent(None, client_profile, title="Mine", revision=page.context["form"]["revision"].value())
    assert browser.post(path, again).status_code == 302
    assert Assignment.objects.get().title == "Mine"


def test_a_colleague_edits_work_whose_client_and_rubric_they_do_not_see(
    teacher: User, other_teacher: User, section: Section, second: ClientProfile, rubric: Rubric
) -> None:
    work = set_work(teacher, section, second, rubric=rubric)
    SectionTeacher.objects.create(section=section, teacher=other_teacher)
    rubrics.archive_rubric(by=teacher, rubric=rubric)
    form = sent(None, second, rubric=rubric, title="New title", revision=work.revision)
    assert signed_in(other_teacher).post(f"/assignments/{work.pk}/edit/", form).status_code == 302
    task = Assignment.objects.get(title="New title").clients.get()
    assert (task.client, task.rubric) == (second, rubric)


def test_what_loses_something_asks_first_and_begun_work_is_neither_deleted_nor_taken_back(
    teacher: User, student: User, section: Section, client_profile: ClientProfile
) -> None:
    browser = signed_in(teacher)
    draft, work = (set_work(teacher, section, client_profile, title=title) for title in ("Unused", "Used"))
    for act in ("unpublish", "archive", "delete"):
        assert "Cancel" in words(browser.get(f"/assignments/{draft.pk}/{act}/"))
    assert Assignment.objects.published().count() == 2
    browser.post(f"/assignments/{draft.pk}/delete/")
    hand_in(student, work)
    for act in ("unpublish", "delete"):
        browser.post(f"/assignments/{work.pk}/{act}/")
        page = words(browser.get(f"/assignments/{work.pk}/"))
        assert "Students have begun this assignment." in page
        assert f"/assignments/{work.pk}/{act}/" not in page
    browser.post(f"/assignments/{work.pk}/archive/")
    assert not Assignment.objects.published().exists()
    browser.post(f"/assignments/{work.pk}/restore/")
    assert Assignment.objects.published().get() == work


def test_a_copy_keeps_the_hour_and_moves_by_the_first_days_or_by_what_is_typed(
    teacher: User, section: Section, client_profile: ClientProfile, rubric: Rubric
) -> None:
    teacher.time_zone = "Europe/Madrid"
    teacher.save()
    Section.objects.filter(pk=section.pk).update(starts_on=dt.date(2026, 9, 1))
    later = Section.objects.create(name="Spring", starts_on=dt.date(2027, 1, 26))
    SectionTeacher.objects.create(section=later, teacher=teacher)
    zone = ZoneInfo("Europe/Madrid")
    summer = dt.datetime(2026, 9, 7, 17, tzinfo=zone)
    work = set_work(teacher, section, client_profile, rubric=rubric, due_at=summer)
    browser = signed_in(teacher)
    for typed, due in (("", "2027-02-01T17:00"), ("7", "2026-09-14T17:00")):
        answer = browser.post(f"/assignments/{work.pk}/copy/", {"section": later.pk, "days": typed})
        copy = Assignment.objects.get(section=later)
        assert answer["Location"] == f"/assignments/{copy.pk}/edit/"
        assert copy.due_at
        assert copy.due_at.astimezone(zone).strftime("%Y-%m-%dT%H:%M") == due
        assert copy.clients.get().rubric == rubric
        assert not copy.is_published
        copy.delete()


def test_the_preview_shows_what_students_see_and_nothing_can_be_pressed(
    teacher: User, section: Section, client_profile: ClientProfile, rubric: Rubric
) -> None:
    work = set_work(teacher, section, client_profile, rubric=rubric, max_attempts=2, instructions="Listen well.")
    page = words(signed_in(teacher).get(f"/assignments/{work.pk}/preview/"))
    assert "This is what students see" in page
    assert "Listen well." in page
    assert "2 attempts left" in page
    assert f"/work/tasks/{work.clients.get().pk}/" not in page


def test_one_student_is_granted_more_and_an_ended_attempt_is_opened_again(
    teacher: User, student: User, section: Section, client_profile: ClientProfile
) -> None:
    work = set_work(teacher, section, client_profile, max_attempts=1, due_at=timezone.now() + DAY)
    attempt = hand_in(student, work)
    browser, path = signed_in(teacher), f"/assignments/{work.pk}/students/{student.pk}/"
    assert "Nothing is granted yet" in words(browser.post(path, {"reason": "ill"}))
    early = timezone.localtime(timezone.now()).strftime("%Y-%m-%dT%H:%M")
    assert "This is not later than the due date" in words(browser.post(path, {"due_at": early}))
    assert not AssignmentException.objects.exists()
    browser.post(path, {"extra_attempts": "2", "reason": "ill"})
    granted = AssignmentException.objects.get()
    assert (granted.extra_attempts, granted.reason, granted.granted_by) == (2, "ill", teacher)
    assert "exception" in words(browser.get(f"/assignments/{work.pk}/"))
    browser.post(f"{path}withdraw/")
    assert not AssignmentException.objects.exists()
    refused = words(browser.post(f"/attempts/{attempt.pk}/reopen/", {"minutes": "0"}, follow=True))
    assert "whole number from 1 to 1440" in refused
    browser.post(f"/attempts/{attempt.pk}/reopen/", {"minutes": "15"})
    attempt.session.refresh_from_db()
    assert attempt.session.is_open
    assert attempt.session.deadline_at
    assert "In progress" in words(browser.get(path))


def test_staff_see_where_each_student_stands_late_work_and_drafts_of_scores(
    teacher: User, student: User, section: Section, client_profile: ClientProfile, rubric: Rubric
) -> None:
    work = set_work(
        teacher, section, client_profile, rubric=rubric, late_rule="deduct", due_at=timezone.now() - DAY * 1.5
    )
    attempt = hand_in(student, work)
    browser = signed_in(teacher)
    page = words(browser.get(f"/assignments/{work.pk}/"))
    assert "2 days late" in page
    assert f"/sessions/{attempt.session_id}/scoring/" in page
    scoring = rubrics.score(by=teacher, session=attempt.session, marks=WHOLE_MARKS, rubric=rubric)
    assert scoring.latest
    assert scoring.latest.total
    kept = scoring.latest.total.percent * 8 / 10
    page = words(browser.get(f"/assignments/{work.pk}/"))
    assert f'{kept:.1f} % <span class="faint">(draft)' in page
    rubrics.release(by=teacher, session=attempt.session, number=1)
    page = words(browser.get(f"/assignments/{work.pk}/"))
    assert f"{kept:.1f} %" in page
    assert "(draft)" not in page


@pytest.mark.usefixtures("still")
def test_lists_and_tables_cost_the_same_queries_for_few_rows_and_for_many(
    teacher: User, student: User, section: Section, client_profile: ClientProfile, second: ClientProfile, rubric: Rubric
) -> None:
    work = set_work(teacher, section, client_profile, second, rubric=rubric, due_at=timezone.now() + DAY)
    hand_in(student, work)
    browser = signed_in(teacher)
    paths = ["/assignments/", f"/assignments/{work.pk}/", f"/assignments/{work.pk}/edit/"]

    def counts() -> list[int]:
        found = []
        for path in paths:
            with CaptureQueriesContext(
                connection,
            ) as queries:
                assert browser.get(path).status_code == 200
            found.append(len(queries))
        return found

    counts()  # what a process keeps for a while is read
    few = counts()
    for number in range(6):
        other = make_user(f"student-{number}", User.Role.STUDENT)
        Enrolment.objects.create(section=section, student=other)
        set_work(teacher, section, client_profile, title=f"Work {number}")
        hand_in(other, work)
    assert counts() == few
    assert max(few) <= 12, few


def test_the_list_has_tabs_and_finds_by_words_and_section(
    teacher: User, section: Section, client_profile: ClientProfile
) -> None:
    set_work(teacher, section, client_profile, title="Opening talk")
    set_work(teacher, section, client_profile, title="Old talk", due_at=timezone.now() - DAY)
    assignments.create_assignment(by=teacher, section=section, value=assignments.AssignmentValue("Half written"))
    browser = signed_in(teacher)
    for tab, title in (("current", "Opening talk"), ("past", "Old talk"), ("drafts", "Half written")):
        page = words(browser.get(f"/assignments/?tab={tab}"))
        assert [one for one in ("Opening talk", "Old talk", "Half written") if one in page] == [title]
    assert "Nothing archived" in words(browser.get("/assignments/?tab=archived"))
    part = browser.get(f"/assignments/?q=opening&section={section.pk}", headers=HTMX)
    assert "Opening talk" in words(part)
    assert "<html" not in words(part)
    assert "No assignment fits" in words(browser.get("/assignments/?q=zzz&section=broken"))
