from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("retention", "0010_lines_know_tax_refunds_know_lines")]

    operations = [
        migrations.AddIndex(
            model_name="customer",
            index=models.Index(
                condition=models.Q(("kind", "import"), models.Q(("number", ""), _negated=True)),
                fields=["number"],
                name="retention_cust_number",
            ),
        ),
    ]
