"""Personas in the administration: added as data, checked as a whole, and looked at as a model gets them."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from accounts.models import Section, User
from clients import tutors
from clients.models import PersonaText, TutorPreference
from clients.personas import Learner, built_in, built_in_text, compose
from clients.tests.pages import body, signed_in

pytestmark = pytest.mark.django_db

LIST = "/admin/clients/personatext/"
PROMPT = f"{LIST}prompt/"
SCHOLAR = built_in_text("expert-scholar")
OWN = SCHOLAR.replace('title = "Expert scholar"', 'title = "Exam coach"')


@pytest.fixture
def browser(caretaker: User) -> Client:
    """Signed in as an operator."""
    return signed_in(caretaker)


def add(browser: Client, **fields: Any) -> Any:
    return browser.post(f"{LIST}add/", {"key": "exam-coach", "text": OWN, "is_active": "on", **fields}, follow=True)


def test_an_admin_adds_a_persona_as_text_and_students_can_choose_it(
    browser: Client, caretaker: User, student: User, section: Section
) -> None:
    # As a browser sends it.
    answer = add(browser, text=OWN.replace("\n", "\r\n"))
    assert "It is offered within a second" in body(answer)
    row = PersonaText.objects.get()
    assert (row.changed_by, row.text, str(row)) == (caretaker, OWN.strip(), "exam-coach")
    tutors.forget()
    assert "exam-coach" in [persona.key for persona in tutors.allowed_to(student)]
    assert LogEntry.objects.get().user == caretaker


def test_one_that_is_not_active_is_kept_and_offered_to_nobody(browser: Client) -> None:
    answer = add(browser, is_active="")
    assert "It is offered" not in body(answer)
    tutors.forget()
    assert list(tutors.personas_now()) == list(built_in())


def test_each_problem_is_told_at_the_text_with_its_part_and_nothing_typed_is_lost(browser: Client) -> None:
    broken = OWN.replace("## Guardrails", "## Rules").replace("{subject}", "{topic}")
    page = body(add(browser, text=broken))
    for words in ("The part “## Guardrails” is missing or empty.", "There is no part “## Rules”.", "“{topic}” is no"):
        assert words in page
    assert "&lt;subject&gt;{topic}&lt;/subject&gt;" in page
    assert not PersonaText.objects.exists()
    assert body(add(browser, text="")).count("This field is required.") == 1
    assert "Begin with the front matter" in body(add(browser, text="A tutor who sings."))


def test_a_new_one_can_begin_with_the_text_of_one_of_the_portals(browser: Client) -> None:
    page = body(browser.get(f"{LIST}add/"))
    assert 'href="?from=expert-scholar"' in page
    assert "guiding-challenger, encouraging-coach" in page
    assert "title = &quot;Expert scholar&quot;" in body(browser.get(f"{LIST}add/", {"from": "expert-scholar"}))
    assert "title = " not in body(browser.get(f"{LIST}add/", {"from": "../global"}))


def test_a_persona_is_edited_under_its_key_by_whoever_edits_it_and_never_deleted(
    browser: Client, operator: User
) -> None:
    add(browser)
    page = f"{LIST}{PersonaText.objects.get().pk}/change/"
    changed = {"key": "other", "text": OWN.replace("Exam coach", "Essay coach"), "is_active": "on"}
    assert signed_in(operator).post(page, changed).status_code == 302
    row = PersonaText.objects.get()
    assert (row.key, row.persona().title, row.changed_by) == ("exam-coach", "Essay coach", operator)
    assert browser.post(page.replace("change", "delete"), {"post": "yes"}).status_code == 403
    assert "There is a persona with this key" in body(add(browser))
    assert f"prompt/?persona={row.pk}" in body(browser.get(page))


def test_the_list_names_each_persona_and_says_which_cannot_be_read(browser: Client, operator: User) -> None:
    add(browser)
    PersonaText.objects.create(key="old", text="+++", changed_by=operator)
    page = body(browser.get(LIST))
    assert "Exam coach" in page
    assert "It cannot be read" in page
    assert "1 tutor persona" in body(browser.get(LIST, {"q": "old"}))


def test_the_prompt_is_shown_as_a_model_gets_it_for_any_persona_and_choices(browser: Client, auditor: User) -> None:
    assert browser.get(PROMPT).context["prompt"] == compose(
        built_in()["guiding-challenger"], Learner("first interviews", "beginner", "en")
    )
    add(browser, is_active="")
    row = PersonaText.objects.get()
    choices = {"persona": str(row.pk), "subject": "grief", "learner_level": "expert", "language": "ja"}
    answer = browser.get(PROMPT, choices)
    assert answer.context["prompt"] == compose(row.persona(), Learner("grief", "expert", "ja"))
    assert "&lt;subject&gt;grief&lt;/subject&gt;" in body(answer)
    assert "Exam coach (exam-coach)" in body(answer)
    assert browser.get(PROMPT).context["prompt"].count("Exam coach")
    assert signed_in(auditor).get(PROMPT, choices).context["prompt"] == answer.context["prompt"]


def test_the_prompt_of_wrong_choices_or_of_a_broken_text_says_what_is_wrong(browser: Client, operator: User) -> None:
    page = browser.get(PROMPT, {"subject": "a<b", "persona": "dragon"})
    assert "Write it without &lt; &gt; { }." in body(page)
    assert page.context["prompt"] == ""
    row = PersonaText.objects.create(key="old", text="+++", changed_by=operator)
    page = browser.get(PROMPT, {"persona": str(row.pk)})
    assert "Begin with the front matter" in body(page)
    assert "This text is no persona" in body(page)


def test_what_a_student_wants_to_learn_is_not_shown_to_who_looks_at_choices(
    operator: User, student: User, section: Section
) -> None:
    kept = tutors.prefer(by=student, persona="expert-scholar", learner=Learner("leaving home", "beginner", "en"))
    base = "/admin/clients/tutorpreference/"
    for page in (base, f"{base}{kept.pk}/change/"):
        text = body(signed_in(operator).get(page))
        assert "expert-scholar" in text
        assert "leaving home" not in text
    assert str(TutorPreference.objects.get()) == "Student · expert-scholar"


def test_who_looks_after_the_school_sees_what_sections_allow(operator: User, teacher: User, section: Section) -> None:
    base = "/admin/clients/sectionpersonas/"
    tutors.allow(by=teacher, section=section, keys=["expert-scholar", "creative-mentor"])
    assert "creative-mentor, expert-scholar" in body(signed_in(operator).get(base, {"q": "SW 101"}))
    tutors.allow(by=teacher, section=section, keys=[])
    assert "none" in body(signed_in(operator).get(base))
    assert str(section.personas) == str(section)
