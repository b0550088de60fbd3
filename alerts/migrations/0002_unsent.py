from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_initial"),
        ("alerts", "0001_initial"),
        ("jobs", "0005_order"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(
                condition=models.Q(("state", "sent"), _negated=True),
                fields=["team", "state"],
                name="delivery_unsent",
            ),
        ),
    ]
