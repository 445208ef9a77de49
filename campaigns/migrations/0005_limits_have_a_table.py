from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("retention_campaigns", "0004_fill_limits")]

    operations = [
        migrations.RemoveConstraint(model_name="offer", name="campaigns_offer_within_limit"),
        migrations.RemoveField(model_name="offer", name="max_uses"),
        migrations.RemoveField(model_name="offer", name="used"),
    ]
