import django.core.validators
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("retention", "0010_lines_know_tax_refunds_know_lines"),
        ("retention_loyalty", "0006_rewards_are_claimed"),
    ]

    operations = [
        migrations.CreateModel(
            name="ActionAward",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "key",
                    models.CharField(
                        db_comment="Action, person, and the thing or the day: the same again is no second.",
                        max_length=250,
                        verbose_name="key",
                    ),
                ),
                (
                    "subject",
                    models.CharField(
                        blank=True,
                        db_comment="What it is about, e.g. an answer's id; never a person.",
                        max_length=128,
                        verbose_name="about",
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "waits for approval"),
                            ("guest", "waits for an account"),
                            ("given", "given"),
                            ("declined", "declined"),
                            ("double", "done before"),
                        ],
                        db_comment="What came of it.",
                        max_length=8,
                        verbose_name="state",
                    ),
                ),
                (
                    "points",
                    models.PositiveBigIntegerField(db_comment="By the rule, before any limit.", verbose_name="points"),
                ),
                (
                    "stopped",
                    models.PositiveBigIntegerField(
                        db_comment="How many of them a limit stopped.", default=0, verbose_name="stopped"
                    ),
                ),
                ("at", models.DateTimeField(db_comment="When it was done, UTC.", verbose_name="done")),
                (
                    "decided_at",
                    models.DateTimeField(
                        blank=True, db_comment="When somebody said yes or no.", null=True, verbose_name="decided"
                    ),
                ),
                (
                    "decided_by",
                    models.CharField(blank=True, db_comment="Who of the staff did.", max_length=150, verbose_name="by"),
                ),
                (
                    "reason",
                    models.CharField(
                        blank=True, db_comment="Why not, in their words.", max_length=200, verbose_name="reason"
                    ),
                ),
            ],
            options={
                "verbose_name": "action of a customer",
                "verbose_name_plural": "actions of customers",
                "permissions": [("approve_actions", "Can approve and decline points for actions")],
            },
        ),
        migrations.CreateModel(
            name="ActionRule",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("action", models.CharField(max_length=40, verbose_name="what for")),
                (
                    "points",
                    models.PositiveBigIntegerField(
                        validators=[django.core.validators.MinValueValidator(1)], verbose_name="points"
                    ),
                ),
                (
                    "often",
                    models.CharField(
                        choices=[("ever", "once"), ("thing", "once for each thing"), ("day", "once a day")],
                        default="ever",
                        max_length=5,
                        verbose_name="how often",
                    ),
                ),
                (
                    "approval",
                    models.BooleanField(
                        default=False,
                        help_text="Each waits in a list until staff say yes or no.",
                        verbose_name="somebody approves first",
                    ),
                ),
                ("starts_at", models.DateTimeField(editable=False, verbose_name="for what was done from")),
                ("superseded_at", models.DateTimeField(blank=True, editable=False, null=True, verbose_name="until")),
            ],
            options={
                "verbose_name": "points for an action",
                "verbose_name_plural": "points for actions",
            },
        ),
        migrations.CreateModel(
            name="CapTally",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "period",
                    models.CharField(
                        choices=[("day", "a day"), ("month", "a month"), ("all", "the whole programme")],
                        db_comment="A day, a month, or the whole programme.",
                        max_length=5,
                    ),
                ),
                (
                    "starts",
                    models.DateField(
                        db_comment="Its first day in the shop's zone; 1970-01-01 for the whole programme."
                    ),
                ),
                ("used", models.BigIntegerField(db_comment="Points that count.", default=0)),
                ("most", models.BigIntegerField(db_comment="The limit when points were last added.")),
            ],
            options={
                "verbose_name": "used of a limit",
                "verbose_name_plural": "used of limits",
            },
        ),
        migrations.CreateModel(
            name="EarningRule",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "name",
                    models.CharField(
                        help_text="Shoppers read it, e.g. “Tea weeks”.", max_length=100, verbose_name="name"
                    ),
                ),
                (
                    "goods",
                    models.CharField(
                        choices=[
                            ("all", "the whole order"),
                            ("only", "only these products and categories"),
                            ("except", "all but these products and categories"),
                        ],
                        default="all",
                        max_length=6,
                        verbose_name="for which goods",
                    ),
                ),
                ("products", models.JSONField(blank=True, default=list, verbose_name="products")),
                ("categories", models.JSONField(blank=True, default=list, verbose_name="categories")),
                (
                    "when",
                    models.CharField(
                        choices=[
                            ("always", "every order"),
                            ("first", "the first order"),
                            ("nth", "the order with this number"),
                            ("every", "every so many orders"),
                            ("tier", "orders of who stands in a tier, or above it"),
                            ("shipped", "orders without shipping costs"),
                            ("asked", "orders of whom a condition holds for"),
                        ],
                        default="always",
                        max_length=8,
                        verbose_name="for which orders",
                    ),
                ),
                (
                    "nth",
                    models.PositiveIntegerField(
                        blank=True,
                        help_text="Orders that count: neither cancelled nor paid back in full, by the time they were placed.",
                        null=True,
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(10000),
                        ],
                        verbose_name="number of the order",
                    ),
                ),
                ("tier", models.CharField(blank=True, max_length=60, verbose_name="tier")),
                ("condition", models.CharField(blank=True, max_length=80, verbose_name="condition")),
                ("parameters", models.JSONField(blank=True, default=dict, verbose_name="parameters")),
                ("placed_from", models.DateTimeField(blank=True, null=True, verbose_name="placed from")),
                ("placed_until", models.DateTimeField(blank=True, null=True, verbose_name="placed before")),
                (
                    "effect",
                    models.CharField(
                        choices=[
                            ("times", "multiplies the points"),
                            ("order", "gives extra points, once an order"),
                            ("piece", "gives extra points for each piece"),
                            ("nothing", "these goods earn nothing"),
                        ],
                        default="times",
                        max_length=8,
                        verbose_name="what it does",
                    ),
                ),
                (
                    "times",
                    models.DecimalField(
                        blank=True,
                        decimal_places=2,
                        help_text="2 doubles, 1.5 gives half as much again. Of several, the best for the customer counts.",
                        max_digits=6,
                        null=True,
                        verbose_name="times",
                    ),
                ),
                ("points", models.PositiveBigIntegerField(blank=True, null=True, verbose_name="extra points")),
                ("starts_at", models.DateTimeField(editable=False, verbose_name="for orders placed from")),
                ("superseded_at", models.DateTimeField(blank=True, editable=False, null=True, verbose_name="until")),
            ],
            options={
                "verbose_name": "earning rule",
                "verbose_name_plural": "earning rules",
            },
        ),
        migrations.AddField(
            model_name="orderaward",
            name="basis_kind",
            field=models.CharField(
                choices=[
                    ("gross", "the goods after discounts, tax included"),
                    ("net", "the goods after discounts, without tax"),
                ],
                db_comment="With or without tax, as awarded.",
                default="gross",
                max_length=5,
                verbose_name="basis",
            ),
        ),
        migrations.AddField(
            model_name="orderaward",
            name="breakdown",
            field=models.JSONField(
                blank=True,
                db_comment="Rules as awarded, by line: ids and numbers. Empty: the rate alone.",
                default=dict,
                verbose_name="rules",
            ),
        ),
        migrations.AddField(
            model_name="orderaward",
            name="capped",
            field=models.CharField(
                blank=True,
                choices=[("extra", "what rules add to the rate"), ("all", "everything")],
                db_comment="As awarded: extra, all, or nothing of it.",
                max_length=5,
                verbose_name="limits hold for",
            ),
        ),
        migrations.AddField(
            model_name="orderaward",
            name="counted",
            field=models.BigIntegerField(
                db_comment="Points of it that count for limits.", default=0, verbose_name="counted"
            ),
        ),
        migrations.AddField(
            model_name="orderaward",
            name="spent_counts",
            field=models.BooleanField(
                db_comment="As awarded: whether it is in the basis.",
                default=True,
                verbose_name="what points paid for earns",
            ),
        ),
        migrations.AddField(
            model_name="orderaward",
            name="stopped",
            field=models.BigIntegerField(
                db_comment="Points of it that a limit stopped.", default=0, verbose_name="stopped"
            ),
        ),
        migrations.AddField(
            model_name="programme",
            name="basis",
            field=models.CharField(
                choices=[
                    ("gross", "the goods after discounts, tax included"),
                    ("net", "the goods after discounts, without tax"),
                ],
                default="gross",
                help_text="Shipping never earns. Points are rounded down, once for each order.",
                max_length=5,
                verbose_name="points are earned on",
            ),
        ),
        migrations.AddField(
            model_name="programme",
            name="cap_day",
            field=models.PositiveBigIntegerField(
                blank=True, help_text="Points for one member. Empty: no limit.", null=True, verbose_name="at most a day"
            ),
        ),
        migrations.AddField(
            model_name="programme",
            name="cap_month",
            field=models.PositiveBigIntegerField(
                blank=True,
                help_text="By the shop’s calendar. Empty: no limit.",
                null=True,
                verbose_name="at most a month",
            ),
        ),
        migrations.AddField(
            model_name="programme",
            name="cap_orders",
            field=models.BooleanField(
                default=False,
                help_text="Otherwise they hold for actions and for what rules add to the rate.",
                verbose_name="these limits hold for what orders earn, too",
            ),
        ),
        migrations.AddField(
            model_name="programme",
            name="cap_total",
            field=models.PositiveBigIntegerField(
                blank=True,
                help_text="For one member, as long as the programme runs. Empty: no limit.",
                null=True,
                verbose_name="at most in all",
            ),
        ),
        migrations.AddField(
            model_name="programme",
            name="shown_as",
            field=models.CharField(
                choices=[("points", "points"), ("money", "money, by what a point is worth")],
                default="points",
                help_text="Money needs a worth of a point in each rate; a currency without one shows points.",
                max_length=6,
                verbose_name="shoppers see",
            ),
        ),
        migrations.AddField(
            model_name="programme",
            name="spent_counts",
            field=models.BooleanField(
                default=True,
                help_text="Otherwise only what is paid in money earns.",
                verbose_name="what points pay for earns, too",
            ),
        ),
        migrations.AlterField(
            model_name="entry",
            name="kind",
            field=models.CharField(
                choices=[
                    ("award", "earned"),
                    ("open", "opened"),
                    ("clawback", "taken back"),
                    ("move", "moved with its order"),
                    ("grant", "given"),
                    ("correction", "correction"),
                    ("reversal", "reversed"),
                    ("transfer", "joined from another account"),
                    ("spend", "spent"),
                    ("return", "given back"),
                    ("expiry", "expired"),
                    ("capped", "stopped by a limit"),
                ],
                db_comment="Why points move.",
                max_length=10,
                verbose_name="kind",
            ),
        ),
        migrations.AlterField(
            model_name="orderaward",
            name="basis_minor",
            field=models.BigIntegerField(
                db_comment="Goods that earn, by the basis as awarded; never shipping.",
                default=0,
                verbose_name="basis, minor units",
            ),
        ),
        migrations.AlterField(
            model_name="orderaward",
            name="earned",
            field=models.BigIntegerField(
                db_comment="Points of the basis and its rules, before refunds and limits.",
                default=0,
                verbose_name="earned",
            ),
        ),
        migrations.AddConstraint(
            model_name="orderaward",
            constraint=models.CheckConstraint(
                condition=models.Q(("counted__gte", 0), ("stopped__gte", 0)), name="loyalty_award_caps_not_negative"
            ),
        ),
        migrations.AddField(
            model_name="actionaward",
            name="customer",
            field=models.ForeignKey(
                db_comment="Who did it.",
                on_delete=django.db.models.deletion.PROTECT,
                related_name="action_awards",
                to="retention.customer",
                verbose_name="customer",
            ),
        ),
        migrations.AddField(
            model_name="actionaward",
            name="entry",
            field=models.OneToOneField(
                blank=True,
                db_comment="What it brought; null while it waits, and where it brought nothing.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="action_award",
                to="retention_loyalty.entry",
                verbose_name="entry",
            ),
        ),
        migrations.AddField(
            model_name="actionrule",
            name="programme",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="action_rules",
                to="retention_loyalty.programme",
                verbose_name="programme",
            ),
        ),
        migrations.AddField(
            model_name="actionaward",
            name="rule",
            field=models.ForeignKey(
                db_comment="The version in force when it was done.",
                on_delete=django.db.models.deletion.PROTECT,
                related_name="awards",
                to="retention_loyalty.actionrule",
                verbose_name="rule",
            ),
        ),
        migrations.AddField(
            model_name="captally",
            name="account",
            field=models.ForeignKey(
                db_comment="Whose points these are.",
                on_delete=django.db.models.deletion.PROTECT,
                related_name="tallies",
                to="retention_loyalty.account",
            ),
        ),
        migrations.AddField(
            model_name="captally",
            name="programme",
            field=models.ForeignKey(
                db_comment="Whose limit.",
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="retention_loyalty.programme",
            ),
        ),
        migrations.AddField(
            model_name="earningrule",
            name="programme",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="rules",
                to="retention_loyalty.programme",
                verbose_name="programme",
            ),
        ),
        migrations.AddField(
            model_name="earningrule",
            name="replaces",
            field=models.OneToOneField(
                blank=True,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="replaced_by",
                to="retention_loyalty.earningrule",
            ),
        ),
        migrations.AddConstraint(
            model_name="actionrule",
            constraint=models.UniqueConstraint(
                condition=models.Q(("superseded_at", None)),
                fields=("programme", "action"),
                name="loyalty_one_rule_per_action",
            ),
        ),
        migrations.AddConstraint(
            model_name="actionrule",
            constraint=models.CheckConstraint(
                condition=models.Q(("points__gte", 1)), name="loyalty_action_gives_something"
            ),
        ),
        migrations.AddConstraint(
            model_name="actionrule",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("superseded_at", None), ("superseded_at__gte", models.F("starts_at")), _connector="OR"
                ),
                name="loyalty_action_ends_after_start",
            ),
        ),
        migrations.AddIndex(
            model_name="actionaward",
            index=models.Index(fields=["state", "at"], name="loyalty_action_state"),
        ),
        migrations.AddConstraint(
            model_name="actionaward",
            constraint=models.UniqueConstraint(fields=("key",), name="loyalty_action_once"),
        ),
        migrations.AddConstraint(
            model_name="actionaward",
            constraint=models.CheckConstraint(
                condition=models.Q(("stopped__lte", models.F("points"))), name="loyalty_action_stopped_within"
            ),
        ),
        migrations.AddConstraint(
            model_name="captally",
            constraint=models.UniqueConstraint(
                fields=("account", "programme", "period", "starts"), name="loyalty_tally_once_per_period"
            ),
        ),
        migrations.AddConstraint(
            model_name="captally",
            constraint=models.CheckConstraint(condition=models.Q(("used__gte", 0)), name="loyalty_tally_not_negative"),
        ),
        migrations.AddConstraint(
            model_name="captally",
            constraint=models.CheckConstraint(
                condition=models.Q(("used__lte", models.F("most"))), name="loyalty_tally_within_cap"
            ),
        ),
        migrations.AddConstraint(
            model_name="earningrule",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("effect", "times"), ("points", None), ("times__gt", 0), ("times__isnull", False)),
                    models.Q(
                        ("effect__in", ["order", "piece"]),
                        ("points__gte", 1),
                        ("points__isnull", False),
                        ("times", None),
                    ),
                    models.Q(("effect", "nothing"), ("points", None), ("times", None)),
                    _connector="OR",
                ),
                name="loyalty_rule_does_one_thing",
                violation_error_message="Give a number above zero for what the rule does, and none for the rest.",
            ),
        ),
        migrations.AddConstraint(
            model_name="earningrule",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("nth__gte", 1), ("nth__isnull", False), ("when__in", ["nth", "every"])),
                    models.Q(models.Q(("when__in", ["nth", "every"]), _negated=True), ("nth", None)),
                    _connector="OR",
                ),
                name="loyalty_rule_names_its_order",
                violation_error_message="Say which order it is, counted from 1.",
            ),
        ),
        migrations.AddConstraint(
            model_name="earningrule",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("placed_from", None),
                    ("placed_until", None),
                    ("placed_from__lt", models.F("placed_until")),
                    _connector="OR",
                ),
                name="loyalty_rule_ends_after_it_starts",
                violation_error_message="It ends before it starts.",
            ),
        ),
        migrations.AddConstraint(
            model_name="earningrule",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("superseded_at", None), ("superseded_at__gte", models.F("starts_at")), _connector="OR"
                ),
                name="loyalty_rule_superseded_after_start",
            ),
        ),
    ]
