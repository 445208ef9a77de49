"""The ground's tests see the ground alone."""

import pytest

from retention.watch import Watch
from tests.retention.ground import bare_shop, shop, wiring
from tests.retention.mails import mails
from tests.retention.people import customer, user
from tests.retention.postoffice import office
from tests.retention.provider import heard, provider

__all__ = ["bare_shop", "customer", "heard", "mails", "office", "provider", "shop", "user", "wiring"]


@pytest.fixture(autouse=True)
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    """A round of deliveries takes no time, however busy the machine is: tests name instants to the second."""
    monkeypatch.setattr(Watch, "now", lambda self: self._at)
