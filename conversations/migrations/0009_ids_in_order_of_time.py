"""New ids are in the order of time. Nothing in the database changes, so no table is touched."""

from django.db import migrations, models

import monitoring.ids


def key(**options: bool) -> "models.UUIDField[object, object]":
    return models.UUIDField(default=monitoring.ids.uuid7, editable=False, **options)


class Migration(migrations.Migration):
    dependencies = [("conversations", "0008_admin_lists")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField("session", "id", key(primary_key=True, serialize=False)),
                migrations.AlterField("message", "id", key(primary_key=True, serialize=False)),
                migrations.AlterField("turn", "id", key(primary_key=True, serialize=False)),
                migrations.AlterField("turn", "reply_id", key(unique=True)),
                migrations.AlterField("attempt", "id", key(primary_key=True, serialize=False)),
            ]
        )
    ]
