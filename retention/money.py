"""Money: a Decimal at the seam, integer minor units with an ISO code inside."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

from babel.numbers import NumberFormatError, format_currency, get_currency_precision, parse_decimal
from django.utils.translation import get_language, to_locale


def to_minor(amount: Decimal, currency: str) -> int:
    """Return ``amount`` in minor units of ``currency`` (cents, pence, yen), rounded half up."""
    exponent = get_currency_precision(currency)
    return int(amount.scaleb(exponent).quantize(Decimal(1), rounding=ROUND_HALF_UP))


def to_decimal(minor: int, currency: str) -> Decimal:
    """Return minor units of ``currency`` as a Decimal with that currency's digits."""
    return Decimal(minor).scaleb(-get_currency_precision(currency))


def show(minor: int, currency: str, language: str | None = None) -> str:
    """Return the amount as a reader of ``language`` (None: the active one) writes it."""
    return format_currency(to_decimal(minor, currency), currency, locale=locale_of(language))


def for_a_field(minor: int, currency: str) -> str:
    """Return the amount without its currency and groups, as a reader of the active language types it."""
    return format_currency(to_decimal(minor, currency), currency, "0.00", locale=locale_of())


def read(text: str) -> Decimal | None:
    """Return the amount that a reader of the active language typed; None where it is none."""
    try:
        amount: Decimal = parse_decimal(text.strip(), locale=locale_of())
    except (NumberFormatError, ArithmeticError):
        return None
    return amount if amount.is_finite() else None


def locale_of(language: str | None = None) -> str:
    """Return Babel's name of a language; None: the active one."""
    locale = to_locale(language or get_language() or "en").replace("-", "_")
    return LOCALES.get(locale, locale)


LOCALES = {"zh_Hans": "zh_Hans_CN"}
