"""The prices known when this was written, so that a new installation needs no network to meter."""

import datetime as dt

from django.db import migrations

# US dollars per million tokens, from the provider's price list of November 2026: input, output, cache write, cache read.
PRICES = [
    ("claude-haiku-5-5", 0, "0.10", "0.50", "0.125", "0.01"),
    ("claude-haiku-5-5", 100_001, "0.50", "2.50", "0.625", "0.05"),
    ("claude-sonnet-5-5", 0, "2", "10", "2.50", "0.10"),
    ("claude-opus-5-5", 0, "4", "20", "5", "0.20"),
    ("claude-haiku-4-5", 0, "1", "5", "1.25", "0.10"),
]
SINCE = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def seed(apps, schema_editor):
    from decimal import Decimal

    rows = apps.get_model("monitoring", "ModelPrice").objects
    for model, from_input, *dollars in PRICES:
        names = ("input", "output", "cache_write", "cache_read")
        amounts = {name: int(Decimal(amount) * 1_000_000) for name, amount in zip(names, dollars, strict=True)}
        rows.get_or_create(model=model, valid_from=SINCE, from_input=from_input, defaults=amounts)


class Migration(migrations.Migration):
    dependencies = [("monitoring", "0001_initial")]
    operations = [migrations.RunPython(seed, migrations.RunPython.noop)]
