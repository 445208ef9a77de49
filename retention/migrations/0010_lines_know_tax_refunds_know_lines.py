from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("retention", "0009_orders_know_their_log")]

    operations = [
        migrations.AddField(
            model_name="orderline",
            name="tax_minor",
            field=models.BigIntegerField(blank=True, null=True, verbose_name="tax in it, minor units"),
        ),
        migrations.AddField(
            model_name="refund",
            name="lines",
            field=models.JSONField(blank=True, default=list, verbose_name="lines, minor units"),
        ),
    ]
