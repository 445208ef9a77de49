"""Answers to "Why was this code refused?": every check, the reason, what the shopper read, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from campaigns import queries, reasons, standing, wording
from campaigns.admin.coupon_forms import split
from campaigns.baskets import Basket, Line
from campaigns.explained import Answer
from campaigns.models import Coupon
from campaigns.reasons import Reason
from campaigns.services import codes, engine, explaining
from retention.models import Customer
from retention.money import show, to_minor
from retention.shop import get_shop

LATEST = 10
"""Refusals that are shown."""


@dataclass(frozen=True, kw_only=True)
class Question:
    typed: str
    code: str
    """As it is stored; empty for what cannot be one."""
    customer: Customer | None
    worth: Decimal | None
    currency: str
    products: list[str]
    others: list[str]

    @classmethod
    def of(cls, given: Mapping[str, Any], customer: Customer | None) -> Question:
        return cls(
            typed=given["code"],
            code=codes.normal(given["code"]),
            customer=customer,
            worth=given["worth"],
            currency=given["currency"],
            products=split(given["products"]),
            others=[code for code in map(codes.normal, split(given["others"])) if code],
        )


@dataclass(frozen=True, kw_only=True)
class Cure:
    """What to do about a refusal: words, and where to do it."""

    words: str
    url: str = ""
    action: str = ""
    """An action of the list of coupons, done to this one."""


def answer(question: Question, *, user: Any, at: datetime) -> dict[str, Any]:
    """Return what the page shows."""
    known = {coupon.code: coupon for coupon in queries.by_code([question.code, *question.others])}
    coupon = known.get(question.code)
    common = {"question": question, "sentence": reasons.SENTENCE, "read_as": question.code != question.typed.strip()}
    if coupon is None:
        return {**common, "unknown": True, **_unknown(question, at=at)}
    basket, notes = _basket(question, coupon)
    others = [known[code] for code in question.others if code in known and code != coupon.code]
    notes += [_("%(code)s is no code of ours: it is left out.") % {"code": code} for code in question.others
              if code not in known]  # fmt: skip
    found = explaining.explain(coupon, basket=basket, others=others, at=at)
    cures = [cure for cure in _cures(found) if _may(user, cure)]
    return {
        **common,
        "coupon": coupon,
        "gives": " ".join(filter(None, (wording.gives(coupon.terms, coupon.money), wording.minimum(coupon.money)))),
        "found": found,
        "failed": found.failed,
        "detail": found.refusal.detail if found.refusal else "",
        "notes": notes,
        "cures": cures,
        "refusals": coupon.rejections.order_by("-at", "-pk")[:LATEST],
        "prices": engine.current().prices,
    }


def _unknown(question: Question, *, at: datetime) -> dict[str, Any]:
    near: list[Coupon] = []
    if question.customer is not None:
        near = explaining.nearest(question.code or question.typed.upper(), customer=question.customer.pk, at=at)
    return {
        "near": [(coupon, standing.of(coupon, at=at).label) for coupon in near],
        "shops": bool(question.code and engine.current().taken([question.code])),
        "unreadable": not question.code,
    }


def _basket(question: Question, coupon: Coupon) -> tuple[Basket, list[str]]:
    """Return the basket as far as it was described, and what could not be made of it."""
    person, currency = question.customer, question.currency or coupon.currency
    notes = []
    lines = []
    found = get_shop().get_products(question.products) if question.products else {}
    for reference in question.products:
        product = found.get(reference)
        if product is None:
            notes.append(_("The shop does not know the product %(product)s.") % {"product": reference})
        elif product.price is None or (product.currency and currency and product.currency != currency):
            notes.append(_("The shop has no price in this currency for %(product)s.") % {"product": product.title})
        else:
            price = to_minor(product.price, currency or product.currency)
            lines.append(Line(product=reference, price=price, categories=tuple(product.categories)))
            currency = currency or product.currency
    if question.worth is not None and not currency:
        notes.append(_("Say in which currency the basket is: the coupon is good in every one."))
    elif question.worth is not None:
        rest = to_minor(question.worth, currency) - sum(line.price for line in lines)
        if rest < 0:
            notes.append(
                _("These products cost more than that: %(worth)s.")
                % {"worth": show(sum(line.price for line in lines), currency)}
            )
        elif rest or not lines:
            lines.append(Line(product="", price=rest, categories=()))
    return Basket(
        currency=currency,
        lines=tuple(lines),
        email=person.email if person else "",
        user_id=person.user_id if person else None,
    ), notes


# What to do


def _cures(found: Answer) -> Iterator[Cure]:
    coupon, failed = found.coupon, found.failed
    offer = reverse("admin:retention_campaigns_offer_change", args=[coupon.offer_id])
    page = reverse("admin:retention_campaigns_coupon_change", args=[coupon.pk])
    match failed.reason if failed else None:
        case None:
            yield Cure(words=_("Nothing speaks against it now. Let the shopper try again, as this customer."))
        case Reason.VOID:
            yield from _instead(coupon)
            yield Cure(words=_("It cannot be taken up again: who should still have one needs another."), url=page)
        case Reason.EXPIRED:
            yield Cure(words=_("Give it another last day."), action="extend")
        case Reason.NOT_STARTED:
            yield Cure(words=_("It waits for its first day. New coupons begin as the offer says."), url=offer)
        case Reason.USED:
            yield Cure(words=_("Look which order used it. If that order is called off, the use comes back."), url=page)
        case Reason.RESERVED:
            yield Cure(words=_("The basket that holds it can be ordered; otherwise its use comes back by itself."))
            yield Cure(words=_("Has somebody else got the code? Give a new one."), action="reissue")
        case Reason.SOMEONE_ELSES:
            yield Cure(words=_("Look whose it is. With another address of the same person it is not theirs."),
                       url=reverse("admin:retention_customer_change", args=[coupon.customer_id]))  # fmt: skip
        case Reason.CUSTOMER_LIMIT | Reason.OFFER_LIMIT | Reason.BUDGET:
            yield Cure(words=_("Raise the limit in the offer. It holds for coupons that are out, too."), url=offer)
        case Reason.MARGIN:
            yield Cure(words=_("Lower the floor of the margin guard, or put something else into the basket."),
                       url=reverse("admin:retention_campaigns_marginguard_changelist"))  # fmt: skip
        case Reason.HOST:
            yield Cure(words=_("Give a new code: the shop gets it anew."), action="reissue")
        case Reason.WRONG_CURRENCY:
            yield Cure(words=_("It is good in a basket of its own currency only."), url=page)
        case _:
            yield Cure(
                words=_("The coupon keeps the terms it was given with. New ones are as the offer says."), url=offer
            )


def _instead(coupon: Coupon) -> Iterator[Cure]:
    new = Coupon.objects.filter(replaces=coupon).first()
    if new is not None:
        url = reverse("admin:retention_campaigns_coupon_change", args=[new.pk])
        yield Cure(words=_("There is a new code instead: %(code)s.") % {"code": new.code}, url=url)


NEEDS = {"extend": "retention_campaigns.extend_coupon", "reissue": "retention_campaigns.extend_coupon"}


def _may(user: Any, cure: Cure) -> bool:
    return not cure.action or user.has_perm(NEEDS[cure.action])
