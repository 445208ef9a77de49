from campaigns.models.batch import CouponBatch
from campaigns.models.case import CaseNote, RecoveryCase
from campaigns.models.coupon import Coupon
from campaigns.models.journey import Enrolment, Journey, JourneyCondition, JourneyVersion, Step
from campaigns.models.limit import OfferLimit, OfferTally
from campaigns.models.margin import MarginGuard, ProductCost
from campaigns.models.offer import Offer, OfferCondition, OfferGoods, OfferMoney, OfferVersion
from campaigns.models.redemption import Redemption
from campaigns.models.rejection import Guess, Rejection
from campaigns.models.segment import Segment, SegmentMember, SegmentRule
from campaigns.models.survey import Answer, Invitation, Survey

__all__ = [
    "Answer",
    "CaseNote",
    "Coupon",
    "CouponBatch",
    "Enrolment",
    "Guess",
    "Invitation",
    "Journey",
    "JourneyCondition",
    "JourneyVersion",
    "MarginGuard",
    "Offer",
    "OfferCondition",
    "OfferGoods",
    "OfferLimit",
    "OfferMoney",
    "OfferTally",
    "OfferVersion",
    "ProductCost",
    "RecoveryCase",
    "Redemption",
    "Rejection",
    "Segment",
    "SegmentMember",
    "SegmentRule",
    "Step",
    "Survey",
]
