"""Roles of staff: what each may do to accounts, and that nothing but the role gives a right."""

from importlib import import_module

import pytest
from django.apps import apps
from django.contrib.auth.models import AnonymousUser, Group, Permission
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from accounts import services
from accounts.models import Enrolment, Invitation, PersonKey, Section, SectionTeacher, User
from accounts.roles import MODELS, rights_of
from accounts.services import NotAllowedError, rosters
from conftest import make_user

pytestmark = pytest.mark.django_db

Role = User.Role
DESK = ["caretaker", "support", "auditor"]
migration = import_module("accounts.migrations.0008_roles_of_people")


@pytest.fixture
def person(request: pytest.FixtureRequest) -> User:
    """The member of the cast that a parameter names."""
    user: User = request.getfixturevalue(request.param)
    return user


everyone_at_the_desk = pytest.mark.parametrize("person", DESK, indirect=True)


def test_staff_are_those_who_may_open_the_admin(teacher: User, caretaker: User) -> None:
    assert not teacher.is_staff
    for role in User.STAFF_ROLES:
        teacher.role = role
        teacher.save()
        assert teacher.is_staff
    caretaker.is_superuser = True
    caretaker.save()
    assert not User.objects.get(pk=caretaker.pk).is_superuser


def test_every_model_of_the_portal_is_classified() -> None:
    ours = {"accounts", "clients", "conversations", "monitoring"}
    models = {model._meta.label_lower for model in apps.get_models() if model._meta.app_label in ours}
    assert set(MODELS) == models, f"say in accounts/roles.py who may do what with {sorted(set(MODELS) ^ models)}"


def test_who_may_change_something_may_look_at_it_and_an_auditor_only_looks() -> None:
    for label, may in MODELS.items():
        assert all("view" in verbs for verbs in may if verbs), label
    assert {right.split(".")[1].split("_")[0] for right in rights_of(Role.AUDITOR)} == {"view"}
    assert len(rights_of(Role.AUDITOR)) == len(MODELS)


def test_rights_go_by_the_role_and_by_nothing_else(
    student: User, caretaker: User, support: User, auditor: User, operator: User, settings: Settings
) -> None:
    right = "monitoring.change_budget"
    group = Group.objects.create(name="Kings")
    group.permissions.set(Permission.objects.all())
    for user in (student, support, auditor):
        user.groups.add(group)
        user.user_permissions.set(Permission.objects.all())
        assert not user.has_perm(right)
    assert not student.has_module_perms("accounts")
    assert not AnonymousUser().has_perm(right)
    assert caretaker.has_perm(right)
    assert caretaker.has_module_perms("monitoring")
    assert not caretaker.has_perm(right, obj=student)
    assert operator.has_perm(right)
    assert right in operator.get_all_permissions()


def test_a_disabled_or_displaced_account_has_no_rights(caretaker: User, support: User, settings: Settings) -> None:
    caretaker.is_active, support.is_demo = False, True
    assert not caretaker.has_perm("monitoring.view_budget")
    settings.DEMO = False
    assert not support.has_perm("accounts.view_user")


@everyone_at_the_desk
def test_staff_come_home_to_the_admin_and_find_no_classes_in_the_menu(client: Client, person: User) -> None:
    client.force_login(person)
    assert client.get(reverse("home"))["Location"] == reverse("admin:index")
    assert f'href="{reverse("help")}"' in client.get(reverse("admin:index")).text
    page = client.get(reverse("help")).text
    assert reverse("admin:index") in page
    for name in ("section-list", "assignment-list", "session-list", "safety-list", "flag-list", "test-list"):
        assert f'href="{reverse(name)}"' not in page
    assert (f'href="{reverse("invitation-list")}"' in page) == (person.role == Role.SUPPORT)
    assert client.get(reverse("notification-settings")).status_code == 200
    assert "Let people in" in client.get(reverse("profile")).text or person.role != Role.SUPPORT


@pytest.mark.parametrize("person", ["caretaker", "support"], indirect=True)
def test_operators_and_support_disable_students_and_teachers_but_no_staff(
    person: User, student: User, teacher: User, operator: User, auditor: User
) -> None:
    for user in (student, teacher):
        services.disable_user(by=person, user=user)
        assert not User.objects.get(pk=user.pk).is_active
        services.enable_user(by=person, user=user)
        assert User.objects.get(pk=user.pk).is_active
    for user in (operator, auditor, make_user("head", Role.ADMIN)):
        with pytest.raises(NotAllowedError):
            services.disable_user(by=person, user=user)
        with pytest.raises(NotAllowedError):
            services.issue_password_link(by=person, user=user)


def test_password_links_are_made_by_support_and_not_by_operators_or_auditors(
    support: User, caretaker: User, auditor: User, student: User
) -> None:
    assert services.issue_password_link(by=support, user=student).url
    for user in (caretaker, auditor):
        with pytest.raises(NotAllowedError):
            services.issue_password_link(by=user, user=student)
        with pytest.raises(NotAllowedError):
            services.disable_user(by=auditor, user=student)


@pytest.mark.parametrize("role", sorted(User.STAFF_ROLES))
def test_only_who_has_every_right_invites_staff(role: str, operator: User, support: User, section: Section) -> None:
    for by in (support, make_user("head", Role.ADMIN)):
        with pytest.raises(NotAllowedError):
            services.invite(by=by, email="new@example.com", role=role)
    with pytest.raises(NotAllowedError):
        services.invite(by=operator, email="new@example.com", role=role, section=section)
    link = services.invite(by=operator, email="new@example.com", role=role)
    token = link.url.rstrip("/").rpartition("/")[2]
    user, _section = services.accept_invitation(by=None, token=token, display_name="New", password="a-long-word-1")
    assert (user.role, user.is_staff, user.is_superuser) == (role, True, False)


def test_support_lets_people_in_and_helps_them(client: Client, support: User, section: Section, student: User) -> None:
    client.force_login(support)
    assert reverse("invitation-new") in client.get(reverse("admin:accounts_invitation_changelist")).text
    page = client.get(reverse("invitation-new")).text
    assert [role in page for role in ('value="teacher"', 'value="auditor"', 'value="admin"')] == [True, False, False]
    data = {"email": "new@example.com", "display_name": "New", "role": "student", "section": str(section.pk)}
    assert "/accounts/invitations/accept/" in client.post(reverse("invitation-new"), data).text
    assert "new@example.com" in client.get(reverse("invitation-list")).text
    invitation = Invitation.objects.get()
    client.post(reverse("invitation-revoke", args=[invitation.pk]))
    invitation.refresh_from_db()
    assert invitation.state == Invitation.State.REVOKED
    assert "/accounts/reset/" in client.post(reverse("password-link"), {"email": student.email}).text
    services.remove_from_section(by=support, enrolment=section.enrolments.get())
    services.return_to_section(by=support, enrolment=section.enrolments.get())


def test_support_makes_nobody_a_teacher_of_a_section_neither_by_a_new_link_nor_by_a_fresh_one(
    client: Client, support: User, operator: User, section: Section
) -> None:
    client.force_login(support)
    data = {"email": "new@example.com", "display_name": "New", "role": "teacher", "section": str(section.pk)}
    page = client.post(reverse("invitation-new"), data).text
    assert "Leave “Section” empty" in page
    assert "/accounts/invitations/accept/" not in page
    link = services.invite(by=operator, email="new@example.com", role="teacher", section=section)
    invitation = Invitation.objects.get()
    with pytest.raises(NotAllowedError):
        services.reissue_invitation(by=support, invitation=invitation)
    Invitation.objects.update(invited_by=support)
    token = link.url.rstrip("/").rpartition("/")[2]
    with pytest.raises(services.InvitationClosedError):
        services.accept_invitation(by=None, token=token, display_name="New", password="a-long-word-1")
    assert services.invite(by=support, email="other@example.com", role="teacher").url
    assert services.invite(by=make_user("head", Role.ADMIN), email="b@c.org", role="teacher", section=section).url


@pytest.mark.parametrize("person", ["caretaker", "auditor"], indirect=True)
def test_operators_and_auditors_let_nobody_in(person: User, section: Section, teacher: User) -> None:
    with pytest.raises(NotAllowedError):
        services.invite(by=person, email="new@example.com", role="student")
    with pytest.raises(NotAllowedError):
        services.remove_from_section(by=person, enrolment=section.enrolments.get())
    services.invite(by=teacher, email="new@example.com", role="student", section=section)
    Invitation.objects.update(invited_by=person)
    with pytest.raises(NotAllowedError):
        services.revoke_invitation(by=person, invitation=Invitation.objects.get())


@everyone_at_the_desk
def test_the_desk_has_no_sections_not_even_those_of_an_earlier_role(
    person: User, section: Section, other_student: User
) -> None:
    SectionTeacher.objects.create(section=section, teacher=person)
    Enrolment.objects.create(section=section, student=person)
    assert not Section.objects.visible_to(person).exists()
    assert not Section.objects.led_by(person).exists()
    assert other_student not in User.objects.visible_to(person) or person.role == Role.SUPPORT
    with pytest.raises(NotAllowedError):
        services.create_section(by=person, name="Mine")
    with pytest.raises(NotAllowedError):
        rosters.keep(by=person, file=None)  # type: ignore[arg-type]


def test_those_who_are_told_of_troubles_are_operators_and_who_has_every_right(
    operator: User, caretaker: User, support: User, auditor: User, teacher: User
) -> None:
    assert set(User.objects.operating()) == {operator, caretaker}


def test_former_admins_of_a_group_get_its_role_and_the_groups_go() -> None:
    groups = {name: Group.objects.create(name=name) for name in migration.GROUPS}
    choir = Group.objects.create(name="Choir")

    def admin(name: str, *names: str, **fields: object) -> User:
        user = make_user(name, Role.ADMIN, **fields)
        user.groups.set([groups.get(one, choir) for one in names])
        return user

    people = {
        admin("helper", "Support", "Choir"): Role.SUPPORT,
        admin("keeper", "Operator"): Role.OPERATOR,
        admin("reader", "Auditor", "School admin"): Role.AUDITOR,
        admin("both", "Operator", "Support"): Role.ADMIN,
        admin("head", "School admin"): Role.ADMIN,
        admin("root", "Auditor", is_superuser=True): Role.ADMIN,
    }
    migration.give_roles(apps, None)
    assert {user: Role(User.objects.get(pk=user.pk).role) for user in people} == people
    assert list(Group.objects.all()) == [choir]


def test_going_back_leaves_nobody_with_more_rights_than_before(caretaker: User, support: User) -> None:
    migration.take_back(apps, None)
    support.refresh_from_db()
    assert (support.role, support.is_active) == (Role.ADMIN, False)
    assert [group.name for group in support.groups.all()] == ["Support"]
    assert {group.name for group in caretaker.groups.all()} == {"Operator"}


def test_a_roster_leaves_staff_as_they_are(operator: User, section: Section) -> None:
    from accounts.roster import Role as RosterRole
    from accounts.services.rosters.batch import Batch, Change
    from accounts.services.rosters.rows import PlannedRow

    helper = make_user("helper", Role.SUPPORT)
    Enrolment.objects.create(section=section, student=helper)

    def decide(role: RosterRole | None, *, active: bool = True) -> object:
        row = PlannedRow(
            number=1, email=helper.email, name="Other", external_id="K-1", role=role, section=section.pk,
            active=active, file="users.csv",
        )  # fmt: skip
        batch = Batch(by=operator, rows=[row], sections={section.pk: section}, rename=True)
        batch.write()
        (decision,) = batch.decisions
        return decision.problem or decision.changes

    assert decide(None) == (Change.UNCHANGED,)
    assert decide(None, active=False) == (Change.UNCHANGED,)
    assert "another role" in decide(RosterRole.STUDENT)[1]  # type: ignore[index]
    helper.refresh_from_db()
    assert (helper.display_name, helper.role) == ("Helper", Role.SUPPORT)
    assert not PersonKey.objects.exists()
    assert Enrolment.objects.get(student=helper).removed_at is None
