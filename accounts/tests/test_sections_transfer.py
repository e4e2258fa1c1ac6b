"""Transfer: what a leaving teacher owns goes to a colleague, all or nothing."""

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from accounts import services
from accounts.models import Invitation, Section, SectionTeacher, User
from accounts.services import transfer
from clients.models import ClientProfile
from conftest import make_user
from conversations.models import Rubric

pytestmark = pytest.mark.django_db

LEAD, ASSISTANT = SectionTeacher.Part.LEAD, SectionTeacher.Part.ASSISTANT
LIST = "/admin/accounts/teacher/"


def test_sections_clients_rubrics_and_open_invitations_go_over(
    operator: User, teacher: User, other_teacher: User, section: Section, client_profile: ClientProfile
) -> None:
    link = services.invite(by=teacher, email="new@example.com", role="student", section=section)
    rubric = Rubric.objects.create(owner=teacher, name="Listening")
    moved = dict(services.transfer_everything(by=operator, leaving=teacher, receiving=other_teacher))
    assert moved == {"sections taught": 1, "open invitations": 1, "clients": 1, "rubrics": 1}
    assert dict(services.belongings_of(teacher)) == dict.fromkeys(moved, 0)
    assert dict(services.belongings_of(other_teacher)) == moved
    assert not Section.objects.visible_to(teacher).exists()
    assert Section.objects.led_by(other_teacher).get() == section
    client_profile.refresh_from_db()
    assert client_profile.owner == other_teacher
    rubric.refresh_from_db()
    assert rubric.owner == other_teacher
    token = link.url.rstrip("/").rpartition("/")[2]
    assert services.accept_invitation(by=None, token=token, display_name="N", password="x")[1] == section
    assert Invitation.objects.get().invited_by == other_teacher
    told = {str(entry.object_id): entry.change_message for entry in LogEntry.objects.all()}
    assert "clients: 1" in told[str(teacher.pk)]
    assert "clients: 1" in told[str(other_teacher.pk)]


def test_who_teaches_the_section_already_has_the_higher_part_then(
    operator: User, teacher: User, other_teacher: User, section: Section
) -> None:
    services.add_teacher(by=operator, section=section, teacher=other_teacher, part=ASSISTANT)
    services.transfer_everything(by=operator, leaving=teacher, receiving=other_teacher)
    row = section.teaching.get()
    assert (row.teacher, row.part) == (other_teacher, LEAD)
    third = make_user("third", User.Role.TEACHER)
    services.add_teacher(by=operator, section=section, teacher=third, part=ASSISTANT)
    services.transfer_everything(by=operator, leaving=third, receiving=other_teacher)
    assert section.teaching.get().part == LEAD


def test_both_lose_and_gain_at_once_on_open_pages(
    operator: User, teacher: User, other_teacher: User, section: Section
) -> None:
    before = {user.pk: user.access_revision for user in (teacher, other_teacher)}
    services.transfer_everything(by=operator, leaving=teacher, receiving=other_teacher)
    after = dict(User.objects.filter(pk__in=before).values_list("pk", "access_revision"))
    assert all(after[pk] > before[pk] for pk in before)


def test_only_an_admin_transfers_and_only_to_another_teacher_who_can_sign_in(
    operator: User, teacher: User, other_teacher: User, student: User, section: Section
) -> None:
    gone = make_user("gone", User.Role.TEACHER, is_active=False)
    for by, receiving in [(teacher, other_teacher), (student, other_teacher), (operator, teacher)]:
        with pytest.raises(services.NotAllowedError):
            services.transfer_everything(by=by, leaving=teacher, receiving=receiving)
    for receiving in (student, operator, gone):
        with pytest.raises(services.WrongRoleError):
            services.transfer_everything(by=operator, leaving=teacher, receiving=receiving)
    assert section.teaching.get().teacher == teacher


def test_what_fails_half_way_moves_nothing(
    operator: User, teacher: User, other_teacher: User, section: Section, request: pytest.FixtureRequest
) -> None:
    def refuse(_leaving: User, _receiving: User) -> None:
        raise services.NotAllowedError

    transfer.register("zebras", label="zebras", count=lambda _teacher: 1, move=refuse)
    request.addfinalizer(lambda: transfer._kinds.pop("zebras"))
    with pytest.raises(services.NotAllowedError):
        services.transfer_everything(by=operator, leaving=teacher, receiving=other_teacher)
    assert section.teaching.get().teacher == teacher
    assert not LogEntry.objects.exists()


def test_the_admin_names_the_receiving_teacher_on_a_page_that_says_what_goes_over(
    client: Client, operator: User, teacher: User, other_teacher: User, section: Section, client_profile: ClientProfile
) -> None:
    client.force_login(operator)
    asked = {"action": "transfer", "_selected_action": [str(teacher.pk)]}
    page = client.post(LIST, asked).text
    assert "Clients</th><td>1</td>" in page
    assert "other-teacher@example.com" in page
    assert f'value="{teacher.pk}">' in page
    assert "This field is required" in client.post(LIST, {**asked, "receiving": ""}).text
    assert "Select a valid choice" in client.post(LIST, {**asked, "receiving": str(teacher.pk)}).text
    done = client.post(LIST, {**asked, "receiving": str(other_teacher.pk)}, follow=True)
    assert "Other Teacher now has everything of Teacher" in done.text
    assert section.teaching.get().teacher == other_teacher


def test_two_leaving_teachers_at_once_are_refused(
    client: Client, operator: User, teacher: User, other_teacher: User, section: Section
) -> None:
    client.force_login(operator)
    asked = {"action": "transfer", "_selected_action": [str(teacher.pk), str(other_teacher.pk)]}
    assert "Choose one teacher" in client.post(reverse("admin:accounts_teacher_changelist"), asked, follow=True).text
    assert section.teaching.get().teacher == teacher
