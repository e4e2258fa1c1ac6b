"""Invitations: who may invite whom, and what a link opens, once."""

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.core import mail
from django.db import connection
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts import services
from accounts.models import Enrolment, Invitation, Section, User
from accounts.services import invitations
from conftest import make_user

GOOD = {"display_name": "Robin Vale", "password1": "a-better-word-2", "password2": "a-better-word-2"}


def token_of(link: services.OneTimeLink) -> str:
    """The secret part of a link."""
    return link.url.rstrip("/").rsplit("/", 1)[1]


def path_of(link: services.OneTimeLink) -> str:
    """The link without the site."""
    return f"/accounts/invitations/accept/{token_of(link)}/"


@pytest.fixture
def link(teacher: User, section: Section) -> services.OneTimeLink:
    """The teacher invites new@example.com into `section`."""
    return services.invite(by=teacher, email="New@Example.com ", role="student", section=section, display_name="Robin")


def test_a_newcomer_gets_an_account_and_a_place_and_is_signed_in(
    client: Client, link: services.OneTimeLink, section: Section
) -> None:
    assert 'value="Robin"' in client.get(path_of(link)).text
    response = client.post(path_of(link), GOOD)
    assert response.headers["Location"] == "/"
    user = User.objects.get(email="new@example.com")
    assert (user.display_name, user.role, user.check_password("a-better-word-2")) == ("Robin Vale", "student", True)
    assert Enrolment.objects.active().filter(section=section, student=user).exists()
    assert client.session["_auth_user_id"] == str(user.pk)


def test_a_link_works_once(client: Client, link: services.OneTimeLink) -> None:
    client.post(path_of(link), GOOD)
    assert Invitation.objects.get().state == Invitation.State.USED
    again = Client().get(path_of(link))
    assert again.status_code == 404
    assert "no longer works" in again.text
    with pytest.raises(services.InvitationClosedError):
        services.accept_invitation(by=None, token=token_of(link), display_name="X", password="y")


def test_the_database_holds_no_token(link: services.OneTimeLink) -> None:
    row = Invitation.objects.filter(email="new@example.com").values().get()
    assert token_of(link) not in str(row)
    assert len(row["fingerprint"]) == 64


def test_the_link_is_built_from_the_sites_address(link: services.OneTimeLink, settings: Settings) -> None:
    assert link.url.startswith(f"{settings.SITE_URL}/accounts/invitations/accept/")


@pytest.mark.parametrize(
    "change",
    [
        {"display_name": ""},
        {"password1": "short-1", "password2": "short-1"},
        {"password2": "another-word-3"},
        {"password1": "new@example.com", "password2": "new@example.com"},
    ],
)
def test_an_incomplete_acceptance_uses_nothing_up(
    client: Client, link: services.OneTimeLink, change: dict[str, str]
) -> None:
    assert client.post(path_of(link), {**GOOD, **change}).status_code == 200
    assert not User.objects.filter(email="new@example.com").exists()
    assert client.post(path_of(link), GOOD).status_code == 302


def test_expired_revoked_and_unknown_links_say_so(client: Client, link: services.OneTimeLink, teacher: User) -> None:
    Invitation.objects.update(expires_at=timezone.now() - dt.timedelta(seconds=1))
    assert Invitation.objects.get().state == Invitation.State.EXPIRED
    assert client.get(path_of(link)).status_code == 404
    fresh = services.reissue_invitation(by=teacher, invitation=Invitation.objects.get())
    assert client.get(path_of(link)).status_code == 404
    assert client.get(path_of(fresh)).status_code == 200
    services.revoke_invitation(by=teacher, invitation=Invitation.objects.get())
    assert Invitation.objects.get().state == Invitation.State.REVOKED
    assert client.get(path_of(fresh)).status_code == 404
    assert client.get("/accounts/invitations/accept/nonsense/").status_code == 404


def test_inviting_the_same_person_again_replaces_the_open_link(
    client: Client, link: services.OneTimeLink, teacher: User, section: Section
) -> None:
    second = services.invite(by=teacher, email="new@example.com", role="student", section=section)
    assert Invitation.objects.count() == 1
    assert client.get(path_of(link)).status_code == 404
    assert client.get(path_of(second)).status_code == 200


def test_a_link_dies_with_the_right_of_whoever_made_it(
    client: Client, link: services.OneTimeLink, teacher: User, section: Section
) -> None:
    section.teaching.get().delete()
    response = client.post(path_of(link), GOOD)
    assert response.status_code == 409
    assert "no longer works" in response.text
    assert not User.objects.filter(email="new@example.com").exists()
    assert Invitation.objects.get().state == Invitation.State.WAITING


def test_someone_with_an_account_signs_in_and_joins(
    client: Client, teacher: User, section: Section, other_student: User
) -> None:
    link = services.invite(by=teacher, email=other_student.email, role="student", section=section)
    assert "You have an account already" in client.get(path_of(link)).text
    assert client.post(path_of(link), GOOD).status_code == 409
    client.force_login(other_student)
    assert "Accept the invitation" in client.get(path_of(link)).text
    assert client.post(path_of(link)).headers["Location"] == "/"
    assert Section.objects.visible_to(other_student).get() == section
    other_student.refresh_from_db()
    assert other_student.check_password("secret-word-1")


def test_an_invitation_for_someone_else_is_not_accepted_by_whoever_is_signed_in(
    client: Client, link: services.OneTimeLink, other_student: User
) -> None:
    client.force_login(other_student)
    assert "this invitation is for someone else" in client.get(path_of(link)).text
    response = client.post(path_of(link), GOOD)
    assert response.status_code == 409
    assert "for another person" in response.text
    assert Invitation.objects.get().state == Invitation.State.WAITING


def test_an_account_without_a_password_gets_one_by_its_invitation(
    client: Client, teacher: User, section: Section
) -> None:
    user = User.objects.create_user("new@example.com", display_name="Old name")
    link = services.invite(by=teacher, email="new@example.com", role="student", section=section)
    assert client.post(path_of(link), GOOD).status_code == 302
    user.refresh_from_db()
    assert user.check_password("a-better-word-2")
    assert user.display_name == "Robin Vale"


def test_an_invitation_never_enables_a_disabled_account(
    client: Client, link: services.OneTimeLink, teacher: User, section: Section
) -> None:
    User.objects.create_user("new@example.com", is_active=False)
    response = client.post(path_of(link), GOOD)
    assert response.status_code == 409
    assert "has been disabled" in response.text
    with pytest.raises(services.AccountDisabledError):
        services.invite(by=teacher, email="new@example.com", role="student", section=section)


def test_an_invitation_never_opens_an_account_of_another_role(client: Client, link: services.OneTimeLink) -> None:
    admin = User.objects.create_user("new@example.com", role=User.Role.ADMIN)
    assert client.post(path_of(link), GOOD).status_code == 409
    admin.refresh_from_db()
    assert not admin.has_usable_password()


def test_a_teacher_invited_into_a_section_teaches_it(client: Client, operator: User, section: Section) -> None:
    link = services.invite(by=operator, email="prof@example.com", role="teacher", section=section)
    client.post(path_of(link), GOOD)
    assert Section.objects.visible_to(User.objects.get(email="prof@example.com")).get() == section


def test_an_admin_invited_without_a_section_may_open_the_admin(client: Client, operator: User) -> None:
    link = services.invite(by=operator, email="second@example.com", role="admin")
    assert "Your account is ready" in client.post(path_of(link), GOOD, follow=True).text
    user = User.objects.get(email="second@example.com")
    assert user.is_staff
    assert not user.is_superuser


def test_teachers_invite_only_students_into_current_sections_of_theirs(
    teacher: User, other_teacher: User, section: Section
) -> None:
    for by, role, place in [
        (other_teacher, "student", section),
        (teacher, "teacher", section),
        (teacher, "student", None),
        (teacher, "admin", None),
    ]:
        with pytest.raises(services.NotAllowedError):
            services.invite(by=by, email="new@example.com", role=role, section=place)
    section.archived_at = timezone.now()
    section.save()
    with pytest.raises(services.NotAllowedError, match="current sections"):
        services.invite(by=teacher, email="new@example.com", role="student", section=section)


def test_students_disabled_people_and_nobody_invite_nobody(student: User, teacher: User, section: Section) -> None:
    teacher.is_active = False
    for by in (student, teacher, None):
        with pytest.raises(services.NotAllowedError):
            services.check_may_invite(by=by, role="student", section=section)


def test_only_an_admin_with_every_right_invites_admins(operator: User, section: Section) -> None:
    lesser = make_user("lesser", User.Role.ADMIN)
    with pytest.raises(services.NotAllowedError):
        services.invite(by=lesser, email="new@example.com", role="admin")
    with pytest.raises(services.NotAllowedError):
        services.invite(by=operator, email="new@example.com", role="admin", section=section)


def test_whoever_has_what_the_invitation_gives_is_not_invited(
    operator: User, teacher: User, student: User, other_student: User, section: Section
) -> None:
    with pytest.raises(services.AccountExistsError, match="in the section already"):
        services.invite(by=teacher, email=student.email, role="student", section=section)
    with pytest.raises(services.AccountExistsError, match="one-time password link"):
        services.invite(by=operator, email=other_student.email, role="student")
    with pytest.raises(services.WrongRoleError):
        services.invite(by=operator, email=teacher.email, role="student")


def test_only_who_made_an_invitation_or_an_admin_changes_it(
    link: services.OneTimeLink, operator: User, other_teacher: User, student: User
) -> None:
    invitation = Invitation.objects.get()
    for by in (other_teacher, student):
        with pytest.raises(services.NotAllowedError):
            services.revoke_invitation(by=by, invitation=invitation)
        with pytest.raises(services.NotAllowedError):
            services.reissue_invitation(by=by, invitation=invitation)
    services.revoke_invitation(by=operator, invitation=invitation)
    with pytest.raises(services.InvitationClosedError):
        services.reissue_invitation(by=operator, invitation=invitation)


def test_a_former_teacher_does_not_make_a_new_link(link: services.OneTimeLink, teacher: User, section: Section) -> None:
    section.teaching.get().delete()
    with pytest.raises(services.NotAllowedError):
        services.reissue_invitation(by=teacher, invitation=Invitation.objects.get())


@pytest.mark.servers
@pytest.mark.django_db(transaction=True)
def test_of_many_who_accept_one_link_at_once_one_gets_in(link: services.OneTimeLink) -> None:
    start = Barrier(6)

    def accept(number: int) -> bool:
        try:
            start.wait()
            services.accept_invitation(by=None, token=token_of(link), display_name=f"N{number}", password="x")
        except services.RuleBrokenError:
            return False
        else:
            return True
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        outcomes = list(pool.map(accept, range(6)))
    assert outcomes.count(True) == 1
    assert User.objects.filter(email="new@example.com").count() == 1
    assert Enrolment.objects.filter(student__email="new@example.com").count() == 1


@pytest.mark.servers
@pytest.mark.django_db(transaction=True)
def test_two_links_for_one_address_accepted_at_once_make_one_account(
    link: services.OneTimeLink, operator: User
) -> None:
    links = [link, services.invite(by=operator, email="new@example.com", role="student")]
    start = Barrier(2)

    def accept(one: services.OneTimeLink) -> str:
        try:
            start.wait()
            services.accept_invitation(by=None, token=token_of(one), display_name="N", password="x")
        except services.AccountExistsError:
            return "told to sign in"
        else:
            return "in"
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(accept, links)) == ["in", "told to sign in"]
    assert User.objects.filter(email="new@example.com").count() == 1


def test_an_invitation_is_mailed_where_mail_is_configured(teacher: User, section: Section, settings: Settings) -> None:
    settings.MAIL_CONFIGURED = True
    link = services.invite(by=teacher, email="new@example.com", role="student", section=section)
    assert link.mailed
    (message,) = mail.outbox
    assert message.to == ["new@example.com"]
    assert link.url in message.body
    assert "\n" not in message.subject


def test_a_mail_server_that_fails_leaves_the_link_to_copy(teacher: User, section: Section, settings: Settings) -> None:
    settings.MAIL_CONFIGURED = True
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    link = services.invite(by=teacher, email="new@example.com", role="student", section=section)
    assert not link.mailed
    assert link.url


def test_links_are_made_again_and_revoked_from_the_list(
    client: Client, link: services.OneTimeLink, teacher: User, other_teacher: User
) -> None:
    invitation = Invitation.objects.get()
    reissue, revoke = (f"/accounts/invitations/{invitation.pk}/{verb}/" for verb in ("reissue", "revoke"))
    client.force_login(other_teacher)
    assert client.post(reissue).status_code == client.post(revoke).status_code == 404
    client.force_login(teacher)
    assert client.get(reissue).status_code == client.get(revoke).status_code == 405
    assert "/accounts/invitations/accept/" in client.post(reissue).text
    assert "is revoked" in client.post(revoke, follow=True).text
    assert "used or revoked already" in client.post(revoke, follow=True).text
    assert "used or revoked already" in client.post(reissue, follow=True).text


def test_a_link_used_between_the_look_and_the_claim_lets_nobody_in(
    link: services.OneTimeLink, teacher: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = invitations.check_may_invite

    def slow_check(**arguments: object) -> None:
        check(**arguments)  # type: ignore[arg-type]
        Invitation.objects.update(used_at=timezone.now())

    monkeypatch.setattr(invitations, "check_may_invite", slow_check)
    with pytest.raises(services.InvitationClosedError):
        services.accept_invitation(by=None, token=token_of(link), display_name="X", password="y")
    assert not User.objects.filter(email="new@example.com").exists()
