"""Roles of staff in place of groups: what each may do stands in accounts.roles, and no row gives rights any more.

And who used an invitation: they are found by it even when they have another address by now.
"""

from django.db import migrations
from django.db.models import F, OuterRef, Subquery

# The groups that 0002 made and that gave no rights, with the role that each stood for.
ROLES = {"Operator": "operator", "Support": "support", "Auditor": "auditor"}
GROUPS = [*ROLES, "School admin"]


def give_roles(apps, schema_editor):
    """Admins in exactly one of the groups get its role, unless they have every right; the groups go."""
    user, group = apps.get_model("accounts", "User"), apps.get_model("auth", "Group")
    lesser = user.objects.filter(role="admin", is_superuser=False)
    for person in lesser.filter(groups__name__in=ROLES).distinct():
        names = list(person.groups.filter(name__in=ROLES).values_list("name", flat=True))
        if len(names) == 1:
            user.objects.filter(pk=person.pk).update(role=ROLES[names[0]], access_revision=F("access_revision") + 1)
    group.objects.filter(name__in=GROUPS).delete()


def take_back(apps, schema_editor):
    """The groups again. Before this there was one kind of admin, who saw everything: the others are disabled first."""
    user, group = apps.get_model("accounts", "User"), apps.get_model("auth", "Group")
    for name in GROUPS:
        group.objects.get_or_create(name=name)
    for name, role in ROLES.items():
        people = user.objects.filter(role=role)
        group.objects.get(name=name).user_set.add(*people)
        people.update(role="admin", is_active=False, access_revision=F("access_revision") + 1)


def name_users(apps, schema_editor):
    """Invitations that were used are of whoever has their address now."""
    user, invitation = apps.get_model("accounts", "User"), apps.get_model("accounts", "Invitation")
    same = user.objects.filter(email=OuterRef("email")).order_by().values("pk")
    invitation.objects.filter(used_at__isnull=False).update(used_by=Subquery(same))


class Migration(migrations.Migration):
    dependencies = [("accounts", "0007_roles")]

    operations = [
        migrations.RunPython(give_roles, take_back),
        migrations.RunPython(name_users, migrations.RunPython.noop),
    ]
