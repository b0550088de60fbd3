from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import django.db.models.deletion
from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from jobs.searching import (
    COLUMNS,
    text_of,
)  # pure; the rows are read by the models of this migration

AT_ONCE = 500


def write_texts(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    """What the jobs that are here already are found by."""
    Job, File = apps.get_model("jobs", "Job"), apps.get_model("jobs", "File")
    SearchText = apps.get_model("jobs", "SearchText")
    there = editor.connection.alias
    files = File.objects.using(there).exclude(filename="")
    names = {
        (connection, name): filename
        for connection, name, filename in files.values_list(
            "connection_id", "provider_id", "filename"
        ).iterator()
    }
    jobs = Job.objects.using(there).order_by("pk")
    columns = jobs.values("pk", "team_id", "connection_id", *COLUMNS).iterator(AT_ONCE)
    for rows in _batches(columns):
        SearchText.objects.using(there).bulk_create(
            SearchText(
                job_id=row["pk"],
                team_id=row["team_id"],
                text=text_of(row, _names_of(row, names)),
            )
            for row in rows
        )


def _batches(rows: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    while batch := list(islice(rows, AT_ONCE)):
        yield batch


def _names_of(row: dict[str, Any], names: dict[tuple[int, str], str]) -> Sequence[str]:
    listed = row["result_files"] if isinstance(row["result_files"], list) else []
    files = [row["training_file"], row["validation_file"], *listed]
    return [names.get((row["connection_id"], str(name)[:200]), "") for name in files if name]


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_tags"),
        ("jobs", "0009_labels"),
    ]

    operations = [
        migrations.CreateModel(
            name="SearchText",
            fields=[
                (
                    "job",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="search_text",
                        serialize=False,
                        to="jobs.job",
                    ),
                ),
                (
                    "team",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="accounts.team",
                    ),
                ),
                ("text", models.TextField()),
            ],
        ),
        migrations.RemoveIndex(model_name="job", name="job_by_state"),
        migrations.AddIndex(
            model_name="job",
            index=models.Index(fields=["team", "state", "-listed_at", "-id"], name="job_by_state"),
        ),
        migrations.AddIndex(
            model_name="job",
            index=models.Index(
                condition=models.Q(("id__gt", 0)),
                fields=["team", "state", "connection", "archived_at"],
                name="job_counted",
            ),
        ),
        migrations.AddIndex(
            model_name="job",
            index=models.Index(
                condition=models.Q(("ended_at__isnull", False)),
                fields=["team", "-ended_at"],
                name="job_ended",
            ),
        ),
        migrations.AddIndex(
            model_name="transition",
            index=models.Index(
                condition=models.Q(("rings", True)),
                fields=["to_state", "recorded_at"],
                name="transition_ringing",
            ),
        ),
        migrations.RunPython(write_texts, migrations.RunPython.noop),
    ]
