from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models import OuterRef, Subquery
from django.db.models.functions import Coalesce

OVER = ["succeeded", "failed", "cancelled"]


def remember_since(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    """Jobs that still move: since their last change of state, or since they were first seen."""
    Job, Transition = apps.get_model("jobs", "Job"), apps.get_model("jobs", "Transition")
    there = editor.connection.alias
    changes = (
        Transition.objects.using(there).filter(job=OuterRef("pk"), kind="state").order_by("-id")
    )
    since = Coalesce(Subquery(changes.values("recorded_at")[:1]), "first_seen_at")
    Job.objects.using(there).exclude(state__in=OVER).update(state_since=since)


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_initial"),
        ("jobs", "0007_conditions"),
    ]

    operations = [
        migrations.AddField(
            model_name="basemodel",
            name="use_checked_on",
            field=models.DateField(null=True),
        ),
        migrations.AddField(
            model_name="job",
            name="flags",
            field=models.CharField(blank=True, max_length=80),
        ),
        migrations.AddField(
            model_name="job",
            name="is_since_exact",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="job",
            name="longest_gap_s",
            field=models.FloatField(null=True),
        ),
        migrations.AddField(
            model_name="job",
            name="planned_finish",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="job",
            name="progressed_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="job",
            name="state_since",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="job",
            name="stuck_since",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="job",
            name="train_curve",
            field=models.JSONField(null=True),
        ),
        migrations.AddField(
            model_name="transition",
            name="base_model",
            field=models.CharField(blank=True, max_length=200),
        ),
        migrations.AddField(
            model_name="transition",
            name="stayed_s",
            field=models.FloatField(null=True),
        ),
        migrations.AddIndex(
            model_name="job",
            index=models.Index(
                condition=models.Q(("stuck_since__isnull", False)),
                fields=["team", "-stuck_since"],
                name="job_stuck",
            ),
        ),
        migrations.AddIndex(
            model_name="transition",
            index=models.Index(
                condition=models.Q(("stayed_s__isnull", False)),
                fields=["connection", "from_state", "base_model", "-id"],
                name="transition_stays",
            ),
        ),
        migrations.RunPython(remember_since, migrations.RunPython.noop),
    ]
