"""The ground's tests see the ground alone."""

from tests.retention.ground import bare_shop, shop, wiring
from tests.retention.mails import mails
from tests.retention.people import customer, user
from tests.retention.postoffice import office
from tests.retention.provider import heard, provider

__all__ = ["bare_shop", "customer", "heard", "mails", "office", "provider", "shop", "user", "wiring"]
