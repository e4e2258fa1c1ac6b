"""The groups that carry rights inside the admin; which rights, part 5 says."""

from django.db import migrations

GROUPS = ["Operator", "School admin", "Support", "Auditor"]


def seed(apps, schema_editor):
    group = apps.get_model("auth", "Group")
    for name in GROUPS:
        group.objects.get_or_create(name=name)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial"), ("auth", "0012_alter_user_first_name_max_length")]
    operations = [migrations.RunPython(seed, migrations.RunPython.noop)]
