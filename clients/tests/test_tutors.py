"""Tutors: which there are, which of them a section allows, and which one a person prefers."""

import itertools
import logging
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.urls import reverse
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import DjangoAssertNumQueries

from accounts.models import Enrolment, Section, SectionTeacher, User
from clients import tutors
from clients.models import PersonaText, SectionPersonas, TutorPreference
from clients.models.persona import ACTIVE_MAX
from clients.personas import LANGUAGES, LEVELS, Learner, LearnerError, built_in, built_in_text
from clients.services import NotYoursError
from clients.tests.pages import body, signed_in
from clients.tutor_forms import PreferenceForm

BUILT_IN = list(built_in())
SCHOLAR = built_in_text("expert-scholar")
LEARNER = Learner("statistics", "beginner", "en")
PREFERENCE, TOLD = "/tutors/preference/", "/tutors/preference/told/"
SENT = {"persona": "expert-scholar", **LEARNER.to_json()}


def write(by: User, key: str, text: str = SCHOLAR, **fields: Any) -> PersonaText:
    """A row that passed its checks; personas are read anew."""
    row = PersonaText(key=key, text=text, changed_by=by, **fields)
    row.full_clean()
    row.save()
    tutors.forget()
    return row


def own(title: str, order: int = 4) -> str:
    """The text of a persona with this title and place."""
    return SCHOLAR.replace('title = "Expert scholar"', f'title = "{title}"').replace("order = 4", f"order = {order}")


def keys_for(user: User) -> list[str]:
    return [persona.key for persona in tutors.allowed_to(user)]


# --- Which there are --------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_the_portals_personas_are_offered_in_their_order_and_rows_among_them(operator: User) -> None:
    assert list(tutors.personas_now()) == BUILT_IN
    write(operator, "exam-coach", own("Exam coach", order=2))
    write(operator, "first-of-all", own("First of all", order=0))
    assert list(tutors.personas_now()) == [
        "first-of-all", "guiding-challenger", "encouraging-coach", "exam-coach", "friendly-conversationalist",
        "expert-scholar", "creative-mentor",
    ]  # fmt: skip


@pytest.mark.django_db
def test_a_row_stands_in_for_the_portals_persona_of_its_key_while_it_is_active(operator: User) -> None:
    row = write(operator, "expert-scholar", own("Our scholar"))
    assert tutors.personas_now()["expert-scholar"].title == "Our scholar"
    assert len(tutors.personas_now()) == len(BUILT_IN)
    row.is_active = False
    row.save()
    tutors.forget()
    assert tutors.personas_now()["expert-scholar"].title == "Expert scholar"


@pytest.mark.django_db
def test_a_text_that_can_no_longer_be_read_takes_no_other_persona_away(
    operator: User, caplog: pytest.LogCaptureFixture
) -> None:
    for key in ("expert-scholar", "exam-coach"):
        PersonaText.objects.create(key=key, text="+++\n", changed_by=operator)
    with caplog.at_level(logging.WARNING):
        assert list(tutors.personas_now()) == BUILT_IN
    assert "exam-coach" in caplog.text


@pytest.mark.django_db
def test_personas_are_read_once_a_second(still: None, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(1):
        tutors.personas_now()
        tutors.personas_now()


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["Exam-Coach", "exam coach", "exam--coach", "-exam", "exam\n", "prüfung", ""])
def test_a_key_is_small_letters_and_digits_with_hyphens(operator: User, key: str) -> None:
    with pytest.raises(ValidationError) as refused:
        write(operator, key)
    assert set(refused.value.message_dict) == {"key"}


@pytest.mark.django_db
def test_no_more_personas_are_active_than_fit_on_one_page(operator: User) -> None:
    PersonaText.objects.bulk_create(
        PersonaText(key=f"p-{number}", text=SCHOLAR, changed_by=operator) for number in range(ACTIVE_MAX)
    )
    with pytest.raises(ValidationError) as refused:
        write(operator, "one-more")
    assert refused.value.message_dict == {"is_active": ["At most 50 personas can be active."]}
    write(operator, "one-more", is_active=False)
    PersonaText.objects.get(key="p-0").full_clean()


# --- What a section allows --------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_until_its_teachers_choose_a_section_allows_all_personas_also_new_ones(
    operator: User, student: User, section: Section
) -> None:
    assert keys_for(student) == BUILT_IN
    write(operator, "exam-coach", own("Exam coach", order=9))
    assert keys_for(student) == [*BUILT_IN, "exam-coach"]


@pytest.mark.django_db
def test_a_student_may_choose_exactly_what_the_teachers_chose(teacher: User, student: User, section: Section) -> None:
    for number in range(len(BUILT_IN)):
        for chosen in itertools.combinations(BUILT_IN, number):
            tutors.allow(by=teacher, section=section, keys=reversed(chosen))
            assert keys_for(student) == [persona.key for persona in tutors.allowed_in(section)] == list(chosen)
            assert keys_for(teacher) == BUILT_IN


@pytest.mark.django_db
def test_a_choice_of_some_leaves_out_what_is_added_later_and_a_choice_of_all_does_not(
    operator: User, teacher: User, student: User, section: Section
) -> None:
    tutors.allow(by=teacher, section=section, keys=["expert-scholar"])
    write(operator, "exam-coach", own("Exam coach", order=9))
    assert keys_for(student) == ["expert-scholar"]
    tutors.allow(by=teacher, section=section, keys=[*BUILT_IN, "exam-coach"])
    assert not SectionPersonas.objects.exists()
    write(operator, "essay-coach", own("Essay coach", order=10))
    assert keys_for(student) == [*BUILT_IN, "exam-coach", "essay-coach"]


@pytest.mark.django_db
def test_one_section_that_allows_a_persona_is_enough_and_past_sections_allow_nothing(
    teacher: User, student: User, section: Section
) -> None:
    tutors.allow(by=teacher, section=section, keys=["expert-scholar"])
    other = Section.objects.create(name="Spanish")
    SectionTeacher.objects.create(section=other, teacher=teacher)
    place = Enrolment.objects.create(section=other, student=student)
    tutors.allow(by=teacher, section=other, keys=["creative-mentor"])
    assert keys_for(student) == ["expert-scholar", "creative-mentor"]
    place.removed_at = timezone.now()
    place.save()
    assert keys_for(student) == ["expert-scholar"]
    Section.objects.filter(pk=section.pk).update(archived_at=timezone.now())
    assert keys_for(student) == []


@pytest.mark.django_db
def test_who_is_in_no_section_has_no_tutor_and_the_desk_has_none_either(
    other_student: User, caretaker: User, support: User, auditor: User, other_teacher: User, operator: User
) -> None:
    assert [keys_for(user) for user in (other_student, caretaker, support, auditor)] == [[], [], [], []]
    assert keys_for(other_teacher) == keys_for(operator) == BUILT_IN


@pytest.mark.django_db
def test_only_who_teaches_a_section_says_what_it_allows(
    other_teacher: User, student: User, operator: User, section: Section
) -> None:
    for outsider in (other_teacher, student):
        with pytest.raises(NotYoursError):
            tutors.allow(by=outsider, section=section, keys=[])
    tutors.allow(by=operator, section=section, keys=[])
    assert keys_for(student) == []


@pytest.mark.django_db
def test_a_teacher_unticks_a_tutor(teacher: User, student: User, section: Section) -> None:
    browser, address = signed_in(teacher), reverse("section-tutors", args=[section.pk])
    page = body(browser.get(address))
    assert page.count("checked") == len(BUILT_IN)
    assert all(persona.summary in page and persona.title in page for persona in built_in().values())
    answer = browser.post(address, {"allowed": BUILT_IN[1:]}, follow=True)
    assert "may choose the tutors that you ticked" in body(answer)
    assert keys_for(student) == BUILT_IN[1:]
    page = body(browser.get(address))
    assert page.count("checked") == len(BUILT_IN) - 1
    assert "Chosen by Teacher" in page
    assert "have no tutor now" in body(browser.post(address, {}, follow=True))
    assert "one that is added later" in body(browser.post(address, {"allowed": BUILT_IN}, follow=True))


@pytest.mark.django_db
def test_a_tutor_that_is_switched_off_for_a_while_stays_allowed(
    teacher: User, operator: User, student: User, section: Section
) -> None:
    row = write(operator, "exam-coach", own("Exam coach"))
    tutors.allow(by=teacher, section=section, keys=["exam-coach"])
    PersonaText.objects.update(is_active=False)
    tutors.forget()
    tutors.allow(by=teacher, section=section, keys=[BUILT_IN[0]])
    assert keys_for(student) == [BUILT_IN[0]]
    PersonaText.objects.filter(pk=row.pk).update(is_active=True)
    tutors.forget()
    assert set(keys_for(student)) == {BUILT_IN[0], "exam-coach"}


@pytest.mark.django_db
def test_a_choice_stays_when_whoever_made_it_is_gone(teacher: User, section: Section) -> None:
    tutors.allow(by=teacher, section=section, keys=BUILT_IN[:1])
    SectionPersonas.objects.update(chosen_by=None)
    page = body(signed_in(teacher).get(reverse("section-tutors", args=[section.pk])))
    assert "Chosen on " in page
    assert page.count("checked") == 1


@pytest.mark.django_db
def test_a_tutor_that_is_not_there_is_not_allowed_and_what_was_ticked_stays(teacher: User, section: Section) -> None:
    address = reverse("section-tutors", args=[section.pk])
    page = body(signed_in(teacher).post(address, {"allowed": ["expert-scholar", "dragon"]}))
    assert "no longer offered" in page
    assert page.count("checked") == 1
    assert not SectionPersonas.objects.exists()


@pytest.mark.django_db
def test_an_archived_section_has_no_page_for_its_tutors(teacher: User, section: Section) -> None:
    Section.objects.filter(pk=section.pk).update(archived_at=timezone.now())
    assert signed_in(teacher).get(reverse("section-tutors", args=[section.pk])).status_code == 404
    assert "section-tutors" not in body(signed_in(teacher).get(reverse("section", args=[section.pk])))


# --- What a person prefers --------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_student_sees_only_what_the_section_allows_each_with_how_it_talks(
    student: User, teacher: User, section: Section
) -> None:
    tutors.allow(by=teacher, section=section, keys=["expert-scholar", "encouraging-coach"])
    page = body(signed_in(student).get(PREFERENCE))
    for key, persona in built_in().items():
        assert persona.sample
        shown = key in {"expert-scholar", "encouraging-coach"}
        for words in (persona.title, persona.greeting, persona.sample.learner, persona.sample.tutor):
            assert (words in page) is shown


@pytest.mark.django_db
def test_a_preference_is_kept_and_shown_again(student: User, section: Section) -> None:
    browser = signed_in(student)
    answer = browser.post(PREFERENCE, {**SENT, "subject": "  motivational interviewing "}, follow=True)
    assert "Saved. Your tutor is: Expert scholar." in body(answer)
    kept = TutorPreference.objects.get(user=student)
    assert (kept.persona, kept.learner) == ("expert-scholar", Learner("motivational interviewing", "beginner", "en"))
    page = body(browser.get(PREFERENCE))
    assert 'value="motivational interviewing"' in page
    assert page.count("checked") == 1
    browser.post(PREFERENCE, {**SENT, "persona": "creative-mentor"})
    assert TutorPreference.objects.get().persona == "creative-mentor"


@pytest.mark.django_db
def test_what_is_wrong_stands_at_its_field_with_the_limit_and_nothing_typed_is_lost(
    student: User, section: Section
) -> None:
    long = "a" * 81
    page = body(signed_in(student).post(PREFERENCE, {**SENT, "subject": long, "learner_level": "genius"}))
    assert "Write 80 characters at most." in page
    assert long in page
    assert "Choose one of the levels." in page
    assert 'value="expert-scholar"' in page
    assert page.count("checked") == 1
    assert 'href="#id_subject"' in page
    assert not TutorPreference.objects.exists()


@pytest.mark.django_db
def test_a_form_with_nothing_in_it_leads_to_every_field(student: User, section: Section) -> None:
    page = body(signed_in(student).post(PREFERENCE, {}))
    for words in ("Say what it is about.", "one of the levels.", "one of the languages.", "one of these tutors."):
        assert words in page
    assert 'href="#id_persona_0"' in page
    assert 'id="id_persona_0"' in page


@pytest.mark.django_db
def test_a_tutor_that_no_section_of_theirs_allows_cannot_be_preferred(
    student: User, teacher: User, section: Section
) -> None:
    tutors.allow(by=teacher, section=section, keys=["creative-mentor"])
    assert "Choose one of these tutors." in body(signed_in(student).post(PREFERENCE, SENT))
    with pytest.raises(tutors.PersonaNotOfferedError):
        tutors.prefer(by=student, persona="expert-scholar", learner=LEARNER)


@pytest.mark.django_db
def test_a_tutor_that_is_taken_back_while_the_form_is_sent_is_refused_in_words(
    student: User, section: Section, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter([list(built_in().values()), []])
    monkeypatch.setattr(tutors, "allowed_to", lambda _user: next(answers))
    assert "not offered to you" in body(signed_in(student).post(PREFERENCE, SENT))
    assert not TutorPreference.objects.exists()


@pytest.mark.django_db
def test_who_loses_a_tutor_is_told_and_keeps_what_else_they_chose(
    student: User, teacher: User, section: Section
) -> None:
    browser = signed_in(student)
    browser.post(PREFERENCE, SENT)
    assert "not offered to you any more" not in body(browser.get(PREFERENCE))
    tutors.allow(by=teacher, section=section, keys=["creative-mentor"])
    page = body(browser.get(PREFERENCE))
    assert "not offered to you any more" in page
    assert 'value="statistics"' in page
    assert "checked" not in page


@pytest.mark.django_db
def test_without_a_tutor_the_page_says_whom_to_ask(other_student: User) -> None:
    page = body(signed_in(other_student).get(PREFERENCE))
    assert "ask your teacher" in page
    assert "<textarea" not in page
    assert 'type="radio"' not in page


@pytest.mark.django_db
def test_what_a_tutor_is_told_is_shown_in_plain_words_and_saves_nothing(student: User, section: Section) -> None:
    browser = signed_in(student)
    part = body(browser.post(TOLD, {**SENT, "language": "de", "learner_level": "expert"}))
    assert "“statistics”, to somebody at the level “expert”" in part
    assert "It writes in Deutsch" in part
    assert built_in()["expert-scholar"].notes["de"] in part
    assert "<html" not in part
    part = body(browser.post(TOLD, {"subject": "<b>", "language": "en"}))
    assert "Write it without &lt; &gt; { }." in part
    assert "Choose one of the levels." in part
    assert "Your tutor" in part
    assert not TutorPreference.objects.exists()


@pytest.mark.django_db
def test_words_of_a_persona_are_never_markup(student: User, operator: User, section: Section) -> None:
    write(operator, "exam-coach", SCHOLAR.replace('summary = "', 'summary = "<i>Exam</i> & co. ')[:20_000])
    browser = signed_in(student)
    for page in (browser.get(PREFERENCE), browser.post(TOLD, {**SENT, "persona": "exam-coach"})):
        assert "&lt;i&gt;Exam&lt;/i&gt; &amp; co" in body(page)
        assert "<i>Exam" not in body(page)


@pytest.mark.django_db
@pytest.mark.parametrize(("language", "expected"), [("es", "es"), ("en-gb", "en"), ("nl", "en")])
def test_the_language_that_one_reads_the_portal_in_is_proposed(
    student: User, section: Section, language: str, expected: str
) -> None:
    page = signed_in(student).get(PREFERENCE, headers={"accept-language": language})
    assert page.context["form"]["language"].value() == expected


@pytest.mark.django_db
def test_the_pages_of_tutors_ask_little(
    student: User, teacher: User, section: Section, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    tutors.prefer(by=student, persona="expert-scholar", learner=LEARNER)
    tutors.allow(by=teacher, section=section, keys=BUILT_IN[:3])
    pages = [(student, PREFERENCE), (teacher, PREFERENCE), (teacher, reverse("section-tutors", args=[section.pk]))]
    for who, address in pages:
        browser = signed_in(who)
        with django_assert_max_num_queries(12):
            assert browser.get(address).status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize("wrong", [None, [], {"subject": "x"}, {**LEARNER.to_json(), "colour": "red"}])
def test_a_preference_holds_only_what_a_learner_can_choose(student: User, wrong: Any) -> None:
    with pytest.raises(ValidationError) as refused:
        TutorPreference(user=student, persona="expert-scholar", customisation=wrong).full_clean()
    assert "customisation" in refused.value.message_dict
    TutorPreference(user=student, persona="expert-scholar", customisation=LEARNER.to_json()).full_clean()


@given(
    st.text(max_size=90), st.sampled_from([*LEVELS, "", "genius"]), st.sampled_from([*LANGUAGES, "", "tlh"]),
    st.sampled_from([*BUILT_IN, "", "dragon"]),
)  # fmt: skip
def test_the_form_takes_exactly_what_a_prompt_may_hold_and_the_preview_agrees(
    subject: str, level: str, language: str, persona: str
) -> None:
    sent = {"subject": subject, "learner_level": level, "language": language, "persona": persona}
    form = PreferenceForm(sent, personas=list(built_in().values()), kept={})
    told = form.told()
    try:
        learner = Learner(subject.strip(), level, language)
    except LearnerError:
        assert not form.is_valid()
        assert told["learner"] is None
        assert told["problems"]
    else:
        assert form.is_valid() is (persona in BUILT_IN)
        assert form.learner == told["learner"] == learner
    assert form["subject"].value() == subject
