"""Taking our vouchers and offers out of Oscar, so that nothing of it breaks when our apps are removed."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from retention.contrib.oscar import host, rules
from retention.contrib.oscar.models import CouponTerms, SharedOffer

BATCH = 2000


def uninstall() -> Sequence[str]:
    """Delete every voucher, offer, condition, benefit and range of ours. Returns what was done, a sentence a line.

    Orders keep their discounts and codes as text. Rows are found by the class that they name, so that they go even
    where our own tables were lost.
    """
    vouchers = _vouchers()
    with transaction.atomic():
        ours = Q(proxy_class__startswith=rules.HERE)
        conditions = host.condition()._default_manager.filter(ours)
        benefits = host.benefit()._default_manager.filter(ours)
        offers = host.offer().objects.filter(Q(condition__in=conditions) | Q(benefit__in=benefits))
        benefit_ids = {*offers.values_list("benefit_id", flat=True), *benefits.values_list("pk", flat=True)}
        range_ids = {
            *conditions.values_list("range_id", flat=True),
            *benefits.values_list("range_id", flat=True),
        } - {None}
        count = offers.count()
        offers.delete()
        conditions.delete()
        host.benefit()._default_manager.filter(pk__in=benefit_ids, offers=None).delete()
        # a range that the merchant has used in an offer of their own stays
        host.product_range()._default_manager.filter(pk__in=range_ids, condition=None, benefit=None).delete()
        SharedOffer.objects.all().delete()
    if not (vouchers or count):
        return [_("Nothing of ours is in Oscar.")]
    return [
        ngettext("%(n)d voucher taken out of Oscar.", "%(n)d vouchers taken out of Oscar.", vouchers) % {"n": vouchers},
        ngettext("%(n)d offer taken out of Oscar.", "%(n)d offers taken out of Oscar.", count) % {"n": count},
    ]


def _vouchers() -> int:
    """Delete our vouchers, batch by batch. Returns how many."""
    count = 0
    codes = iter(list(CouponTerms.objects.values_list("code", flat=True)))
    while batch := list(islice(codes, BATCH)):
        with transaction.atomic():
            count += host.voucher()._default_manager.filter(code__in=batch).delete()[1].get(_label(), 0)
            CouponTerms.objects.filter(code__in=batch).delete()
    return count


def _label() -> str:
    return str(host.voucher()._meta.label)
