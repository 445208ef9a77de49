"""Personal coupons as Oscar vouchers: one a person, the rules shared."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import islice
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Count, F, Sum, Value
from django.db.models.functions import Greatest
from oscar.core.loading import get_model

from retention import rows
from retention.contrib.oscar import host, rules
from retention.contrib.oscar.models import CouponTerms
from retention.contrib.oscar.rules import Rules
from retention.hashing import customer_key
from retention.rows import batch_size
from retention.shop import CouponSpec, CouponStatus

BATCH = 5000
TERMS = ("code", "shared_id", "owner_key", "user_id", "uses", "value")


class NotCreated(Exception):
    """Oscar refused some vouchers, most likely because of another voucher's name."""


def create(specs: Iterable[CouponSpec]) -> None:
    """Create vouchers set-wise, with the same number of queries for one as for 5,000.

    A code that exists already, ours or the merchant's own, is left as it is. Raises UnknownKind, NotCreated.
    """
    rest = iter(specs)
    while batch := list(islice(rest, BATCH)):
        with transaction.atomic():
            _create(batch)


def _create(specs: Sequence[CouponSpec]) -> None:
    by_code = {spec.code.upper(): spec for spec in specs}
    try:
        with transaction.atomic():
            _write(by_code)
    except IntegrityError:
        # some are there already, the merchant's own or made by another at this moment
        for code in host.voucher()._default_manager.filter(code__in=by_code).values_list("code", flat=True):
            del by_code[code]
        if by_code:
            _write(by_code, all_new=False)


def _write(by_code: Mapping[str, CouponSpec], *, all_new: bool = True) -> None:
    """Insert vouchers, what they take off, and whose they are. Raises IntegrityError where not ``all_new``."""
    shapes = {code: _shape(spec) for code, spec in by_code.items()}
    one_of = {shapes[code]: spec for code, spec in by_code.items()}
    of = {shape: Rules.of(spec) for shape, spec in one_of.items()}
    shared = rules.ensure({of[shape]: spec.name for shape, spec in one_of.items()})
    row_of = {shape: shared[found] for shape, found in of.items()}
    ids = _insert(by_code, all_new=all_new)
    Link = host.voucher().offers.through
    Link._default_manager.bulk_create(
        [Link(voucher_id=ids[code], conditionaloffer_id=row_of[shape].offer_id) for code, shape in shapes.items()],
        ignore_conflicts=not all_new,
    )
    terms = (
        (
            code,
            row_of[shapes[code]].pk,
            customer_key(spec.email) if spec.email else "",
            spec.user_id,
            spec.uses,
            spec.value if spec.own_value else None,
        )
        for code, spec in by_code.items()
    )
    if all_new:
        rows.write(CouponTerms, TERMS, terms)
    else:
        made = (CouponTerms(**dict(zip(TERMS, one, strict=True))) for one in terms)
        CouponTerms.objects.bulk_create(made, ignore_conflicts=True)


def _shape(spec: CouponSpec) -> Any:
    """Return what tells the rules of two coupons apart; cheaper than the rules themselves, asked of every coupon."""
    return (
        spec.offer, spec.kind, rules.value_of(spec), spec.currency, spec.minimum, spec.products, spec.categories,
        spec.excluded_products, spec.excluded_categories, spec.exclusive, spec.sale_goods, spec.priority,
    )  # fmt: skip


def _insert(by_code: Mapping[str, CouponSpec], *, all_new: bool) -> dict[str, Any]:
    """Insert the vouchers. Returns code → primary key."""
    Voucher = host.voucher()
    made = Voucher._default_manager.bulk_create(
        [_voucher(Voucher, code, spec) for code, spec in by_code.items()], ignore_conflicts=not all_new
    )
    if all_new and all(voucher.pk for voucher in made):
        return {voucher.code: voucher.pk for voucher in made}
    ids = dict(Voucher._default_manager.filter(code__in=by_code).values_list("code", "pk"))
    if missing := by_code.keys() - ids.keys():
        raise NotCreated(", ".join(sorted(missing)[:5]))
    return ids


def _voucher(Voucher: Any, code: str, spec: CouponSpec) -> Any:
    return Voucher(
        # unique in Oscar, and what the shopper reads in the basket beside the code
        name=f"{spec.name[:90]} {code[-37:]}",
        code=code,
        usage=Voucher.SINGLE_USE if spec.uses == 1 else Voucher.MULTI_USE,
        start_datetime=spec.starts_at,
        end_datetime=spec.ends_at,
    )


def status(codes: Collection[str], *, at: datetime) -> dict[str, CouponStatus]:
    """Return how often each code was used and whether it can be used now; unknown codes are left out.

    Uses are counted from Oscar's applications: its counters lose updates.
    """
    asked = {code.upper(): code for code in codes}
    uses = dict(CouponTerms.objects.filter(code__in=asked).values_list("code", "uses"))
    rows = host.voucher()._default_manager.filter(code__in=asked).annotate(used=Count("applications"))
    found = {}
    for code, used, starts, ends in rows.order_by().values_list("code", "used", "start_datetime", "end_datetime"):
        limit = uses.get(code, 0)
        active = starts <= at <= ends and (limit == 0 or used < limit)
        found[asked[code]] = CouponStatus(code=asked[code], used=used, active=active)
    return found


def disable(codes: Collection[str], *, at: datetime) -> None:
    """End vouchers of ours now."""
    for batch in _ours(codes):
        host.voucher()._default_manager.filter(code__in=batch, end_datetime__gt=at).update(end_datetime=at)


def extend(codes: Collection[str], *, ends_at: datetime) -> None:
    """Let vouchers of ours end then."""
    for batch in _ours(codes):
        host.voucher()._default_manager.filter(code__in=batch).update(end_datetime=ends_at)


def _ours(codes: Collection[str]) -> Iterator[list[str]]:
    """Yield those of these codes that are ours, by so many as one UPDATE may hold the database for."""
    rest = iter(sorted({code.upper() for code in codes}))
    while batch := list(islice(rest, batch_size(BATCH))):
        if ours := list(CouponTerms.objects.filter(code__in=batch).values_list("code", flat=True)):
            yield ours


def release(code: str, *, order_reference: str) -> bool:
    """Give back the use of a code by an order, and take it out of Oscar's counters. False when there was none."""
    Order, Voucher, Offer = host.order(), host.voucher(), host.offer()
    orders = host.keys(Order, [order_reference])
    with transaction.atomic():
        given_back, _ = (
            host.voucher_application()._default_manager.filter(order__in=orders, voucher__code=code.upper()).delete()
        )
        if not given_back:
            return False
        discounts = get_model("order", "OrderDiscount")._default_manager.filter(
            order__in=orders, voucher_code=code.upper()
        )
        totals = list(discounts.order_by().values("offer_id").annotate(amount=Sum("amount"), times=Sum("frequency")))
        amount = sum((row["amount"] for row in totals), start=Decimal(0))
        Voucher._default_manager.filter(code=code.upper()).update(
            num_orders=_less("num_orders", 1), total_discount=_less("total_discount", amount)
        )
        for row in totals:
            offer = Offer.objects.filter(pk=row["offer_id"])
            offer.update(
                num_orders=_less("num_orders", 1),
                num_applications=_less("num_applications", row["times"] or 0),
                total_discount=_less("total_discount", row["amount"]),
            )
            offer.filter(status=Offer.CONSUMED).update(status=Offer.OPEN)
    return True


def _less(field: str, by: Any) -> Any:
    """Return the field less ``by``, not below 0: Oscar's counters may have lost what is taken out now."""
    return Greatest(F(field) - Value(by), Value(type(by)(0)))
