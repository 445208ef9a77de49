from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("retention", "0008_texts_show_products")]

    operations = [
        migrations.AddField(
            model_name="order",
            name="log",
            field=models.CharField(blank=True, default="", max_length=40, verbose_name="from the log"),
        )
    ]
