"""The ways that Oscar and the database have themselves to make vouchers; without an owner, terms or a log."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from django.db import connection, transaction
from django.utils.crypto import get_random_string
from oscar.apps.dashboard.vouchers.forms import VoucherSetForm
from oscar.core.loading import get_model

Voucher = get_model("voucher", "Voucher")
LETTERS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"


class Host:
    """An offer of Oscar's own, and vouchers of it."""

    def __init__(self, *, starts: datetime, ends: datetime) -> None:
        self.starts, self.ends, self.made = starts, ends, 0
        every = get_model("offer", "Range").objects.create(name="Everything", includes_all_products=True)
        condition = get_model("offer", "Condition").objects.create(range=every, type="Count", value=Decimal(1))
        benefit = get_model("offer", "Benefit").objects.create(range=every, type="Percentage", value=Decimal(10))
        self.offer = get_model("offer", "ConditionalOffer").objects.create(
            name="Bench of Oscar", offer_type="Voucher", condition=condition, benefit=benefit
        )

    def _next(self) -> str:
        self.made += 1
        return f"bench {self.made}"

    def by_form(self, count: int) -> None:
        """As the dashboard does it."""
        form = VoucherSetForm(
            {
                "name": self._next(), "code_length": 12, "description": "bench", "count": count,
                "usage": Voucher.SINGLE_USE, "start_datetime": self.starts, "end_datetime": self.ends,
                "offers": [self.offer.pk],
            }
        )  # fmt: skip
        assert form.is_valid(), form.errors
        form.save()

    @transaction.atomic
    def in_bulk(self, count: int) -> None:
        """The fewest statements that the ORM needs for Oscar's rows."""
        name = self._next()
        made = Voucher.objects.bulk_create(
            Voucher(
                name=f"{name} {n}",
                code=get_random_string(12, LETTERS),
                usage=Voucher.SINGLE_USE,
                start_datetime=self.starts,
                end_datetime=self.ends,
            )
            for n in range(count)
        )
        link = Voucher.offers.through
        link.objects.bulk_create(link(voucher_id=row.pk, conditionaloffer_id=self.offer.pk) for row in made)

    def by_sql(self, count: int) -> None:
        """The limit: the database alone."""
        link = Voucher.offers.through._meta.db_table
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                f"""
                WITH made AS (
                    INSERT INTO {Voucher._meta.db_table} (name, code, usage, start_datetime, end_datetime,
                        num_basket_additions, num_orders, total_discount, date_created)
                    SELECT %s || n, upper(substr(md5(%s || n), 1, 12)), %s, %s, %s, 0, 0, 0, %s
                    FROM generate_series(1, %s) n
                    RETURNING id
                )
                INSERT INTO {link} (voucher_id, conditionaloffer_id) SELECT id, %s FROM made
                """,
                [
                    f"{(name := self._next())} ", name, Voucher.SINGLE_USE, self.starts, self.ends, self.starts, count,
                    self.offer.pk,
                ],
            )  # fmt: skip
