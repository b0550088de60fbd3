from django.db import migrations


class Migration(migrations.Migration):
    """Apart from the copying: PostgreSQL alters no table with rows of the same transaction."""

    dependencies = [("alerts", "0004_rule_connections")]

    operations = [migrations.RemoveField(model_name="rule", name="connection")]
