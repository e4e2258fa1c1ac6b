"""What may be relied on about profiles, versions and openings."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone, translation

from accounts.models import School, Section, SectionTeacher, User
from clients import choices
from clients.models import ClientFact, ClientOpening, ClientProfile, ClientVersion
from conftest import make_client

pytestmark = pytest.mark.django_db


def names(user: User) -> set[str]:
    return {client.name for client in ClientProfile.objects.visible_to(user)}


def test_a_teacher_sees_own_shared_and_built_in_clients_and_those_of_shared_sections(
    teacher: User, other_teacher: User, section: Section
) -> None:
    make_client(teacher, "Own")
    make_client(None, "Built-in", slug="built-in")
    make_client(other_teacher, "Shared", visibility="shared")
    make_client(other_teacher, "Private")
    opened = make_client(other_teacher, "Opened to my section")
    ClientOpening.objects.create(client=opened, section=section)
    assert names(teacher) == {"Own", "Built-in", "Shared", "Opened to my section"}


def test_closing_the_opening_hides_a_private_client_from_the_colleague_again(
    teacher: User, other_teacher: User, section: Section
) -> None:
    opened = make_client(other_teacher)
    ClientOpening.objects.create(client=opened, section=section, closed_at=timezone.now())
    assert names(teacher) == set()


def test_an_admin_sees_and_may_change_every_client(operator: User, teacher: User) -> None:
    own, built_in = make_client(teacher), make_client(None, slug="built-in")
    assert set(ClientProfile.objects.visible_to(operator)) == {own, built_in}
    assert set(ClientProfile.objects.editable_by(operator)) == {own, built_in}
    assert built_in.may_be_changed_by(operator)


def test_only_the_owner_may_change_a_client(teacher: User, other_teacher: User, student: User) -> None:
    client = make_client(teacher, visibility="shared")
    for user, may in ((teacher, True), (other_teacher, False), (student, False)):
        assert client.may_be_changed_by(user) is may
        assert ClientProfile.objects.editable_by(user).contains(client) is may


def test_a_student_may_start_what_is_open_to_a_section_and_built_in_clients(
    student: User, other_student: User, client_profile: ClientProfile, teacher: User
) -> None:
    built_in = make_client(None, "Built-in", slug="built-in")
    make_client(teacher, "Not opened", visibility="shared")
    make_client(None, "Archived", slug="archived", archived_at=timezone.now())
    assert set(ClientProfile.objects.startable_by(student)) == {client_profile, built_in}
    assert set(ClientProfile.objects.visible_to(student)) == {client_profile, built_in}
    assert set(ClientProfile.objects.startable_by(other_student)) == {built_in}


def test_a_school_can_keep_built_in_clients_from_students(
    school: School, student: User, client_profile: ClientProfile
) -> None:
    make_client(None, "Built-in", slug="built-in")
    school.built_ins_allowed = False
    school.save()
    assert set(ClientProfile.objects.startable_by(student)) == {client_profile}


def test_a_student_may_not_start_after_closing_unenrolment_or_the_end_of_the_section(
    student: User, client_profile: ClientProfile, section: Section
) -> None:
    enrolment = student.enrolments.get()
    opening = client_profile.openings.get()
    for row, field in ((opening, "closed_at"), (enrolment, "removed_at"), (section, "archived_at")):
        setattr(row, field, timezone.now())
        row.save()
        assert not ClientProfile.objects.startable_by(student).exists()
        setattr(row, field, None)
        row.save()
    assert ClientProfile.objects.startable_by(student).exists()


def test_a_teacher_may_test_whatever_is_visible_and_not_archived(teacher: User) -> None:
    client = make_client(teacher)
    make_client(teacher, "Archived", archived_at=timezone.now())
    assert list(ClientProfile.objects.startable_by(teacher)) == [client]


def test_search_looks_at_name_reason_and_scene(teacher: User) -> None:
    client = make_client(teacher, "Ana", reason="Rent is due", scenario="In the kitchen")
    for text in ("ana", "RENT", "kitchen"):
        assert list(ClientProfile.objects.matching(text)) == [client]
    assert not ClientProfile.objects.matching("bakery").exists()


@pytest.mark.parametrize("count", [0, 1, 6])
def test_a_profile_has_two_to_five_traits(teacher: User, count: int) -> None:
    client = make_client(teacher, traits=["warm", "anxious", "proud", "loyal", "practical", "hopeful"][:count])
    with pytest.raises(ValidationError, match="traits"):
        client.full_clean()


@pytest.mark.parametrize("fields", [{"age": 0}, {"age": 121}, {"client_speaks_first": True}])
def test_the_database_refuses_impossible_clients(teacher: User, fields: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        make_client(teacher, **fields)


def test_the_database_refuses_a_fact_that_needs_more_than_all_trust(client_profile: ClientProfile) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        ClientFact.objects.create(client=client_profile, topic="x", text="y", unlock=101)


def test_archiving_and_restoring_keep_everything(client_profile: ClientProfile) -> None:
    client_profile.archive()
    client_profile.refresh_from_db()
    assert client_profile.archived_at
    client_profile.restore()
    client_profile.refresh_from_db()
    assert client_profile.archived_at is None
    assert client_profile.facts.count() == 2


def test_the_snapshot_holds_the_profile_and_its_facts_in_order(teacher: User) -> None:
    client = make_client(teacher, script={"greeting": ["Hello."]})
    snapshot = client.snapshot()
    assert (snapshot.name, snapshot.traits, snapshot.script["greeting"]) == (
        client.name,
        ("warm", "anxious"),
        ("Hello.",),
    )
    assert [(fact.topic, fact.depth, fact.unlock) for fact in snapshot.facts] == [
        ("rent", "surface", 0),
        ("brother", "real", 60),
    ]


def test_an_unchanged_client_gives_the_same_version_and_an_edit_a_new_one(client_profile: ClientProfile) -> None:
    first = ClientVersion.freeze(client_profile, "prompt")
    assert ClientVersion.freeze(client_profile, "prompt") == first
    assert ClientVersion.freeze(client_profile, "other prompt") != first
    before = first.snapshot
    client_profile.name = "Someone else"
    client_profile.save()
    assert ClientVersion.freeze(client_profile, "prompt") != first
    assert ClientVersion.objects.get(pk=first.pk).snapshot == before


def test_the_model_is_the_clients_own_or_the_schools_default(teacher: User) -> None:
    client = make_client(teacher)
    assert client.chosen_model == "claude-haiku-5-5"
    client.model = "claude-sonnet-5-5"
    assert client.chosen_model == "claude-sonnet-5-5"


def test_rows_say_what_they_are(client_profile: ClientProfile, section: Section) -> None:
    version = ClientVersion.freeze(client_profile, "prompt")
    assert str(client_profile.facts.first()) == "rent"
    assert str(client_profile.openings.get()) == f"Maria Delgado → {section}"
    assert str(version).startswith("Maria Delgado 20")


def test_openings_are_those_of_sections_that_one_teaches_now(
    teacher: User, other_teacher: User, client_profile: ClientProfile
) -> None:
    other = Section.objects.create(name="Other")
    SectionTeacher.objects.create(section=other, teacher=other_teacher)
    ClientOpening.objects.create(client=client_profile, section=other)
    assert ClientOpening.objects.in_sections_of(other_teacher).count() == 1
    other.archived_at = timezone.now()
    other.save()
    assert not ClientOpening.objects.in_sections_of(other_teacher).exists()


def test_names_of_codes_follow_the_readers_language_and_free_text_is_its_own_name() -> None:
    assert choices.label(choices.GENDER, "woman") == "Woman"
    assert choices.label(choices.GENDER, "agender") == "agender"
    assert choices.code(choices.GENDER, " woman ") == "woman"
    assert choices.code(choices.GENDER, "NON-BINARY") == "nonbinary"
    assert choices.code(choices.GENDER, " agender ") == "agender"
    with translation.override("es"):
        assert choices.code(choices.GENDER, choices.label(choices.GENDER, "woman")) == "woman"


@pytest.mark.parametrize(
    ("percent", "start"),
    [(0, "Said when asked"), (15, "Said once the talk"), (55, "Said once they"), (100, "Said only")],
)
def test_trust_is_explained_in_words(percent: int, start: str) -> None:
    assert choices.trust_words(percent).startswith(start)
