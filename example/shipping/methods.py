from decimal import Decimal

from django.utils.translation import gettext_lazy as _
from oscar.apps.shipping import methods


class Post(methods.FixedPrice):
    """A parcel at one price, whatever is in it."""

    code = "post"
    name = _("By post")
    description = _("In two to four days, to your door.")
    charge_excl_tax = Decimal("3.90")
    charge_incl_tax = Decimal("3.90")


class Collect(methods.Free):
    """The customer comes for it."""

    code = "collect"
    name = _("Collect in the shop")
    description = _("Free, ready the next day.")
