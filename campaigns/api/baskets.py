"""A basket as a shop's server sends it, and what it costs with coupons, as it is answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from babel.numbers import get_currency_precision, is_currency
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from campaigns import reasons
from campaigns.api.tries import TriedIn
from campaigns.baskets import Basket, Line
from campaigns.quotes import Quote
from campaigns.reasons import Refusal
from campaigns.services import codes
from retention import typed
from retention.api.fields import decimal
from retention.api.paging import LARGEST_ID
from retention.money import to_minor

MOST_CODES, MOST_LINES, MOST_PIECES, MOST_CATEGORIES = 20, 1000, 1_000_000, 100
"""What is beyond them is no basket; sums of what is within fit into a database."""

REASONS = ", ".join(f"`{code}`" for code in reasons.Reason.values)


def amount(**given: Any) -> serializers.DecimalField:
    return serializers.DecimalField(max_digits=14, decimal_places=4, min_value=Decimal(0), **given)


def code_list(**given: Any) -> serializers.ListField:
    child = serializers.CharField(max_length=typed.LONGEST)
    return serializers.ListField(child=child, max_length=MOST_CODES, **given)


def distinct(values: Sequence[str]) -> Sequence[str]:
    """Return the codes; raise ValidationError where two are the same one."""
    meant = [codes.normal(value) or value for value in values]
    if len(set(meant)) < len(meant):
        raise serializers.ValidationError(_("The same code is named twice."), code="repeated")
    return values


class LineIn(serializers.Serializer[Any]):
    product = serializers.CharField(max_length=128, allow_blank=True, default="", help_text="The shop's reference.")
    quantity = serializers.IntegerField(min_value=1, max_value=MOST_PIECES, default=1)
    price = amount(help_text="Of the whole line, before discounts.")
    now = amount(
        required=False,
        allow_null=True,
        default=None,
        help_text="What the whole line costs by the shop's own offers; left out: its price.",
    )
    categories = serializers.ListField(
        child=serializers.CharField(max_length=128),
        max_length=MOST_CATEGORIES,
        required=False,
        allow_null=True,
        default=None,
        help_text="Left out: the shop's adapter is asked, where an offer needs to know.",
    )

    class Meta:
        ref_name = "BasketLine"

    def validate(self, said: dict[str, Any]) -> dict[str, Any]:
        if said["now"] is not None and said["now"] > said["price"]:
            raise _invalid({"now": (_("It is more than the price."), "too_much")})
        return said


class BasketIn(TriedIn):
    currency = serializers.CharField(min_length=3, max_length=3)
    lines = LineIn(many=True, required=False, max_length=MOST_LINES)  # type: ignore[call-arg]  # many: it is a list's
    worth = amount(
        required=False, help_text="Instead of lines, for offers on all goods: their worth, before discounts."
    )
    shipping = amount(default=Decimal(0), help_text="Before discounts; left out while it is not known.")
    email = serializers.CharField(max_length=254, allow_blank=True, default="", help_text="Who shops.")
    user = serializers.IntegerField(
        min_value=1,
        max_value=LARGEST_ID,
        required=False,
        allow_null=True,
        default=None,
        help_text="Who shops, where they are signed in: the key of their account in the shop.",
    )
    cart = serializers.CharField(max_length=128, allow_blank=True, default="", help_text="The shop's reference.")

    def validate_currency(self, value: str) -> str:
        if not is_currency(value):
            raise serializers.ValidationError(_("There is no such currency."), code="currency")
        return value

    def validate(self, said: dict[str, Any]) -> dict[str, Any]:
        if ("lines" in said) == ("worth" in said):
            raise serializers.ValidationError(_("Say either lines or worth."), code="lines_or_worth")
        digits = get_currency_precision(said["currency"])
        wrong = [path for path, value in _amounts(said) if value != round(value, digits)]
        if wrong:
            message = _("%(currency)s has fewer digits.") % {"currency": said["currency"]}
            raise _invalid(dict.fromkeys(wrong, (message, "digits")))
        return said


def _amounts(said: Mapping[str, Any]) -> list[tuple[str, Decimal]]:
    """Return each amount of a basket with the path to its field."""
    found = [(name, said[name]) for name in ("worth", "shipping") if name in said]
    for number, line in enumerate(said.get("lines", ())):
        found += [(f"lines.{number}.{name}", line[name]) for name in ("price", "now") if line[name] is not None]
    return found


def _invalid(fields: Mapping[str, tuple[Any, str]]) -> serializers.ValidationError:
    return serializers.ValidationError(
        {path: [ErrorDetail(str(words), code=code)] for path, (words, code) in fields.items()}
    )


def basket_of(said: Mapping[str, Any]) -> Basket:
    """Return the basket of a valid ``BasketIn``."""
    currency = said["currency"]

    def line_of(line: Mapping[str, Any]) -> Line:
        now, categories = line["now"], line["categories"]
        return Line(
            product=line["product"],
            quantity=line["quantity"],
            price=to_minor(line["price"], currency),
            now=None if now is None else to_minor(now, currency),
            categories=None if categories is None else tuple(categories),
        )

    whole = (Line(product="", price=to_minor(said["worth"], currency)),) if "worth" in said else ()
    return Basket(
        reference=said["cart"],
        currency=currency,
        lines=whole or tuple(map(line_of, said["lines"])),
        shipping=to_minor(said["shipping"], currency),
        email=said["email"],
        user_id=said["user"],
    )


# The answer


@extend_schema_field({"type": "string", "format": "decimal", "example": "12.50"})
class MoneyOut(serializers.CharField):
    """A decimal string with the currency's digits."""


class CodeOut(serializers.Serializer[Any]):
    code = serializers.CharField(help_text="As it is stored; as it was sent where it cannot be a code.")
    taken = serializers.BooleanField()
    reason = serializers.CharField(allow_blank=True, help_text=f"Empty, or one of: {REASONS}")
    detail = serializers.CharField(
        allow_blank=True, help_text="For staff, in words. Shoppers get one sentence for all."
    )
    later = serializers.BooleanField(help_text="True: not now, but this basket may yet come to it. Keep the code.")
    discount = MoneyOut(help_text="What it takes off goods and shipping together.")
    lines = serializers.ListField(child=MoneyOut(), help_text="What it takes off each line.")
    shipping = MoneyOut(help_text="What it takes off the shipping.")

    class Meta:
        ref_name = "CodeInBasket"


class QuoteOut(serializers.Serializer[Any]):
    taken = serializers.BooleanField(help_text="Whether every code is taken.")
    reason = serializers.CharField(allow_blank=True, help_text="Of the first code that is not.")
    detail = serializers.CharField(allow_blank=True)
    coupons = CodeOut(many=True, help_text="One for each code, in the order of the request.")
    currency = serializers.CharField()
    lines = serializers.ListField(child=MoneyOut(), help_text="What is left to pay for each line.")
    goods = MoneyOut(help_text="What is left to pay for all lines.")
    shipping = MoneyOut(help_text="What is left to pay for the shipping.")
    total = MoneyOut(help_text="Goods and shipping.")
    discount = MoneyOut(help_text="What all codes together take off.")
    until = serializers.DateTimeField(
        allow_null=True,
        help_text="When what is reserved is given back if no order came; null where nothing is reserved.",
    )

    class Meta:
        ref_name = "Quote"


def answer(quote: Quote, sent: Sequence[str]) -> Any:
    """Return a quote as it is answered, each code in its place of the request."""
    currency = quote.basket.currency
    off = {taken.coupon.code: taken.discount for taken in quote.taken}
    refused = {refusal.code: refusal for refusal in quote.refused}

    def money(minor: int) -> str | None:
        return decimal(minor, currency)

    coupons = []
    for code in (codes.normal(text) or text for text in sent):
        taken, refusal = off.get(code), refused.get(code)
        coupons.append(
            {
                "code": code,
                "taken": refusal is None,
                **reason(refusal),
                "later": refusal is not None and refusal.reason in reasons.LATER,
                "discount": money(taken.total if taken else 0),
                "lines": [money(part) for part in taken.lines] if taken else [],
                "shipping": money(taken.shipping if taken else 0),
            }
        )
    first = next((refused[one["code"]] for one in coupons if one["code"] in refused), None)
    found = {
        "taken": first is None,
        **reason(first),
        "coupons": coupons,
        "currency": currency,
        "lines": [money(left) for left in quote.lines],
        "goods": money(quote.goods),
        "shipping": money(quote.shipping),
        "total": money(quote.total),
        "discount": money(quote.discount),
        "until": quote.until,
    }
    return QuoteOut(found).data


def reason(refusal: Refusal | None) -> dict[str, str]:
    if refusal is None:
        return {"reason": "", "detail": ""}
    return {"reason": refusal.reason.value, "detail": refusal.detail or str(refusal.reason.label)}
