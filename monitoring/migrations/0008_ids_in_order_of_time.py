"""New ids are in the order of time. Nothing in the database changes, so no table is touched."""

from django.db import migrations, models

import monitoring.ids


def key() -> "models.UUIDField[object, object]":
    return models.UUIDField(default=monitoring.ids.uuid7, editable=False, primary_key=True, serialize=False)


class Migration(migrations.Migration):
    dependencies = [("monitoring", "0007_sums_health_and_privacy")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField("reservation", "id", key()),
                migrations.AlterField("ledgerentry", "id", key()),
            ]
        )
    ]
