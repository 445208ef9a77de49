from __future__ import annotations

from django.db import migrations

from retention.hashing import address_hash

BATCH = 100
"""Rows a transaction, so that on SQLite a shopper waits milliseconds for the lock."""


def fill(apps, schema_editor):
    """Each address gets its hash. It can be stopped and started again."""
    Customer = apps.get_model("retention", "Customer")
    last = 0
    while rows := list(
        Customer.objects.filter(pk__gt=last, address_hash="").exclude(address="").order_by("pk").only("address")[:BATCH]
    ):
        for row in rows:
            row.address_hash = address_hash(row.address)
        Customer.objects.bulk_update(rows, ["address_hash"])
        last = rows[-1].pk


class Migration(migrations.Migration):
    dependencies = [("retention", "0003_customers_know_their_address_hash")]

    # one transaction over a whole shop would keep its checkout waiting
    atomic = False

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
