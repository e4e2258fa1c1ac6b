"""What people may rely on when they write, copy, share, open, archive and delete clients."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection

from accounts.models import Section, SectionTeacher, User
from clients import services
from clients.models import ClientFact, ClientOpening, ClientProfile, ClientVersion
from clients.prompts import written_prompt
from clients.snapshot import Fact
from conftest import make_client

pytestmark = pytest.mark.django_db

FACTS = [Fact("rent", "surface", 10, ("The rent is late.", "I owe two months."), ("rent",))]


def values(**changes: Any) -> dict[str, Any]:
    return {
        "name": "Tom", "age": 50, "reason": "A fine.", "background": "Tom drives a van.", "scenario": "At the counter.",
        "traits": ["proud", "brief with strangers"], **changes,
    }  # fmt: skip


def edit(client: ClientProfile, by: User, **changes: Any) -> ClientProfile:
    fresh = ClientProfile.objects.get(pk=client.pk)
    revision = changes.pop("revision", fresh.revision)
    facts = changes.pop("facts", FACTS)
    return services.update_client(by=by, client=fresh, revision=revision, values=values(**changes), facts=facts)


def test_a_new_client_is_private_and_has_its_facts(teacher: User) -> None:
    client = services.create_client(by=teacher, values=values(), facts=FACTS)
    client = ClientProfile.objects.get(pk=client.pk)
    assert (client.owner, client.visibility) == (teacher, "private")
    assert list(client.snapshot().facts) == FACTS


def test_a_client_that_breaks_a_rule_is_not_made(teacher: User, student: User) -> None:
    with pytest.raises(ValidationError):
        services.create_client(by=teacher, values=values(age=200), facts=[])
    with pytest.raises(services.NotYoursError):
        services.create_client(by=student, values=values(), facts=[])
    assert not ClientProfile.objects.exists()


def test_an_edit_replaces_profile_and_facts(teacher: User) -> None:
    client = make_client(teacher)
    edit(client, teacher, name="New name")
    client.refresh_from_db()
    assert (client.name, client.revision) == ("New name", 1)
    assert list(client.snapshot().facts) == FACTS


def test_an_edit_on_top_of_a_newer_one_is_refused_and_changes_nothing(teacher: User) -> None:
    client = make_client(teacher)
    edit(client, teacher, name="First")
    with pytest.raises(services.StaleEditError, match="nothing was saved"):
        edit(client, teacher, name="Second", revision=0, facts=[])
    client.refresh_from_db()
    assert client.name == "First"
    assert client.facts.count() == 1


def test_facts_that_did_not_change_keep_their_rows(teacher: User) -> None:
    client = make_client(teacher)
    edit(client, teacher)
    before = list(ClientFact.objects.values_list("pk", flat=True))
    edit(client, teacher, name="Other")
    assert list(ClientFact.objects.values_list("pk", flat=True)) == before


def test_archiving_or_sharing_in_between_does_not_make_an_edit_stale(teacher: User) -> None:
    client = make_client(teacher)
    services.share_client(by=teacher, client=client, shared=True)
    services.archive_client(by=teacher, client=client)
    edit(client, teacher, revision=0)
    client.refresh_from_db()
    assert (client.name, client.visibility, bool(client.archived_at)) == ("Tom", "shared", True)


def test_the_sample_lines_of_a_built_in_client_go_when_language_or_story_changes(teacher: User) -> None:
    for changes, kept in (({}, True), ({"language": "es"}, False), ({"background": "Another life."}, False)):
        same: dict[str, Any] = {"background": "Tom drives a van.", "script": {"greeting": ["Hello."]}}
        client = make_client(teacher, **same)
        edit(client, teacher, **changes)
        client.refresh_from_db()
        assert bool(client.script) is kept


def test_nobody_but_the_owner_changes_a_client(teacher: User, other_teacher: User, student: User) -> None:
    client = make_client(teacher, visibility="shared")
    for user in (other_teacher, student):
        with pytest.raises(services.NotYoursError):
            edit(client, user)
        with pytest.raises(services.NotYoursError):
            services.set_prompt(by=user, client=client, revision=0, override="", model="")
        for act in (services.archive_client, services.restore_client, services.delete_unused):
            with pytest.raises(services.NotYoursError):
                act(by=user, client=client)
        with pytest.raises(services.NotYoursError):
            services.share_client(by=user, client=client, shared=False)


def test_a_built_in_client_is_not_rewritten_shared_or_deleted_even_by_an_admin(operator: User) -> None:
    client = make_client(None, slug="built-in")
    with pytest.raises(services.BuiltInError):
        edit(client, operator)
    with pytest.raises(services.BuiltInError):
        services.share_client(by=operator, client=client, shared=True)
    with pytest.raises(services.BuiltInError):
        services.delete_unused(by=operator, client=client)
    services.set_prompt(by=operator, client=client, revision=0, override="Be kind.", model="")
    services.archive_client(by=operator, client=client)
    client.refresh_from_db()
    assert (client.prompt_override, bool(client.archived_at)) == ("Be kind.", True)


def test_an_edited_prompt_and_a_model_are_kept_and_the_written_text_is_no_edit(teacher: User) -> None:
    client = make_client(teacher)
    services.set_prompt(by=teacher, client=client, revision=0, override=" Be kind. ", model="claude-sonnet-5-5")
    client.refresh_from_db()
    assert (client.prompt_override, client.model, client.revision) == ("Be kind.", "claude-sonnet-5-5", 1)
    written = written_prompt(client.snapshot())
    services.set_prompt(by=teacher, client=client, revision=1, override=f"{written}\n", model="")
    client.refresh_from_db()
    assert (client.prompt_override, client.model) == ("", "")
    with pytest.raises(services.StaleEditError):
        services.set_prompt(by=teacher, client=client, revision=1, override="", model="")


def test_a_copy_has_everything_but_openings_and_is_private(
    teacher: User, other_teacher: User, section: Section
) -> None:
    client = make_client(
        other_teacher,
        visibility="shared",
        script={"greeting": ["Hello."]},
        prompt_override="Be kind.",
        model="claude-sonnet-5-5",
    )
    ClientOpening.objects.create(client=client, section=section)
    copy = services.duplicate_client(by=teacher, client=client)
    copy = ClientProfile.objects.get(pk=copy.pk)
    assert (copy.owner, copy.visibility, copy.copied_from) == (teacher, "private", client)
    assert copy.name == f"{client.name} (copy)"
    assert copy.snapshot() == replace(client.snapshot(), name=copy.name)
    assert (copy.prompt_override, copy.model) == ("Be kind.", "claude-sonnet-5-5")
    assert not copy.openings.exists()


def test_a_copy_of_ones_own_client_can_be_told_apart_and_fits(teacher: User) -> None:
    copy = services.duplicate_client(by=teacher, client=make_client(teacher, "N" * 100))
    assert copy.name.endswith("(copy)")
    copy.full_clean()


def test_what_one_does_not_see_cannot_be_copied_or_opened(
    teacher: User, other_teacher: User, student: User, section: Section
) -> None:
    private = make_client(other_teacher)
    with pytest.raises(services.NotYoursError):
        services.duplicate_client(by=teacher, client=private)
    with pytest.raises(services.NotYoursError):
        services.open_to_section(by=teacher, client=private, section=section)
    with pytest.raises(services.NotYoursError):
        services.duplicate_client(by=student, client=make_client(None, slug="built-in"))


def test_opening_lets_students_start_closing_ends_that_and_opening_again_is_one_row(
    teacher: User, student: User, section: Section
) -> None:
    client = make_client(teacher)
    for _again in range(2):
        services.open_to_section(by=teacher, client=client, section=section)
        assert ClientProfile.objects.startable_by(student).contains(client)
    services.close_to_section(by=teacher, client=client, section=section)
    assert not ClientProfile.objects.startable_by(student).contains(client)
    opening = services.open_to_section(by=teacher, client=client, section=section)
    assert opening.closed_at is None
    assert ClientOpening.objects.count() == 1
    assert ClientProfile.objects.startable_by(student).contains(client)


def test_only_its_teachers_open_a_section(teacher: User, other_teacher: User, student: User, section: Section) -> None:
    client = make_client(other_teacher, visibility="shared")
    for user in (other_teacher, student):
        with pytest.raises(services.NotYoursError):
            services.open_to_section(by=user, client=client, section=section)
        with pytest.raises(services.NotYoursError):
            services.close_to_section(by=user, client=client, section=section)
    SectionTeacher.objects.create(section=section, teacher=other_teacher)
    services.open_to_section(by=other_teacher, client=client, section=section)
    with pytest.raises(services.NotYoursError, match="section"):
        services.open_to_section(by=student, client=client, section=section)


def test_an_archived_client_is_not_opened(teacher: User, section: Section) -> None:
    client = make_client(teacher)
    services.archive_client(by=teacher, client=client)
    with pytest.raises(services.ArchivedError, match="Restore"):
        services.open_to_section(by=teacher, client=client, section=section)
    services.restore_client(by=teacher, client=client)
    services.open_to_section(by=teacher, client=client, section=section)


def test_a_client_nobody_talked_with_can_be_deleted_and_a_used_one_cannot(teacher: User, section: Section) -> None:
    unused, used = make_client(teacher, "Unused"), make_client(teacher, "Used")
    services.open_to_section(by=teacher, client=unused, section=section)
    copy = services.duplicate_client(by=teacher, client=unused)
    services.delete_unused(by=teacher, client=unused)
    copy.refresh_from_db()
    assert copy.copied_from is None
    services.freeze(used)
    with pytest.raises(services.InUseError, match="archive"):
        services.delete_unused(by=teacher, client=used)
    assert set(ClientProfile.objects.all()) == {copy, used}


def test_freezing_holds_prompt_and_profile_and_an_edit_never_reaches_it(teacher: User) -> None:
    client = make_client(teacher)
    version = services.freeze(client)
    assert services.freeze(client) == version
    edit(client, teacher, name="Other")
    services.set_prompt(by=teacher, client=client, revision=1, override="Be kind.", model="")
    later = services.freeze(ClientProfile.objects.get(pk=client.pk))
    version = ClientVersion.objects.get(pk=version.pk)
    assert (version.snapshot.name, "Maria" in version.prompt) == ("Maria Delgado", True)
    assert (later.snapshot.name, later.prompt.startswith("Be kind.")) == ("Other", True)


@pytest.mark.servers
@pytest.mark.django_db(transaction=True)
def test_of_edits_at_the_same_moment_one_is_saved_whole_and_the_others_are_told(teacher: User) -> None:
    client = make_client(teacher)

    def save(number: int) -> bool:
        try:
            edit(
                client,
                teacher,
                revision=0,
                name=f"Number {number}",
                facts=[Fact(f"fact {number}", "surface", 0, ("Yes.",))],
            )
        except services.StaleEditError:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(save, range(4)))
    assert outcomes.count(True) == 1
    client.refresh_from_db()
    assert client.name == f"Number {outcomes.index(True)}"
    assert [fact.topic for fact in client.facts.all()] == [f"fact {outcomes.index(True)}"]


@pytest.mark.servers
@pytest.mark.django_db(transaction=True)
def test_two_starts_at_once_freeze_one_version(teacher: User) -> None:
    client = make_client(teacher)

    def start(_number: int) -> object:
        try:
            return services.freeze(ClientProfile.objects.get(pk=client.pk)).pk
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(start, range(4)))) == 1
    assert ClientVersion.objects.count() == 1
