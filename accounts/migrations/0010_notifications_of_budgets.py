"""People are told of their own budget; the choices are the code's alone, so that the tables stay as they are."""

from django.db import migrations, models

KINDS = [
    ("published", "An assignment is published"),
    ("due_soon", "An assignment is due tomorrow"),
    ("released", "Feedback is released"),
    ("commented", "A teacher commented"),
    ("reflect", "A conversation waits for your look back"),
    ("budget", "Your budget is nearly used up"),
    ("flagged", "A reply is flagged"),
    ("safety", "A student may need help"),
]


class Migration(migrations.Migration):
    dependencies = [("accounts", "0009_notifications_of_flags")]

    operations = [
        migrations.AlterField(
            model_name=model,
            name="kind",
            field=models.CharField(choices=KINDS, max_length=15, verbose_name="kind"),
        )
        for model in ("notification", "notificationchoice")
    ]
