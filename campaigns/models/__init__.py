from campaigns.models.coupon import Coupon
from campaigns.models.offer import Offer, OfferCondition, OfferMoney, OfferVersion
from campaigns.models.redemption import Redemption

__all__ = [
    "Coupon",
    "Offer",
    "OfferCondition",
    "OfferMoney",
    "OfferVersion",
    "Redemption",
]
