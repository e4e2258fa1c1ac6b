"""Indexes for searching what was said, for lists of all sessions, and for the access log; made while people talk."""

from django.db import migrations, models

# Without the list of pending entries: a search need not read it, and no message waits until it is sorted in.
CREATE = """
    CREATE INDEX CONCURRENTLY message_words ON conversations_message
    USING gin (to_tsvector('simple', content)) WITH (fastupdate = off)
"""
DROP = "DROP INDEX CONCURRENTLY IF EXISTS message_words"


def create(apps, schema_editor):
    """PostgreSQL alone searches by words. One that was broken off leaves an invalid index, so that goes first."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(DROP)
        schema_editor.execute(CREATE)


def drop(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(DROP)


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("conversations", "0004_classroom")]

    operations = [
        migrations.RunPython(create, drop),
        migrations.AddIndex(
            model_name="session",
            index=models.Index(fields=["-started_at", "-id"], name="session_newest"),
        ),
        migrations.AddIndex(
            model_name="transcriptreading",
            index=models.Index(fields=["-read_at", "-id"], name="reading_newest"),
        ),
    ]
