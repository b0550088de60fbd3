from typing import Any

from django.db import migrations


def many_from_one(apps: Any, schema_editor: Any) -> None:  # noqa: ANN401  # historical models
    """A rule that named one connection names it in its list."""
    alias = schema_editor.connection.alias
    rule_model = apps.get_model("alerts", "Rule")
    links = rule_model.connections.through
    rows = (
        rule_model.objects.using(alias).exclude(connection=None).values_list("pk", "connection_id")
    )
    links.objects.using(alias).bulk_create(
        links(rule_id=rule_id, connection_id=connection_id) for rule_id, connection_id in rows
    )


class Migration(migrations.Migration):
    dependencies = [("alerts", "0003_alerting")]

    operations = [migrations.RunPython(many_from_one, migrations.RunPython.noop)]
