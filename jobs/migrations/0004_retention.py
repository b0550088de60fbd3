from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("jobs", "0003_observation")]

    operations = [
        migrations.AddField("basemodel", "shutdown_on_by_hand", models.DateField(null=True)),
        migrations.AlterField("basemodel", "last_seen_at", models.DateTimeField(null=True)),
        migrations.AddField("catalog", "limits_read_at", models.DateTimeField(null=True)),
        migrations.AddField("retention", "cursor", models.PositiveBigIntegerField(default=0)),
    ]
