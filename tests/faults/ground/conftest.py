"""Faults of the ground see the ground alone."""

from tests.retention.ground import bare_shop, shop, wiring
from tests.retention.mails import mails
from tests.retention.people import customer, user
from tests.retention.postoffice import office

__all__ = ["bare_shop", "customer", "mails", "office", "shop", "user", "wiring"]
