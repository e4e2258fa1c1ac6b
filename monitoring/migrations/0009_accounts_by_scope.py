"""An index of the accounts that every message writes to, made while messages are sent."""

from django.db import migrations, models

from monitoring.migrating import AddIndexMeanwhile


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("monitoring", "0008_ids_in_order_of_time")]

    operations = [
        AddIndexMeanwhile(
            model_name="budgetaccount", index=models.Index(fields=["scope_id"], name="account_scope")
        ),
    ]
