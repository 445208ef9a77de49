import django.core.validators
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("retention", "0009_orders_know_their_log"),
        ("retention_loyalty", "0007_earning_rules_and_limits"),
    ]

    operations = [
        migrations.AddField(
            model_name="programme",
            name="history_spends",
            field=models.PositiveIntegerField(
                blank=True,
                help_text="So many points just before each order from before going live, where the balance has them: "
                "to see what a programme would have cost. Empty: old orders spend nothing.",
                null=True,
                validators=[django.core.validators.MinValueValidator(1)],
                verbose_name="old orders spend, too",
            ),
        ),
        migrations.AddConstraint(
            model_name="programme",
            constraint=models.CheckConstraint(
                condition=models.Q(("history_spends", None), ("history_spends__gte", 1), _connector="OR"),
                name="loyalty_history_spends_a_point",
            ),
        ),
        migrations.AlterField(
            model_name="entry",
            name="at",
            field=models.DateTimeField(
                db_comment="When what moved the points happened, UTC; entries of one account count by id.",
                verbose_name="at",
            ),
        ),
        migrations.CreateModel(
            name="BalanceImport",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("source", models.CharField(max_length=40, verbose_name="from")),
                ("trusts_accounts", models.BooleanField(default=False, verbose_name="accounts are trusted")),
                ("found", models.JSONField(default=dict, verbose_name="what the file says")),
                ("lines", models.PositiveIntegerField(default=0, verbose_name="lines")),
                ("made_by", models.CharField(blank=True, max_length=150, verbose_name="by")),
                ("created_at", models.DateTimeField(verbose_name="looked at")),
                (
                    "job",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="balance_import",
                        to="retention.job",
                        verbose_name="job",
                    ),
                ),
            ],
            options={
                "verbose_name": "import of balances",
                "verbose_name_plural": "imports of balances",
                "permissions": [("import_points", "Can take in points from a file")],
            },
        ),
        migrations.CreateModel(
            name="BalanceLine",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("source", models.CharField(max_length=40, verbose_name="from")),
                ("line", models.PositiveIntegerField(verbose_name="line")),
                ("person", models.CharField(editable=False, max_length=64)),
                ("address", models.CharField(blank=True, max_length=254, verbose_name="e-mail")),
                ("number", models.CharField(blank=True, max_length=100, verbose_name="number")),
                ("points", models.BigIntegerField(verbose_name="points")),
                ("expires_at", models.DateTimeField(blank=True, null=True, verbose_name="end")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("looked", "looked at"),
                            ("waiting", "waits for its customer"),
                            ("credited", "given"),
                            ("refused", "left out"),
                        ],
                        default="looked",
                        max_length=8,
                        verbose_name="state",
                    ),
                ),
                ("reason", models.CharField(blank=True, max_length=40, verbose_name="why")),
                ("changed_at", models.DateTimeField(verbose_name="at")),
                (
                    "customer",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="retention.customer",
                        verbose_name="customer",
                    ),
                ),
                (
                    "entry",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="balance_line",
                        to="retention_loyalty.entry",
                        verbose_name="entry",
                    ),
                ),
                (
                    "whole",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="parts",
                        to="retention_loyalty.balanceimport",
                        verbose_name="file",
                    ),
                ),
            ],
            options={
                "verbose_name": "balance of before",
                "verbose_name_plural": "balances of before",
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", "waiting")), fields=["address"], name="loyalty_balance_waiting"
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("whole", "line"), name="loyalty_balance_line_once"),
                    models.UniqueConstraint(
                        condition=models.Q(("state__in", ("waiting", "credited"))),
                        fields=("source", "person"),
                        name="loyalty_balance_once_per_person",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("state", "credited")),
                        fields=("source", "customer"),
                        name="loyalty_balance_once_per_customer",
                    ),
                    models.CheckConstraint(condition=models.Q(("points__gt", 0)), name="loyalty_balance_above_zero"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("entry__isnull", False), ("state", "credited")),
                            models.Q(models.Q(("state", "credited"), _negated=True), ("entry", None)),
                            _connector="OR",
                        ),
                        name="loyalty_balance_credited_by_entry",
                    ),
                ],
            },
        ),
    ]
