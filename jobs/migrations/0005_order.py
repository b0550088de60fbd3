import datetime

import django.db.models.functions.comparison
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("jobs", "0004_retention")]

    operations = [
        migrations.AddField(
            "job",
            "listed_at",
            models.GeneratedField(
                db_persist=True,
                expression=django.db.models.functions.comparison.Coalesce(
                    "created_at", models.Value(datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC))
                ),
                output_field=models.DateTimeField(),
            ),
        ),
        migrations.AddIndex(
            "job", models.Index(fields=["team", "-listed_at", "-id"], name="job_listed")
        ),
    ]
