"""The limits of a new installation; an operator raises them with enrolment, see docs/limits.md."""

from django.db import migrations

LIMITS = [
    ("message_user", 10, 60),
    ("message_site", 1_000, 3_600),
    ("sign_in_account", 10, 300),
    ("sign_in_address", 100, 300),
    ("export_user", 60, 3_600),
]


def seed(apps, schema_editor):
    rows = apps.get_model("monitoring", "RateLimit").objects
    for name, count, seconds in LIMITS:
        rows.get_or_create(name=name, defaults={"count": count, "seconds": seconds})


class Migration(migrations.Migration):
    dependencies = [("monitoring", "0003_budgets_limits_breakers")]
    operations = [migrations.RunPython(seed, migrations.RunPython.noop)]
