from django.db import migrations, models

from monitoring.migrating import AddIndexMeanwhile


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ('conversations', '0006_practice_that_teaches'),
    ]

    operations = [
        AddIndexMeanwhile(
            model_name='session',
            index=models.Index(
                condition=models.Q(('ended_at__isnull', False)),
                fields=['-ended_at', 'status', 'kind'],
                name='session_ended',
            ),
        ),
    ]
