"""Rubrics: who sees and changes which, frozen once used, and the built-in ones."""

from io import StringIO

import pytest
from django.core.management import call_command
from django.db import IntegrityError, transaction

from accounts.models import Section, SectionTeacher, User
from clients.models import ClientProfile
from conversations import rubrics
from conversations.models import Criterion, Rubric, RubricVersion
from conversations.rubrics import MarkValue
from conversations.tests.rubrics import ended_talk, listening

pytestmark = pytest.mark.django_db


def seen(user: User) -> set[str]:
    return set(Rubric.objects.visible_to(user).values_list("name", flat=True))


def test_a_rubric_is_seen_by_its_owner_and_those_who_teach_a_section_with_them(
    rubric: Rubric, section: Section, teacher: User, other_teacher: User, operator: User, student: User
) -> None:
    assert seen(teacher) == seen(operator) == {"Listening"}
    assert seen(other_teacher) == seen(student) == set()
    SectionTeacher.objects.create(section=section, teacher=other_teacher)
    assert seen(other_teacher) == {"Listening"}
    section.archived_at = rubric.created_at
    section.save()
    assert seen(other_teacher) == set()


def test_colleagues_read_and_copy_a_rubric_but_do_not_change_it(
    rubric: Rubric, section: Section, other_teacher: User
) -> None:
    SectionTeacher.objects.create(section=section, teacher=other_teacher)
    for verb in (rubrics.archive_rubric, rubrics.restore_rubric, rubrics.delete_unused):
        with pytest.raises(rubrics.NotYoursError, match="make a copy"):
            verb(by=other_teacher, rubric=rubric)
    with pytest.raises(rubrics.NotYoursError):
        rubrics.edit_rubric(by=other_teacher, rubric=rubric, value=listening(10_000), revision=0)
    copy = rubrics.copy_rubric(by=other_teacher, rubric=rubric)
    assert (copy.owner, copy.copied_from, copy.name) == (other_teacher, rubric, "Listening (copy)")
    assert copy.value().criteria == rubric.value().criteria


def test_a_copy_goes_its_own_way(rubric: Rubric, teacher: User) -> None:
    copy = rubrics.copy_rubric(by=teacher, rubric=rubric)
    rubrics.edit_rubric(by=teacher, rubric=copy, value=listening(10_000, name="Mine"), revision=0)
    assert len(rubric.value().criteria) == 2
    assert copy.value().criteria == listening(10_000).criteria


def test_nobody_copies_what_they_do_not_see(rubric: Rubric, other_teacher: User) -> None:
    with pytest.raises(rubrics.NotYoursError):
        rubrics.copy_rubric(by=other_teacher, rubric=rubric)


def test_students_write_no_rubrics(student: User) -> None:
    with pytest.raises(rubrics.NotYoursError):
        rubrics.create_rubric(by=student, value=listening())


def test_an_edit_on_top_of_a_newer_one_is_refused(rubric: Rubric, teacher: User) -> None:
    rubrics.edit_rubric(by=teacher, rubric=rubric, value=listening(10_000), revision=0)
    with pytest.raises(rubrics.StaleEditError):
        rubrics.edit_rubric(by=teacher, rubric=rubric, value=listening(5_000, 5_000), revision=0)
    assert rubric.value().criteria == listening(10_000).criteria


def test_a_rubric_unused_can_be_deleted_and_a_used_one_cannot(
    rubric: Rubric, teacher: User, student: User, client_profile: ClientProfile
) -> None:
    unused = rubrics.copy_rubric(by=teacher, rubric=rubric)
    rubrics.delete_unused(by=teacher, rubric=unused)
    talk = ended_talk(student, client_profile)
    rubrics.score(by=teacher, session=talk, rubric=rubric, marks=[MarkValue(), MarkValue()])
    with pytest.raises(rubrics.InUseError, match="archive"):
        rubrics.delete_unused(by=teacher, rubric=rubric)
    assert list(Rubric.objects.all()) == [rubric]
    assert rubric.criteria.count() == 2


def test_an_unchanged_rubric_is_frozen_once_and_a_changed_one_anew(rubric: Rubric, teacher: User) -> None:
    first = RubricVersion.freeze(rubric)
    assert RubricVersion.freeze(rubric) == first
    rubrics.edit_rubric(by=teacher, rubric=rubric, value=listening(10_000), revision=0)
    second = RubricVersion.freeze(Rubric.objects.get())
    assert second != first
    assert first.value == listening()
    assert second.value == listening(10_000)


@pytest.mark.parametrize("weight", [0, 10_001])
def test_the_database_keeps_no_weight_outside_the_whole(rubric: Rubric, weight: int) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Criterion.objects.filter(rubric=rubric, position=0).update(weight=weight)


def test_loading_the_built_in_rubrics_twice_changes_nothing() -> None:
    out = StringIO()
    call_command("load_rubrics", stdout=out)
    before = list(Rubric.objects.values_list("pk", "updated_at"))
    call_command("load_rubrics", stdout=out)
    first, second = out.getvalue().splitlines()
    assert first == "Built-in rubrics: 7 new, 0 changed, 0 as before, 0 archived."
    assert second == "Built-in rubrics: 0 new, 0 changed, 7 as before, 0 archived."
    assert list(Rubric.objects.values_list("pk", "updated_at")) == before


def test_loading_mends_a_built_in_rubric_and_archives_one_that_left() -> None:
    call_command("load_rubrics", stdout=StringIO())
    Criterion.objects.filter(rubric__slug="spikes-bad-news", position=0).update(good="something else")
    Rubric.objects.create(slug="gone", name="Gone")
    changes = rubrics.sync_built_in_rubrics()
    assert (changes.updated, changes.unchanged, changes.archived) == (1, 6, 1)
    assert Rubric.objects.get(slug="gone").archived_at


def test_everyone_who_teaches_sees_built_in_rubrics_and_nobody_changes_them(
    other_teacher: User, operator: User, student: User
) -> None:
    rubrics.sync_built_in_rubrics()
    assert len(seen(other_teacher)) == 7
    assert seen(student) == set()
    built_in = Rubric.objects.all()[0]
    for person in (other_teacher, operator):
        with pytest.raises(rubrics.NotYoursError):
            rubrics.archive_rubric(by=person, rubric=built_in)
        assert not built_in.may_be_changed_by(person)


@pytest.mark.servers
def test_a_search_finds_names_descriptions_and_criteria(teacher: User, rubric: Rubric) -> None:
    for text in ("listen", "first talks", "criterion 2"):
        assert list(Rubric.objects.matching(text)) == [rubric]
    assert not Rubric.objects.matching("nothing like it").exists()
