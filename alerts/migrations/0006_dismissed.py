from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("alerts", "0005_rule_connection_gone")]

    operations = [
        migrations.RemoveIndex(model_name="delivery", name="delivery_unsent"),
        migrations.AddField("delivery", "dismissed_at", models.DateTimeField(null=True)),
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(
                condition=models.Q(("state", "sent"), _negated=True),
                fields=["team", "state", "dismissed_at"],
                name="delivery_unsent",
            ),
        ),
    ]
