from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps


def let_them_go(apps: StateApps, schema: BaseDatabaseSchemaEditor) -> None:
    """Nobody signs under no name any more, so the first worker with one takes their place."""
    notes = apps.get_model("dashboard", "Heartbeat").objects.using(schema.connection.alias)
    notes.exclude(part="sweep").update(has_left=True)


class Migration(migrations.Migration):
    dependencies = [
        ("dashboard", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="heartbeat",
            name="has_left",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="heartbeat",
            name="worker",
            field=models.CharField(blank=True, default="", max_length=100),
        ),
        migrations.AlterField(
            model_name="heartbeat",
            name="part",
            field=models.CharField(
                choices=[
                    ("poll", "Poll worker"),
                    ("alerts", "Alert worker"),
                    ("beat", "Beat"),
                    ("sweep", "Last sweep"),
                ],
                max_length=10,
            ),
        ),
        migrations.RunPython(let_them_go, migrations.RunPython.noop),
        migrations.AddConstraint(
            model_name="heartbeat",
            constraint=models.UniqueConstraint(
                fields=("part", "worker"), name="heartbeat_once_a_worker"
            ),
        ),
    ]
