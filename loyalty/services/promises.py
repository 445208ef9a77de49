"""What an order would earn, before or without a ledger: for promises on pages. The rules are those of the ledger."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from decimal import Decimal

from loyalty.models import OrderAward
from loyalty.models.programme import Basis
from loyalty.services import absences, breakdown, caps, earning, matching, paid_by_points, programmes
from loyalty.services import goods as goods_of
from loyalty.services.earning import State
from loyalty.services.goods import Goods, Sale
from loyalty.services.matching import Asked, Held
from loyalty.services.programmes import Running
from retention.hashing import normal
from retention.models import Customer, Order
from retention.money import to_minor
from retention.shop import Capability, CartData, OrderData, ProductData, get_shop_or_none

NOW = "now"
"""Stands for the reference of an order that nobody has placed."""


def for_order(order: OrderData, *, running: Running | None = None) -> int:
    """Return the points that an order earns its owner once it is paid; 0 where nothing earns.

    ``running``: the programme, where it has been read already.
    """
    running = running or programmes.running()
    if running is None or order.cancelled_at is not None or _out(order.user_id, order.placed_at):
        return 0
    by_points = paid_by_points.of_uses(order.coupons, order.currency)
    sale = goods_of.sale_of_data(order, points_minor=by_points)
    return _points(
        running,
        sale,
        order.currency,
        asked=_asked(
            running, order.reference, user_id=order.user_id, email=order.email, placed_at=order.placed_at,
            shipping_minor=sale.shipping_minor,
        ),
        refunds=tuple(to_minor(refund.amount, order.currency) for refund in order.refunds),
        named=tuple(
            {line: to_minor(amount, order.currency) for line, amount in refund.lines} for refund in order.refunds
        ),
    )  # fmt: skip


def for_amount(
    amount: Decimal, currency: str, *, at: datetime, user_id: int | None = None, running: Running | None = None
) -> int:
    """Return the points that an order of goods of this amount earns, whatever they are; in units of the currency."""
    running = running or programmes.running()
    if running is None or _out(user_id, at):
        return 0
    minor = to_minor(amount, currency)
    return _of_goods(running, [], currency, user_id=user_id, email="", at=at, items_minor=minor)


def for_product(product: ProductData, *, user_id: int | None, at: datetime, running: Running | None = None) -> int:
    """Return the points that one piece earns who buys it alone now."""
    running = running or programmes.running()
    if running is None or product.price is None or not product.currency or _out(user_id, at):
        return 0
    minor = to_minor(product.price, product.currency)
    known = _categories(running, [product.reference]) if not product.categories else {}
    one = Goods(
        line="1",
        product=product.reference,
        categories=frozenset(product.categories or known.get(product.reference, ())),
        quantity=1,
        minor=minor,
        listed_minor=minor,
        tax_minor=None if product.tax is None else to_minor(product.tax, product.currency),
    )
    return _of_goods(running, [one], product.currency, user_id=user_id, email="", at=at)


def for_cart(cart: CartData, *, at: datetime, running: Running | None = None) -> int:
    """Return the points that a basket earns as it is now."""
    running = running or programmes.running()
    if running is None or not cart.lines or _out(cart.user_id, at):
        return 0
    known = _categories(running, {line.product for line in cart.lines})
    lines = [
        Goods(
            line=str(number),
            product=line.product,
            categories=frozenset(known.get(line.product, ())),
            quantity=line.quantity,
            minor=to_minor(line.price if line.left is None else line.left, cart.currency),
            listed_minor=to_minor(line.price, cart.currency),
            tax_minor=None if line.tax is None else to_minor(line.tax, cart.currency),
        )
        for number, line in enumerate(cart.lines, start=1)
    ]
    by_points = paid_by_points.of_uses(cart.discounts, cart.currency)
    return _of_goods(
        running,
        lines,
        cart.currency,
        user_id=cart.user_id,
        email=cart.email,
        at=at,
        points_minor=by_points,
        items_minor=to_minor(cart.total, cart.currency),
    )


def _out(user: int | None, at: datetime) -> bool:
    """Whether a user has left the programme: nothing is promised to them."""
    return user is not None and absences.was_out(user, at)


def _categories(running: Running, products: Collection[str]) -> dict[str, Collection[str]]:
    """Return product → its categories and those above them; the shop is asked only where a rule names any."""
    shop = get_shop_or_none()
    if shop is None or Capability.CATALOGUE not in shop.capabilities:
        return {}
    if not any(rule.categories for rule in running.rules if rule.superseded_at is None):
        return {}
    return {reference: product.categories for reference, product in shop.get_products(sorted(products)).items()}


def for_reference(reference: str) -> int:
    """Return the points of an order that the shop calls by ``reference``: those that stand, else those promised."""
    award = OrderAward.objects.filter(order=reference, account__isnull=False).first()
    if award is not None:
        return award.pending + award.balance
    order = absences.without(Order.objects.filter(reference=reference)).select_related("customer").first()
    running = programmes.running()
    if order is None or running is None or order.cancelled_at is not None:
        return 0
    points_minor = paid_by_points.of_orders([reference]).get(reference, 0)
    refunds = list(order.refunds.order_by("pk"))
    asked = Asked(
        reference=reference,
        customer=order.customer_id,
        address=order.customer.address,
        placed_at=order.placed_at,
        shipping_minor=order.shipping_minor,
    )
    return _points(
        running,
        goods_of.sale_of_row(order, order.lines.order_by("pk"), points_minor=points_minor),
        order.currency,
        asked=asked,
        refunds=tuple(refund.amount_minor for refund in refunds),
        named=tuple({str(line): minor for line, minor in refund.lines} for refund in refunds),
    )


def _of_goods(
    running: Running,
    lines: Sequence[Goods],
    currency: str,
    *,
    user_id: int | None,
    email: str,
    at: datetime,
    items_minor: int | None = None,
    points_minor: int = 0,
) -> int:
    if running.programme.basis == Basis.NET and (not lines or any(line.tax_minor is None for line in lines)):
        return 0  # nobody knows what of it earns, and no page promises too much
    total = sum(line.minor for line in lines) if items_minor is None else items_minor
    sale = Sale(items_minor=total, total_minor=total, points_minor=points_minor, goods=tuple(lines))
    asked = _asked(running, NOW, user_id=user_id, email=email, placed_at=at, shipping_minor=None)
    return _points(running, sale, currency, asked=asked)


def _asked(
    running: Running,
    reference: str,
    *,
    user_id: int | None,
    email: str,
    placed_at: datetime,
    shipping_minor: int | None,
) -> Asked:
    """Return the question; who it is about is looked up only where a rule may ask."""
    customer, address = None, normal(email) if email else ""
    if running.rules or running.multiplies or running.capped:
        if user_id is not None:
            found = Customer.objects.filter(user=user_id).values_list("pk", "address").first()
            customer, address = found or (None, address)
        elif address:
            known = Customer.objects.living().filter(address=address, kind=Customer.Kind.GUEST)
            customer = known.values_list("pk", flat=True).first()
    return Asked(
        reference=reference, customer=customer, address=address, placed_at=placed_at, shipping_minor=shipping_minor
    )


def _points(
    running: Running,
    sale: Sale,
    currency: str,
    *,
    asked: Asked,
    refunds: tuple[int, ...] = (),
    named: tuple[dict[str, int], ...] = (),
) -> int:
    terms = running.terms(currency, placed_at=asked.placed_at)
    if terms is None:
        return 0
    programme = running.programme
    if asked.placed_at < running.begins and not programme.award_history:
        return 0
    held = Held()
    if running.rules or running.multiplies:
        held = matching.ask([asked], running, at=asked.placed_at)[asked.reference]
    kept = breakdown.record(held, sale.goods)
    kind = programme.basis
    basis = goods_of.basis(sale, kind=kind, spent_counts=programme.spent_counts)
    state = State(
        basis_minor=basis,
        total_minor=sale.total_minor,
        goods_minor=sale.items_minor,
        refunds_minor=refunds,
        refunds_named=named,
        parts=breakdown.parts(kept, sale.goods, kind=kind, basis_minor=basis),
        extras=breakdown.extras(kept, sale.goods, basis_minor=basis),
    )
    worth = earning.left(state, terms)
    if not running.capped:
        return worth
    bound = worth if programme.cap_orders else max(0, worth - earning.left(earning.plain(state), terms))
    return worth - caps.would_stop(programme, customer=asked.customer, points=bound, at=asked.placed_at)
