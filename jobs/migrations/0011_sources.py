from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("jobs", "0010_search"),
    ]

    operations = [
        migrations.AddField(
            model_name="job",
            name="corrected_points",
            field=models.PositiveIntegerField(default=0),
        ),
    ]
