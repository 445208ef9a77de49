"""What is left to pay for the pieces in a basket: those that the shop's own offers have reduced, and the others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from typing import Any

from retention.contrib.oscar import rules
from retention.spreading import spread


@dataclass(eq=False, kw_only=True, slots=True)
class Part:
    """Pieces of one line that are alike. ``left`` is for all of them, tax included where it is known."""

    line: Any
    pieces: int
    left: Decimal
    reduced: bool
    """Whether an offer of the shop's own takes something off them."""


def of(lines: Sequence[Any]) -> list[Part]:
    """Return the parts that anything can be taken from, in the order of the lines."""
    return [part for line in lines if line.stockrecord_id and line.product.is_discountable for part in _split(line)]


def _split(line: Any) -> Iterator[Part]:
    whole = left(line)
    theirs = [discount for discount in line.discounts if discount.amount > 0 and not rules.is_ours(discount.offer)]
    # offers that overlap may have reduced the same piece twice; what is surely untouched is what none has reduced
    reduced = min(line.quantity, sum(discount.quantity for discount in theirs))
    plain = min(whole, (line.quantity - reduced) * _unit_price(line))
    for pieces, rest, is_reduced in ((line.quantity - reduced, plain, False), (reduced, whole - plain, True)):
        if pieces and rest > 0:
            yield Part(line=line, pieces=pieces, left=rest, reduced=is_reduced)


def left(line: Any) -> Decimal:
    """Return what is left to pay for a line after all discounts so far."""
    rest = line.line_price_incl_tax_incl_discounts if line.is_tax_known else line.line_price_excl_tax_incl_discounts
    return Decimal(rest or 0)


def price(line: Any) -> Decimal:
    """Return what a line costs before any discount."""
    return Decimal((line.line_price_incl_tax if line.is_tax_known else line.line_price_excl_tax) or 0)


def _unit_price(line: Any) -> Decimal:
    return Decimal((line.unit_price_incl_tax if line.is_tax_known else line.unit_price_excl_tax) or 0)


def take(kind: str, value: Decimal, parts: Sequence[Part], everything: list[Part], unit: Decimal) -> dict[Any, Decimal]:
    """Take what a coupon promises from some of ``everything``. Returns line → amount, without lines of nothing.

    ``unit`` is the smallest of the currency.
    """
    if kind == "free_product" and parts:
        parts = [_cheapest_piece(parts, everything)]
    weights = [part.left for part in parts]
    whole = sum(weights, start=Decimal(0))
    shares = spread(min(_amount(kind, value, whole, unit), whole), weights, unit)
    taken: dict[Any, Decimal] = {}
    for part, share in zip(parts, shares, strict=True):
        part.left -= share
        if share:
            taken[part.line] = taken.get(part.line, Decimal(0)) + share
    return taken


def _amount(kind: str, value: Decimal, whole: Decimal, unit: Decimal) -> Decimal:
    if kind == "percentage":
        return (whole * min(value, Decimal(100)) / 100).quantize(unit, ROUND_HALF_UP)
    if kind == "amount":
        return value
    return whole.quantize(unit, ROUND_DOWN) if kind == "free_product" else Decimal(0)


def _cheapest_piece(parts: Sequence[Part], everything: list[Part]) -> Part:
    """Return one piece as a part of its own."""
    part = min(parts, key=lambda part: (part.left / part.pieces, part.line.pk))
    if part.pieces == 1:
        return part
    piece = Part(line=part.line, pieces=1, left=part.left / part.pieces, reduced=part.reduced)
    part.pieces -= 1
    part.left -= piece.left
    everything.append(piece)
    return piece
