from retention.models.block import Block
from retention.models.claim import Token
from retention.models.consent import CheckoutChoice, Consent, ConsentEvidence, Suppression
from retention.models.customer import Customer, Spend
from retention.models.fact import Fact, ParkedFact, Subscription
from retention.models.heartbeat import Heartbeat
from retention.models.inbox import Signal
from retention.models.installation import Installation
from retention.models.job import Job
from retention.models.message import Message
from retention.models.order import Order, OrderCoupon, OrderLine, Refund
from retention.models.prompt import Prompt
from retention.models.request import IdempotentRequest
from retention.models.text import Text
from retention.models.throttle import Attempt

__all__ = [
    "Attempt",
    "Block",
    "CheckoutChoice",
    "Consent",
    "ConsentEvidence",
    "Customer",
    "Fact",
    "Heartbeat",
    "IdempotentRequest",
    "Installation",
    "Job",
    "Message",
    "Order",
    "OrderCoupon",
    "OrderLine",
    "ParkedFact",
    "Prompt",
    "Refund",
    "Signal",
    "Spend",
    "Subscription",
    "Suppression",
    "Text",
    "Token",
]
