from loyalty.models.account import Account
from loyalty.models.award import OrderAward
from loyalty.models.correction import Correction
from loyalty.models.entry import Entry
from loyalty.models.lot import Lot, LotMove
from loyalty.models.membership import Membership, TierMove
from loyalty.models.programme import Programme
from loyalty.models.rate import Rate
from loyalty.models.tier import Tier, TierTable

__all__ = [
    "Account",
    "Correction",
    "Entry",
    "Lot",
    "LotMove",
    "Membership",
    "OrderAward",
    "Programme",
    "Rate",
    "Tier",
    "TierMove",
    "TierTable",
]
