from __future__ import annotations

from babel.numbers import is_currency
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _


def known(code: str) -> None:
    """Raise ValidationError unless ``code`` is an ISO code of a currency, in capitals."""
    if not is_currency(code):
        raise ValidationError(_("“%(code)s” is no currency. Give its ISO code, e.g. EUR."), params={"code": code})
