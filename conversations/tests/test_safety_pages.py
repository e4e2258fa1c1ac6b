"""Pages about distress: alerts before staff, and what the student sees of what was set aside."""

from typing import Any

import pytest
from django.utils import timezone

from accounts.models import School, Section, User
from clients.models import ClientProfile
from conversations import safety, sessions, wall
from conversations.models import Rubric, SafetyAlert, Session, TranscriptReading, Turn
from conversations.tests.distress import DANGER, DISTRESS, STRAIN, alert_of, say, told
from conversations.tests.pages import HTMX, begin, signed_in, words
from conversations.views.teaching import sections_of
from conversations.wall import Sight
from monitoring import audit

pytestmark = pytest.mark.django_db


@pytest.fixture
def talk(student: User, client_profile: ClientProfile) -> Session:
    """The student's conversation."""
    return begin(student, client_profile)


# --- The pages of staff -----------------------------------------------------------------------------------------------


def test_a_teacher_reads_the_alert_says_what_they_do_and_a_second_one_hears_who_was_first(
    talk: Session, teacher: User, colleague: User
) -> None:
    alert = alert_of(talk)
    path = f"/safety/alerts/{alert.pk}/"
    page = words(signed_in(teacher).get(path))
    for text in (DISTRESS, "In distress", "Teacher", "Colleague", f"/transcript/#message-{alert.message_id}"):
        assert text in page
    reading = TranscriptReading.objects.get(reader=teacher)
    assert (reading.session, reading.how) == (talk, "safety")
    assert words(signed_in(teacher).post(path, {"comment": "I called her."}, follow=True)).count("I called her.") == 1
    late = words(signed_in(colleague).post(path, {"comment": "Me too."}, follow=True))
    assert "Teacher has acknowledged this already." in late
    alert.refresh_from_db()
    assert (alert.acknowledged_by, alert.comment) == (teacher, "I called her.")


def test_alerts_of_one_conversation_are_acknowledged_together_unless_unticked(talk: Session, teacher: User) -> None:
    first, second, third = (alert_of(talk) for _number in range(3))
    browser = signed_in(teacher)
    page = words(browser.get(f"/safety/alerts/{first.pk}/"))
    assert "Also the 2 other open alerts of this conversation" in page
    assert 'href="mailto:student@' in page
    browser.post(f"/safety/alerts/{first.pk}/", {"comment": "I called her."})
    assert set(SafetyAlert.objects.waiting()) == {second, third}
    browser.post(f"/safety/alerts/{second.pk}/", {"comment": "And again.", "others": "on"})
    assert not SafetyAlert.objects.waiting().exists()
    assert set(SafetyAlert.objects.values_list("comment", flat=True)) == {"I called her.", "And again."}


def test_the_front_page_of_the_administration_says_how_many_wait(talk: Session, operator: User, teacher: User) -> None:
    alert, browser = alert_of(talk), signed_in(operator)
    assert "1 safety alert waits" in words(browser.get("/admin/"))
    safety.acknowledge(by=teacher, alert=alert)
    assert "safety alert" not in words(browser.get("/admin/"))


def test_the_scoring_page_folds_what_was_set_aside(talk: Session, teacher: User, rubric: Rubric) -> None:
    alert = alert_of(talk)
    sessions.end(by=talk.student, session=talk)
    page = words(signed_in(teacher).get(f"/sessions/{talk.pk}/scoring/?rubric={rubric.pk}"))
    assert DISTRESS not in page
    assert "1 message was not part of the practice" in page
    assert f"/safety/alerts/{alert.pk}/" in page


def test_alerts_are_for_those_who_teach_the_student(talk: Session, student: User, other_teacher: User) -> None:
    alert = alert_of(talk)
    for outsider in (student, other_teacher):
        assert signed_in(outsider).get(f"/safety/alerts/{alert.pk}/").status_code == 404
        with pytest.raises(safety.SafetyRuleError):
            safety.acknowledge(by=outsider, alert=alert)
    assert "Student" not in words(signed_in(other_teacher).get("/safety/alerts/"))


def test_the_list_shows_what_waits_by_tier_and_what_was_acknowledged(
    talk: Session, teacher: User, django_assert_max_num_queries: Any
) -> None:
    done, waiting = alert_of(talk), alert_of(talk, STRAIN)
    safety.acknowledge(by=teacher, alert=done)
    browser = signed_in(teacher)
    with django_assert_max_num_queries(12):
        page = words(browser.get("/safety/alerts/"))
    assert f"/safety/alerts/{waiting.pk}/" in page
    assert f"/safety/alerts/{done.pk}/" not in page
    assert f"/safety/alerts/{done.pk}/" in words(browser.get("/safety/alerts/?tab=acknowledged"))
    assert "No alert of this kind" in words(browser.get("/safety/alerts/?tier=3", headers=HTMX))


def test_it_stands_on_the_teachers_home_and_first_on_the_wall_until_somebody_sees_to_it(
    talk: Session, teacher: User, section: Section
) -> None:
    alert = alert_of(talk)
    sight = Sight(teacher, section, None, timezone.now())
    assert "May need help" in words(signed_in(teacher).get("/teaching/"))
    assert [tile.alerted for tile in wall.look(sight).tiles] == [True]
    sessions.end(by=talk.student, session=talk)
    seen = wall.look(sight)
    assert ([tile.alerted for tile in seen.tiles], seen.attention) == ([True], 1)
    mark = wall.mark_of(sight)
    safety.acknowledge(by=teacher, alert=alert)
    assert "May need help" not in words(signed_in(teacher).get("/teaching/"))
    assert wall.mark_of(sight) != mark
    assert [tile.alerted for tile in wall.look(sight).tiles] == [False]
    assert sections_of(teacher).count() == 1


# --- What the student sees --------------------------------------------------------------------------------------------


def test_chat_transcript_and_export_say_who_sees_a_message_that_was_set_aside(
    talk: Session, student: User, teacher: User
) -> None:
    say(talk, DISTRESS)
    browser = signed_in(student)
    own = "Only you, your teachers and the people who run this portal see this. Maria Delgado did not hear it."
    assert words(browser.get(f"/sessions/{talk.pk}/")).count(own) == 2  # beside the message, and for the script
    assert own in words(browser.get(f"/sessions/{talk.pk}/transcript/"))
    text = words(browser.get(f"/sessions/{talk.pk}/transcript.txt"))
    assert "(only the student, their teachers and the people who run this portal see this" in text
    assert "Only Student, their teachers and the people who run this portal see this." in words(
        signed_in(teacher).get(f"/sessions/{talk.pk}/transcript/")
    )


def test_a_button_tells_the_teachers_once_until_one_has_acknowledged_it(
    talk: Session, student: User, teacher: User
) -> None:
    browser, path = signed_in(student), f"/sessions/{talk.pk}/"
    assert "They are told that you need help." in words(browser.post(f"{path}help/", follow=True))
    assert "They know already that you need help." in words(browser.post(f"{path}help/", follow=True))
    alert = SafetyAlert.objects.get()
    assert (alert.tier, alert.message.status) == (2, "aside")
    assert told() == {teacher.email}
    talk.refresh_from_db()
    assert (talk.status, talk.last_sequence, Turn.objects.count()) == ("active", 2, 0)
    safety.acknowledge(by=teacher, alert=alert)
    browser.post(f"{path}help/")
    assert SafetyAlert.objects.count() == 2
    assert not dict(audit.run())["acknowledged messages"].breaches
    sessions.end(by=student, session=talk)
    with pytest.raises(safety.SafetyRuleError):
        safety.ask_for_help(by=student, session=talk)
    assert SafetyAlert.objects.count() == 2


def test_the_page_after_danger_says_that_it_was_paused_and_the_one_after_the_end_begins_with_help(
    talk: Session, student: User
) -> None:
    say(talk, DANGER)
    browser = signed_in(student)
    page = words(browser.get(f"/sessions/{talk.pk}/"))
    assert "The conversation is paused for you." in page
    assert "You are taking a moment." not in page
    sessions.end(by=student, session=talk)
    Session.objects.filter(pk=talk.pk).update(exchanges=1)
    page = words(browser.get(f"/sessions/{talk.pk}/ended/"))
    assert page.index("local emergency number") < page.index("Look back, if you want to") < page.index("What next")


def test_the_way_out_stands_in_every_chat_also_while_it_rests(talk: Session, student: User, school: School) -> None:
    school.help_contacts = "Counselling: 555 0100"
    school.save()
    browser = signed_in(student)
    for path in (f"/sessions/{talk.pk}/", "/help-now/"):
        page = words(browser.get(path))
        assert "Counselling: 555 0100" in page
        assert "local emergency number" in page
    browser.post(f"/sessions/{talk.pk}/pause/")
    page = words(browser.get(f"/sessions/{talk.pk}/"))
    assert "I need help" in page.partition("composer-foot")[2]
    browser.post(f"/sessions/{talk.pk}/end/", {"sure": "yes"})
    talk.refresh_from_db()
    assert talk.status == "completed"


def test_what_happens_is_written_down_for_everybody(student: User, teacher: User) -> None:
    for person in (student, teacher):
        assert "After 15 minutes" in words(signed_in(person).get("/safety/"))
    assert 'href="/safety/"' in words(signed_in(student).get("/notice/"))
