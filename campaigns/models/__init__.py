from campaigns.models.case import CaseNote, RecoveryCase
from campaigns.models.coupon import Coupon
from campaigns.models.journey import Enrolment, Journey, JourneyCondition, JourneyVersion, Step
from campaigns.models.offer import Offer, OfferCondition, OfferMoney, OfferVersion
from campaigns.models.redemption import Redemption
from campaigns.models.survey import Answer, Invitation, Survey

__all__ = [
    "Answer",
    "CaseNote",
    "Coupon",
    "Enrolment",
    "Invitation",
    "Journey",
    "JourneyCondition",
    "JourneyVersion",
    "Offer",
    "OfferCondition",
    "OfferMoney",
    "OfferVersion",
    "RecoveryCase",
    "Redemption",
    "Step",
    "Survey",
]
