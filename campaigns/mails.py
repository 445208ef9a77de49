"""The mails of campaigns: what a coupon is worth, and one question about an order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from campaigns import goods_words, questions, wording
from campaigns.models import Coupon, Invitation
from campaigns.services import answers, enrolments, invitations
from campaigns.terms import Period
from retention import registry
from retention.links import absolute
from retention.mail import Button, Code, Heading, Mail, Para, Part, Rating, register
from retention.models import Message, Order, Token
from retention.services import texts, tokens

Values = Mapping[int, Mapping[str, Any]]

COUPON = {
    "code": _("the coupon's code"),
    "gives": _("what comes off, e.g. “10% off”"),
    "minimum": _("from which worth on, e.g. “from €30.00”; empty where there is none"),
    "starts": _("the first day of the coupon; empty where it is good at once"),
    "expires": _("the last day of the coupon"),
    "goods": _("what it is only, or never, for; empty where it is for all goods"),
    "often": _("how often one person can use the offer, e.g. “once a month”; empty where that is not limited"),
    "once": _("whether it can be used once only"),
    "alone": _("whether it cannot be used together with another coupon"),
    "link": _("the page whose one button puts the coupon into the basket"),
}

SURVEY = {
    "question": _("the question"),
    "low": _("what the lowest score means"),
    "high": _("what the highest score means"),
    "scores": _("list of scores, each with “score” and “url”"),
    "order_number": _("the number of the order it is about"),
}


def _coupons(messages: Sequence[Message]) -> dict[int, Coupon]:
    rows = Coupon.objects.select_related("version", "offer")
    return rows.in_bulk({message.values["coupon"] for message in messages if "coupon" in message.values})


def _coupon_values(messages: Sequence[Message], at: datetime) -> Values:
    found = _coupons(messages)
    titles = goods_words.titles(coupon.terms for coupon in found.values())
    values = {}
    for message in messages:
        coupon = found[message.values["coupon"]]
        with translation.override(texts.language_for(message)):
            values[message.pk] = {
                "code": coupon.code,
                "gives": wording.gives(coupon.terms, coupon.money, titles=titles),
                "minimum": wording.minimum(coupon.money),
                "starts": wording.start(coupon, at=at),
                "expires": wording.expiry(coupon),
                "goods": wording.goods(coupon.terms, titles=titles),
                "often": wording.per_person(coupon.terms) if _says_more(coupon) else "",
                "once": coupon.max_uses == 1,
                "alone": coupon.terms.exclusive,
                "link": absolute(reverse("campaigns:coupon", args=[coupon.code])),
            }
    return values


def _says_more(coupon: Coupon) -> bool:
    """Whether "once a person" is more than "once"."""
    return (coupon.terms.uses, coupon.terms.per_customer, coupon.terms.per_customer_period) != (1, 1, Period.EVER)


def _refuse_coupon(messages: Sequence[Message], at: datetime) -> Mapping[int, str]:
    """Refuse what its journey does not want any more, and a coupon that is used, called off or over."""
    refused = dict(enrolments.refuse(messages, at))
    good = set(Coupon.objects.outstanding(at=at).filter(pk__in=_coupons(messages)).values_list("pk", flat=True))
    for message in messages:
        if message.values.get("coupon") not in good:
            refused.setdefault(message.pk, "coupon is not good any more")
    return refused


def _survey_values(messages: Sequence[Message], at: datetime) -> Values:
    ids = [message.values["invitation"] for message in messages]
    found = Invitation.objects.select_related("survey").in_bulk(ids)
    numbers = dict(
        Order.objects.filter(reference__in=[message.order for message in messages]).values_list("reference", "number")
    )
    values: dict[int, dict[str, Any]] = {}
    for survey in {invitation.survey for invitation in found.values()}:
        group = [message for message in messages if found[message.values["invitation"]].survey == survey]
        secrets = tokens.mint(
            purpose=Token.Purpose.ANSWER,
            about=[(message.customer_id, answers.subject_of(message.values["invitation"])) for message in group],
            lasts=timedelta(days=survey.open_days + survey.edit_days),
            at=at,
        )
        for message, secret in zip(group, secrets, strict=True):
            with translation.override(texts.language_for(message)):
                low, high = questions.ends(survey)
                values[message.pk] = {
                    "question": questions.question(survey),
                    "low": low,
                    "high": high,
                    "scores": [
                        {"score": score, "url": absolute(reverse("campaigns:answer", args=[secret, score]))}
                        for score in survey.scale
                    ],
                    "order_number": numbers.get(message.order, message.order),
                }
    return values


COUPON_BODY = [
    Code(value="code"),
    Para(when="minimum", words=_("For orders {{ minimum }}.")),
    Para(when="goods", words=_("Please note: {{ goods }}.")),
    Para(when="starts", words=_("Good from {{ starts }} on.")),
    Para(words=_("Good until {{ expires }}.")),
    Para(when="once", words=_("It can be used once.")),
    Para(when="often", words=_("The offer can be used {{ often }} per person.")),
    Para(when="alone", words=_("It cannot be used together with another coupon.")),
    Button(words=_("Use the coupon"), link="link"),
]
"""A coupon with everything that its reader must know."""

COUPON_SAMPLES = {
    "code": "PAPER-7Q4M-KX2P",
    "gives": _("10% off"),
    "minimum": _("from €30.00"),
    "starts": _("December 1"),
    "expires": _("December 31"),
    "goods": _("only for cups and bowls"),
    "often": _("once a month"),
    "once": True,
    "alone": True,
}

RATING = Rating(question="{{ question }}", scores="scores", low="{{ low }}", high="{{ high }}")

SURVEY_SAMPLES = {
    "question": _("How likely are you to recommend us to a friend?"),
    "low": _("not at all"),
    "high": _("very likely"),
    "order_number": "100042",
}

PARTS = [
    Part(name="campaigns.coupon", label=_("The coupon, with what it is good for"), body=COUPON_BODY),
    Part(name="campaigns.rating", label=_("The question with its scores"), body=[RATING]),
]

GIVES = ("campaigns.coupon", "retention.products", "retention.companions", "loyalty.points")
"""The last one is on offer where loyalty is installed."""

MAILS = [
    # Marketing, not service: the form asks for "offers and news" and promises no coupon of its own, so this is the
    # first mail of what was asked for, under the consent that the click before it gave, with its way out in it.
    Mail(
        name="campaigns.welcome",
        label=_("Welcome, with a coupon for the first order"),
        purpose="marketing",
        subject=_("Welcome to {{ shop.name }}: {{ gives }}"),
        preheader=_("For your first order, good until {{ expires }}."),
        values=COUPON,
        parts=GIVES,
        samples=COUPON_SAMPLES,
        build=_coupon_values,
        refuse=_refuse_coupon,
        body=[
            Heading(words=_("Welcome")),
            Para(words=_("Thank you for signing up. Here is something for your first order: {{ gives }}.")),
            *COUPON_BODY,
        ],
    ),
    Mail(
        name="campaigns.next_order",
        label=_("Thank you, with a coupon for the next order"),
        purpose="marketing",
        subject=_("Thank you: {{ gives }} on your next order"),
        preheader=_("Good until {{ expires }}."),
        values=COUPON,
        parts=GIVES,
        samples=COUPON_SAMPLES,
        build=_coupon_values,
        refuse=_refuse_coupon,
        body=[
            Heading(words=_("Thank you for your order")),
            Para(words=_("We would be glad to see you again. This is for your next order: {{ gives }}.")),
            *COUPON_BODY,
        ],
    ),
    Mail(
        name=invitations.INVITATION,
        label=_("One question about an order"),
        purpose="survey",
        subject=_("One question about your order {{ order_number }}"),
        preheader=_("{{ question }}"),
        values=SURVEY,
        parts=("campaigns.rating",),
        samples=SURVEY_SAMPLES,
        build=_survey_values,
        refuse=invitations.refuse,
        body=[
            Heading(words=_("How did we do?")),
            Para(
                words=_(
                    "This is about your order {{ order_number }}. "
                    "Choose a number; it opens a page where you can send it."
                )
            ),
            RATING,
            Para(words=_("A minute is enough. Thank you!")),
        ],
    ),
    Mail(
        name=invitations.REMINDER,
        label=_("One question about an order, once more"),
        purpose="survey",
        subject=_("Still one question about your order {{ order_number }}"),
        preheader=_("{{ question }}"),
        values=SURVEY,
        parts=("campaigns.rating",),
        samples=SURVEY_SAMPLES,
        build=_survey_values,
        refuse=invitations.refuse,
        body=[
            Heading(words=_("How did we do?")),
            Para(
                words=_("We asked you about your order {{ order_number }} some days ago. We do not ask a third time.")
            ),
            RATING,
            Para(words=_("A minute is enough. Thank you!")),
        ],
    ),
]


def load() -> None:
    """Register the mails of this app, and the parts of them that staff can put elsewhere."""
    for part in PARTS:
        registry.mail_parts.add(part.name, part)
    for mail in MAILS:
        register(mail)
