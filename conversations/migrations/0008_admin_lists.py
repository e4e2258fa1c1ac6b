"""Indexes for the operators' lists: of the few turns and messages that did not end well, and of teachers' tests.

They are made while people talk, and hold next to nothing: what ends well, and all practice, is not in them.
"""

from django.db import migrations, models

from monitoring.migrating import AddIndexMeanwhile

TROUBLED = ["truncated", "refused", "stopped", "interrupted", "failed"]


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("conversations", "0007_session_ended")]

    operations = [
        AddIndexMeanwhile(
            model_name="turn",
            index=models.Index(
                fields=["status", "-accepted_at"],
                include=["error"],
                condition=models.Q(status__in=TROUBLED),
                name="turn_troubled",
            ),
        ),
        AddIndexMeanwhile(
            model_name="message",
            index=models.Index(
                fields=["status", "-created_at"],
                condition=models.Q(status__in=[*TROUBLED, "superseded", "aside"]),
                name="message_unusual",
            ),
        ),
        AddIndexMeanwhile(
            model_name="session",
            index=models.Index(fields=["-started_at", "-id"], condition=models.Q(kind="test"), name="session_tests"),
        ),
    ]
