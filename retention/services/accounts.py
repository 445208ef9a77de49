"""The two doors to an account: on the thank-you page, and by a mailed link."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.http import HttpRequest

from retention.conf import conf
from retention.hashing import normal
from retention.locks import one_at_a_time
from retention.models import Customer, Token
from retention.services import customers, inbox, outbox, prompts, throttle, tokens
from retention.services.outbox import Promise
from retention.shop import OrderData, get_shop

HOUR = 3600


class TooMany(Exception):
    """So many links were asked for that the next must wait."""


def open_with_password(request: HttpRequest, *, order: OrderData, password: str, at: datetime) -> Any | None:
    """Door one, in the session that placed ``order``: make the account and attach *that* order.

    Returns the new user, to be signed in. Returns None where the address has an account already, or this order
    has had its try: then a sign-in link is mailed, and the shopper must see the very same answer.
    """
    shop = get_shop()
    with one_at_a_time(f"retention.account:{normal(order.email)}", wait=True):
        # in the same transaction: where making the account fails, the try is not used up
        first = prompts.accept(name=prompts.ACCOUNT, order=order.reference, email=order.email, at=at)
        if first and not shop.find_users(order.email):
            return _open(request, order=order, password=password, at=at)
        if first:
            _mail_sign_in(order, at=at)
    make_password(password)  # the same time is spent, whatever the answer
    return None


def _open(request: HttpRequest, *, order: OrderData, password: str, at: datetime) -> Any:
    shop = get_shop()
    user = shop.create_customer(
        request, email=order.email, password=password, first_name=order.first_name, last_name=order.last_name
    )
    member = customers.for_user(user, at=at)
    if order.language:
        Customer.objects.filter(pk=member.pk, language="").update(language=order.language)
    shop.claim_order(order.reference, user=user)
    inbox.record(kind="claimed", reference=order.reference)
    ask_proof(member, at=at, key=f"prove:{member.pk}")
    return user


def _mail_sign_in(order: OrderData, *, at: datetime) -> None:
    guest = customers.for_guest(order.email, at=at, language=order.language)
    outbox.post(
        Promise(
            key=f"sign-in:{order.reference}",
            mail="retention.sign_in",
            customer=guest.pk,
            order=order.reference,
            due_at=at,
            source="thank-you page",
            priority=100,
        ),
        at=at,
    )


def ask_link(*, order: OrderData, at: datetime) -> None:
    """Mail a link that opens the account, to who would rather not choose a password now. Raises TooMany."""
    guest = customers.for_guest(order.email, at=at, language=order.language)
    _limit(guest, at=at)
    outbox.post(
        Promise(
            key=f"open-account:{order.reference}:{at.timestamp():.0f}",
            mail="retention.open_account",
            customer=guest.pk,
            order=order.reference,
            due_at=at,
            source="thank-you page",
            priority=100,
        ),
        at=at,
    )


def ask_proof(member: Customer, *, at: datetime, key: str = "") -> None:
    """Mail the link by which a member proves the address, so that older guest orders attach. Raises TooMany."""
    if not key:
        _limit(member, at=at)
    outbox.post(
        Promise(
            key=key or f"prove:{member.pk}:{at.timestamp():.0f}",
            mail="retention.prove_address",
            customer=member.pk,
            due_at=at,
            source="account",
            priority=100,
        ),
        at=at,
    )


def ask_again(token: Token, *, at: datetime) -> None:
    """Mail a new link in place of one that ended. Raises TooMany."""
    _limit(token.customer, at=at)
    mail = {
        Token.Purpose.SIGN_IN: "retention.sign_in",
        Token.Purpose.CONFIRM: "retention.confirm_signup",
    }.get(Token.Purpose(token.purpose), "")
    if not mail and token.customer.is_member:
        # a proven address needs no proof: who asks wants to get in
        mail = "retention.sign_in" if token.customer.address_proven_at else "retention.prove_address"
    outbox.post(
        Promise(
            key=f"again:{token.pk}:{at.timestamp():.0f}",
            mail=mail or "retention.open_account",
            customer=token.customer_id,
            order=token.subject if token.purpose != Token.Purpose.CONFIRM else "",
            values={"subject": token.subject},
            due_at=at,
            source="asked again",
            priority=100,
        ),
        at=at,
    )


def _limit(customer: Customer, *, at: datetime) -> None:
    if not throttle.hit(
        scope="link", who=f"customer:{customer.pk}", limit=conf.CLAIM_MAILS_PER_HOUR, seconds=HOUR, at=at
    ):
        raise TooMany


def find_account(person: Customer) -> Any | None:
    """Return the user whom a mailed link to this person is about, None where there is no account."""
    return person.user or next(iter(get_shop().find_users(person.email)), None)


def needs_password(token: Token, *, visitor: Any) -> bool:
    """Whether the page that a link opens has to ask for a password.

    It does where there is no account, and where the account's address was never proven and ``visitor`` is not
    signed in to it: whoever opened it may have typed somebody else's address, and must not keep a way in.
    """
    user = find_account(token.customer)
    return user is None or (user != visitor and not _proven(user))


def _proven(user: Any) -> bool:
    return Customer.objects.filter(user=user, address_proven_at__isnull=False).exists()


def enter(request: HttpRequest, *, secret: str, purpose: str, password: str | None, at: datetime) -> Any:
    """Door two: use a mailed link up. The address is proven and every guest order of it attaches.

    Makes the account where there is none, and gives one that nobody had proven to the mailbox's owner alone, with
    ``password`` (None for an unusable one). Returns the user, to be signed in. Raises tokens.Invalid, tokens.Used,
    tokens.Expired.
    """
    shop = get_shop()
    with transaction.atomic():
        token = tokens.use(secret, purpose=purpose, at=at)
        person = token.customer
        with one_at_a_time(f"retention.account:{person.address}", wait=True):
            user = find_account(person)
            if user is None:
                user = shop.create_customer(
                    request,
                    email=person.email,
                    password=password,
                    first_name=person.first_name,
                    last_name=person.last_name,
                )
            elif normal(user.email) != person.address:
                raise tokens.Expired(token)  # the account has another address by now; this link proves the old one
            elif user != request.user and not _proven(user):
                user.set_password(password)  # ends every other session, too
                user.save(update_fields=["password"])
            member = customers.for_user(user, at=at)
            customers.prove_address(member, at=at)
            for reference in shop.find_guest_orders(member.email):
                if shop.claim_order(reference, user=user):
                    inbox.record(kind="claimed", reference=reference)
    return user
