"""Where Oscar keeps what is personal of somebody; for staff who forget the person with us."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from oscar.core.loading import get_model

from retention.contrib.oscar import customers

Words = Callable[[int], str]

PLACES: tuple[tuple[str, str, str, str, Words], ...] = (
    ("order", "Order", "user", "guest_email",
     lambda n: ngettext("%(n)s order with its addresses and notes", "%(n)s orders with their addresses and notes", n)),
    ("address", "UserAddress", "user", "",
     lambda n: ngettext("%(n)s address in the address book", "%(n)s addresses in the address book", n)),
    ("communication", "Email", "user", "email",
     lambda n: ngettext("%(n)s kept copy of a mail", "%(n)s kept copies of mails", n)),
    ("communication", "Notification", "recipient", "",
     lambda n: ngettext("%(n)s notification", "%(n)s notifications", n)),
    ("customer", "ProductAlert", "user", "email",
     lambda n: ngettext("%(n)s product alert", "%(n)s product alerts", n)),
    ("basket", "Basket", "owner", "", lambda n: ngettext("%(n)s basket", "%(n)s baskets", n)),
    ("voucher", "VoucherApplication", "user", "",
     lambda n: ngettext("%(n)s use of a voucher", "%(n)s uses of vouchers", n)),
    ("reviews", "ProductReview", "user", "email",
     lambda n: ngettext("%(n)s review with name and words", "%(n)s reviews with name and words", n)),
    ("reviews", "Vote", "user", "", lambda n: ngettext("%(n)s vote on a review", "%(n)s votes on reviews", n)),
    ("wishlists", "WishList", "owner", "", lambda n: ngettext("%(n)s wish list", "%(n)s wish lists", n)),
    ("wishlists", "WishListSharedEmail", "", "email",
     lambda n: ngettext("%(n)s wish list shared with the address", "%(n)s wish lists shared with the address", n)),
    ("payment", "Bankcard", "user", "", lambda n: ngettext("%(n)s bank card", "%(n)s bank cards", n)),
    ("analytics", "UserProductView", "user", "",
     lambda n: ngettext("%(n)s product that was looked at", "%(n)s products that were looked at", n)),
    ("analytics", "UserSearch", "user", "", lambda n: ngettext("%(n)s search", "%(n)s searches", n)),
)  # fmt: skip
"""App, model, the field that names a user, the field that holds an address, words for so many of them."""


def of(*, email: str, user_id: int | None) -> Iterator[str]:
    """Yield each place that has anything, with how much. A model that the shop does not have is left out."""
    users = [user_id] if user_id else []
    if user_id:
        yield _("the account, number %(id)s") % {"id": user_id}
    elif email and (found := [user.pk for user in customers.find(email)]):
        yield _("an account with this address, number %(id)s") % {"id": ", ".join(map(str, found))}
    for app, name, owner, address, words in PLACES:
        try:
            model: Any = get_model(app, name)
        except LookupError:
            continue
        mine = Q(pk__in=[])
        if owner and users:
            mine |= Q(**{f"{owner}__in": users})
        if address and email:
            mine |= Q(**{f"{address}__iexact": email})
        if n := model._default_manager.filter(mine).count():
            yield words(n) % {"n": n}
    if get_user_model()._default_manager.filter(pk__in=users, last_login__isnull=False).exists():
        yield _("sessions in the browser, until they end")
