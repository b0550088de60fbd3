import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("jobs", "0006_narrow"),
    ]

    operations = [
        migrations.AddField(
            model_name="transition",
            name="facts",
            field=models.JSONField(default=dict),
        ),
        migrations.AddField(
            model_name="transition",
            name="subject",
            field=models.CharField(blank=True, max_length=200),
        ),
        migrations.AlterField(
            model_name="transition",
            name="kind",
            field=models.CharField(
                choices=[
                    ("state", "State"),
                    ("missing", "Missing at the provider"),
                    ("health", "Health of the connection"),
                    ("condition", "Condition"),
                ],
                default="state",
                max_length=10,
            ),
        ),
        migrations.CreateModel(
            name="Condition",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("stuck", "Stuck in a state"),
                            ("no_progress", "No progress"),
                            ("diverging", "Loss diverges"),
                            ("overfitting", "Overfitting"),
                            ("eta_slipped", "Finish time slipped"),
                            ("retiring", "Base model retires"),
                        ],
                        max_length=12,
                    ),
                ),
                ("subject", models.CharField(blank=True, max_length=200)),
                ("level", models.PositiveSmallIntegerField(default=0)),
                ("reason", models.TextField(blank=True)),
                ("facts", models.JSONField(default=dict)),
                ("since", models.DateTimeField(null=True)),
                (
                    "raised_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
                ),
                ("resolved_at", models.DateTimeField(null=True)),
                (
                    "connection",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="conditions",
                        to="jobs.connection",
                    ),
                ),
                (
                    "job",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="conditions",
                        to="jobs.job",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["job", "kind", "-id"], name="condition_of_job")],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("job__isnull", False), ("resolved_at", None)),
                        fields=("job", "kind"),
                        name="condition_once_a_job",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("job__isnull", True), ("resolved_at", None)),
                        fields=("connection", "kind", "subject"),
                        name="condition_once_a_connection",
                    ),
                ],
            },
        ),
    ]
