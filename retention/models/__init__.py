from retention.models.block import Block
from retention.models.claim import Token
from retention.models.companion import Companion
from retention.models.consent import CheckoutChoice, Consent, ConsentEvidence, Suppression
from retention.models.consent_import import ConsentImport, ConsentImportPart
from retention.models.customer import Customer, Spend
from retention.models.event import MailEvent
from retention.models.fact import Fact, ParkedFact, Subscription
from retention.models.heartbeat import Heartbeat
from retention.models.inbox import Signal
from retention.models.installation import Installation
from retention.models.job import Job
from retention.models.message import Message
from retention.models.order import Order, OrderCoupon, OrderLine, Refund
from retention.models.preference import Preference, Topic, TopicChoice, TopicWords
from retention.models.prompt import Prompt
from retention.models.request import IdempotentRequest
from retention.models.sending import DomainRate, MailCap, Sending, SendTally
from retention.models.text import Text
from retention.models.throttle import Attempt

__all__ = [
    "Attempt",
    "Block",
    "CheckoutChoice",
    "Companion",
    "Consent",
    "ConsentEvidence",
    "ConsentImport",
    "ConsentImportPart",
    "Customer",
    "DomainRate",
    "Fact",
    "Heartbeat",
    "IdempotentRequest",
    "Installation",
    "Job",
    "MailCap",
    "MailEvent",
    "Message",
    "Order",
    "OrderCoupon",
    "OrderLine",
    "ParkedFact",
    "Preference",
    "Prompt",
    "Refund",
    "SendTally",
    "Sending",
    "Signal",
    "Spend",
    "Subscription",
    "Suppression",
    "Text",
    "Token",
    "Topic",
    "TopicChoice",
    "TopicWords",
]
