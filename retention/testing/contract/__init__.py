"""The tests that every adapter passes.

Inherit them in a test module of yours and give them your host as the fixture ``world``
(``retention.testing.world.World``)::

    class TestMyShop(ShopContract):
        @pytest.fixture
        def world(self, db): return MyWorld()

An adapter with fewer capabilities inherits those classes that are about the ones it has.
"""

from retention.testing.contract.accounts import AccountsContract
from retention.testing.contract.carts import CartsContract
from retention.testing.contract.catalogue import CatalogueContract
from retention.testing.contract.coupons import CouponsContract
from retention.testing.contract.evidence import EvidenceContract
from retention.testing.contract.guards import GuardsContract, SigningInContract
from retention.testing.contract.meant import GoodsContract
from retention.testing.contract.orders import OrdersContract
from retention.testing.contract.redemption import RedemptionContract
from retention.testing.contract.stacking import StackingContract


class ShopContract(
    OrdersContract,
    AccountsContract,
    CouponsContract,
    GoodsContract,
    StackingContract,
    RedemptionContract,
    GuardsContract,
    SigningInContract,
    EvidenceContract,
    CartsContract,
    CatalogueContract,
):
    """Everything, for a shop with every capability."""


__all__ = [
    "AccountsContract",
    "CartsContract",
    "CatalogueContract",
    "CouponsContract",
    "EvidenceContract",
    "GoodsContract",
    "GuardsContract",
    "OrdersContract",
    "RedemptionContract",
    "ShopContract",
    "SigningInContract",
    "StackingContract",
]
