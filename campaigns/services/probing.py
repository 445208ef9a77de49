"""Copies of a coupon that only one thing can speak against, so that ``checking`` can be asked about that alone."""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from datetime import timedelta

from campaigns.models import Coupon, OfferVersion
from campaigns.terms import Terms

MANY = 10**6


def alone(coupon: Coupon) -> Coupon:
    """Return a copy that only others in the basket can speak against: it takes off what the coupon does."""
    terms = coupon.terms
    probe = bare(
        coupon,
        goods=terms.goods,
        sale_goods=terms.sale_goods,
        exclusive=terms.exclusive,
        priority=terms.priority,
    )
    probe.currency = coupon.currency
    return probe


def bare(coupon: Coupon, **kept: object) -> Coupon:
    """Return a copy of a coupon that nothing speaks against but what is ``kept`` of its terms."""
    old = coupon.terms
    terms = Terms(
        **{  # type: ignore[arg-type]  # each is a term's own value
            "kind": old.kind,
            "valid_days": old.valid_days,
            "percent": old.percent,
            "money": tuple(replace(money, minimum=None) for money in old.money),
            "exclusive": False,
            **kept,
        }
    )
    probe = copy(coupon)
    probe.version = OfferVersion(offer_id=coupon.offer_id, terms_json=terms.to_json())
    probe.customer, probe.currency, probe.state = None, "", Coupon.State.ISSUED
    probe.starts_at, probe.expires_at = None, coupon.expires_at + timedelta(days=36500)
    probe.used, probe.per_customer, probe.source = 0, MANY, ""
    probe.limited = probe.guarded = False
    return probe
