"""What counts in a budget's period beside what was spent: brought from the general budget, or begun anew.

The column has its default in the database: no row is rewritten, and a server of the last version goes on writing.
"""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("monitoring", "0009_accounts_by_scope")]

    operations = [
        migrations.AddField(
            model_name="budgetaccount",
            name="carried_microusd",
            field=models.BigIntegerField(
                db_default=0,
                default=0,
                help_text="Brought from the general budget; below zero, what was used before the period began anew.",
                verbose_name="counted besides",
            ),
        ),
    ]
