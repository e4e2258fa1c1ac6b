"""Roles of staff in place of groups, and who used an invitation: the tables. Their rows follow in a transaction of its
own, so that nobody who sends a message waits for them.
"""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models import Q

OLD, NEW = ["student", "teacher", "admin"], ["operator", "support", "auditor"]
CHOICES = [
    ("student", "student"),
    ("teacher", "teacher"),
    ("admin", "school admin"),
    ("operator", "operator"),
    ("support", "support"),
    ("auditor", "auditor"),
]


class Migration(migrations.Migration):
    dependencies = [("accounts", "0006_help_and_safety")]
    operations = [
        migrations.AlterField(
            model_name="user",
            name="role",
            field=models.CharField(choices=CHOICES, default="student", max_length=10, verbose_name="role"),
        ),
        migrations.AlterField(
            model_name="invitation",
            name="role",
            field=models.CharField(choices=CHOICES, default="student", max_length=10, verbose_name="role"),
        ),
        migrations.RemoveConstraint(model_name="user", name="user_has_a_role"),
        migrations.AddConstraint(
            model_name="user",
            constraint=models.CheckConstraint(condition=Q(role__in=[*OLD, *NEW]), name="user_has_a_role"),
        ),
        migrations.AddField(
            model_name="invitation",
            name="used_by",
            field=models.ForeignKey(
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
                verbose_name="used by",
            ),
        ),
    ]
