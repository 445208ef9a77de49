"""The mails of the ground: all of them service mail, with nothing else in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from retention.conf import conf
from retention.links import absolute
from retention.mail import Button, Heading, Mail, Para, register
from retention.models import Message, Token
from retention.services import tokens


def _link(purpose: str, view: str, lasts: Callable[[], timedelta]) -> Any:
    def build(messages: Sequence[Message], at: datetime) -> Mapping[int, Mapping[str, Any]]:
        about = [(message.customer_id, message.values.get("subject") or message.order) for message in messages]
        minted = tokens.mint(purpose=purpose, about=about, lasts=lasts(), at=at)
        return {
            message.pk: {"link": absolute(reverse(view, args=[secret])), "hours": lasts() // timedelta(hours=1)}
            for message, secret in zip(messages, minted, strict=True)
        }

    return build


def _claim_lasts() -> timedelta:
    return timedelta(hours=conf.CLAIM_HOURS)


def _signup_lasts() -> timedelta:
    return timedelta(days=conf.SIGNUP_DAYS)


LINK = {"link": _("the page that the button opens"), "hours": _("hours for which the link is good")}


def _refuse_proven(messages: Sequence[Message], at: datetime) -> Mapping[int, str]:
    return {message.pk: "address proven" for message in messages if message.customer.address_proven_at}


def load() -> None:
    """Register the mails of this app."""
    register(
        Mail(
            name="retention.prove_address",
            label=_("Confirm the address of a new account"),
            purpose="service",
            at_least_once=True,
            subject=_("Confirm your address at {{ shop.name }}"),
            preheader=_("Then your earlier orders appear in your account, too."),
            values=LINK,
            samples={"hours": 72},
            build=_link(Token.Purpose.CLAIM, "retention:enter", _claim_lasts),
            refuse=_refuse_proven,
            body=[
                Heading(words=_("Your account is open")),
                Para(
                    words=_(
                        "Confirm that this address is yours, and orders you placed with it as a guest "
                        "appear in your account as well."
                    )
                ),
                Button(words=_("Confirm my address"), link="link"),
                Para(
                    words=_(
                        "The order you have just placed is there already; the status link in its confirmation "
                        "does not work any more."
                    )
                ),
                Para(words=_("The link is good for {{ hours }} hours and can be used once.")),
                Para(
                    words=_(
                        "If you did not open an account, you need not do anything: "
                        "without this link nobody sees your orders."
                    )
                ),
            ],
        )
    )
    register(
        Mail(
            name="retention.open_account",
            label=_("Open an account by link"),
            purpose="service",
            at_least_once=True,
            subject=_("Open your account at {{ shop.name }}"),
            preheader=_("One click and a password, and your orders are in one place."),
            values=LINK,
            samples={"hours": 72},
            build=_link(Token.Purpose.CLAIM, "retention:enter", _claim_lasts),
            body=[
                Heading(words=_("Your account is one step away")),
                Para(
                    words=_("You asked for this link. It opens your account with all orders placed with this address.")
                ),
                Button(words=_("Open my account"), link="link"),
                Para(words=_("The link is good for {{ hours }} hours and can be used once.")),
                Para(words=_("If you did not ask for it, you need not do anything.")),
            ],
        )
    )
    register(
        Mail(
            name="retention.sign_in",
            label=_("Sign in to an account that exists"),
            purpose="service",
            at_least_once=True,
            subject=_("Your account at {{ shop.name }}"),
            preheader=_("You have an account already. This link signs you in."),
            values=LINK,
            samples={"hours": 72},
            build=_link(Token.Purpose.SIGN_IN, "retention:sign_in", _claim_lasts),
            body=[
                Heading(words=_("You have an account already")),
                Para(
                    words=_(
                        "An order was placed with your address. "
                        "This link signs you in and puts the order into your account."
                    )
                ),
                Button(words=_("Sign in"), link="link"),
                Para(words=_("The link is good for {{ hours }} hours and can be used once.")),
                Para(words=_("If the order is not yours, you need not do anything.")),
            ],
        )
    )
    register(
        Mail(
            name="retention.confirm_signup",
            label=_("Confirm a sign-up"),
            purpose="service",
            at_least_once=True,
            subject=_("Please confirm: mail from {{ shop.name }}"),
            preheader=_("One click, and you get our mail. Without it you get none."),
            values=LINK,
            samples={"hours": 72},
            build=_link(Token.Purpose.CONFIRM, "retention:confirm_signup", _signup_lasts),
            body=[
                Heading(words=_("One click to confirm")),
                Para(words=_("Somebody, probably you, asked for our mail at this address.")),
                Button(words=_("Yes, write to me"), link="link"),
                Para(
                    words=_(
                        "If it was not you, you need not do anything: without this click you get no more mail from us."
                    )
                ),
            ],
        )
    )
