from __future__ import annotations

from datetime import date

from django.db import migrations
from django.db.models.functions import Coalesce


def fill(apps, schema_editor):
    """An offer's uses in total become one of its limits; each use says when it was counted."""
    Offer = apps.get_model("retention_campaigns", "Offer")
    OfferLimit = apps.get_model("retention_campaigns", "OfferLimit")
    OfferTally = apps.get_model("retention_campaigns", "OfferTally")
    Redemption = apps.get_model("retention_campaigns", "Redemption")
    for offer in Offer.objects.exclude(max_uses=None).iterator():
        limit = OfferLimit.objects.create(offer=offer, measure="uses", period="ever", most=offer.max_uses)
        OfferTally.objects.create(limit=limit, window=date(1970, 1, 1), taken=offer.used, most=offer.max_uses)
    Redemption.objects.filter(taken_at=None).update(taken_at=Coalesce("reserved_at", "committed_at"))


class Migration(migrations.Migration):
    dependencies = [("retention_campaigns", "0003_goods_limits_segments")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
