"""Asking for the shop's mail, and confirming it by a mailed link."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext

from retention.conf import conf
from retention.facts import SignupConfirmed
from retention.models import Customer, Token
from retention.models.consent import Basis, Purpose
from retention.services import consent, customers, facts, outbox, throttle, tokens
from retention.services.accounts import HOUR, TooMany
from retention.services.outbox import Promise

TEXT_VERSION = "1"


def consent_text(language: str = "") -> str:
    """Return the sentence beside the sign-up form, as it is kept for evidence."""
    with translation.override(language or translation.get_language()):
        return gettext("Send me offers and news by e-mail. You can leave at any time by one click in each mail.")


def ask(*, email: str, source: str, language: str, origin: str, at: datetime) -> None:
    """Write down that somebody asked for mail at this address, and mail the link that confirms it.

    ``origin`` is the network address, for the limit. Nothing is granted yet. Raises TooMany.
    """
    if not throttle.hit(scope="signup", who=origin, limit=conf.SIGNUPS_PER_HOUR, seconds=HOUR, at=at):
        raise TooMany
    if not throttle.hit(
        scope="signup-address", who=email.strip().lower(), limit=conf.CLAIM_MAILS_PER_HOUR, seconds=HOUR, at=at
    ):
        return  # the address has its mails; the stranger who asks learns nothing
    # a member's row only where the mailbox is proven: whoever opened the account may have typed this address
    proven = Customer.objects.at_address(email).members().filter(address_proven_at__isnull=False)
    person = proven.order_by("pk").first() or customers.for_guest(email, at=at, language=language)
    if language and not person.language:
        Customer.objects.filter(pk=person.pk, language="").update(language=language)
    outbox.post(
        Promise(
            key=f"confirm-signup:{person.pk}:{at.timestamp():.0f}",
            mail="retention.confirm_signup",
            customer=person.pk,
            values={"subject": f"signup:{source}"[:120]},
            due_at=at,
            source=f"sign-up:{source}"[:120],
            priority=100,
        ),
        at=at,
    )


def confirm(*, secret: str, origin: str, at: datetime) -> Customer:
    """Use the mailed link up: the mailbox is proven and marketing mail allowed. ``origin`` is a hash.

    Raises tokens.Invalid, tokens.Used, tokens.Expired.
    """
    with transaction.atomic():
        token = tokens.use(secret, purpose=Token.Purpose.CONFIRM, at=at)
        person = token.customer
        source = token.subject.removeprefix("signup:")
        customers.prove_address(person, at=at)
        consent.grant(
            person,
            purpose=Purpose.MARKETING,
            basis=Basis.DOUBLE_OPT_IN,
            source=f"sign-up:{source}"[:120],
            at=at,
            text=consent_text(person.language),
            text_version=TEXT_VERSION,
            origin=origin,
        )
        facts.publish([SignupConfirmed(customer=person.pk, at=at, source=source)])
    return person
