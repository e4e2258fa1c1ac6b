"""An index of the few notifications that go with their conversation, whoever they are for."""

from django.db import migrations, models

from monitoring.migrating import AddIndexMeanwhile


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("accounts", "0008_roles_of_people")]

    operations = [
        AddIndexMeanwhile(
            model_name="notification",
            index=models.Index(
                fields=["path"], condition=models.Q(kind__in=["safety", "flagged"]), name="notification_of_flags"
            ),
        ),
    ]
