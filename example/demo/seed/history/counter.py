"""From the order to its end: what the shop and the shopper do with each purchase."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from random import Random
from typing import Any

from oscar.core.loading import get_model

from campaigns.models import Coupon
from example.demo.seed.history import till
from example.demo.seed.history.cast import Account, Person
from example.demo.seed.history.diary import Diary
from example.demo.seed.history.purchases import Fate, Purchase
from loyalty.services import referral_links, referral_visits
from retention.contrib.oscar import choices
from retention.models import CheckoutChoice, Customer
from retention.services import accounts, inbox, prompts
from retention.shop import get_shop

Choose = Callable[..., Coupon | None]
Voucher = get_model("voucher", "Voucher")
HANDLED = (("Being processed", 0.4), ("Shipped", 1.2), ("Complete", 3.2))
"""Each status, and after how many days an order usually has it."""


@dataclass
class Counter:
    """Plays purchases; knows who has an account by now."""

    diary: Diary
    random: Random
    users: dict[str, Any] = field(default_factory=dict)
    chosen: dict[str, Choose] = field(default_factory=dict)
    """Address → how that person chooses a coupon; everybody else remembers one or not."""

    def expect(self, person: Person, purchases: list[Purchase]) -> None:
        """Write down when somebody comes."""
        if purchases and person.account is Account.BEFORE:
            self.diary.note(purchases[0].at - timedelta(minutes=20), partial(self._register, person))
        for purchase in purchases:
            self.diary.note(purchase.at, partial(self._sell, purchase))

    def bring(self, purchase: Purchase, referrer: Person, network: str) -> None:
        """Write down an order that comes by a member's link."""
        self.diary.note(purchase.at, partial(self._sell, purchase, referrer=referrer, network=network))

    def _register(self, person: Person, at: datetime) -> None:
        self.users[person.email] = till.register(person)

    def _sell(self, purchase: Purchase, at: datetime, referrer: Person | None = None, network: str = "") -> None:
        person = purchase.person
        user = self.users.get(person.email)
        order = till.place(purchase, user=user, voucher=self._voucher(person, at))
        self._choose(order, person, at)
        if referrer is not None:
            link = referral_links.make(Customer.objects.get(user__email=referrer.email), at=at)
            referral_visits.note(order=str(order.pk), code=link.code, address=network, at=at)
        if user is None:
            self.diary.note(at + timedelta(seconds=40), partial(self._answer_prompt, order, person))
        self._handle(order, purchase)

    def _voucher(self, person: Person, at: datetime) -> Any | None:
        """The coupon that somebody remembers to use."""
        if person.email in self.chosen:
            chosen = self.chosen[person.email](at=at)
            return Voucher.objects.filter(code=chosen.code).first() if chosen else None
        coupon = Coupon.objects.redeemable(at=at).filter(customer__address=person.email).order_by("expires_at").first()
        if coupon is None or self.random.random() > 0.5:
            return None
        return Voucher.objects.filter(code=coupon.code).first()

    def _choose(self, order: Any, person: Person, at: datetime) -> None:
        """What stood under the order, and whether the box was ticked: the middleware's part of a checkout."""
        words = choices.wording(person.language)
        CheckoutChoice.objects.create(
            order=str(order.pk),
            opted_out=person.opts_out,
            text=words.text,
            text_version=words.version,
            language=words.language,
            at=at,
        )
        inbox.record(kind="choice", reference=str(order.pk))

    def _answer_prompt(self, order: Any, person: Person, at: datetime) -> None:
        said = {"name": prompts.ACCOUNT, "order": str(order.pk), "email": person.email}
        if not prompts.wanted(**said, at=at):
            return
        prompts.note_shown(**said, at=at)
        if person.account in (Account.AFTER, Account.PROVEN):
            data = get_shop().get_orders([str(order.pk)])[str(order.pk)]
            # Without a password nobody can log in as these people.
            self.users[person.email] = accounts.open_with_password(None, order=data, password=None, at=at)
        elif self.random.random() < 0.35:
            prompts.dismiss(**said, at=at)

    def _handle(self, order: Any, purchase: Purchase) -> None:
        """Write down what becomes of the order."""
        if purchase.fate is Fate.CANCELLED:
            self.diary.note(purchase.at + timedelta(hours=9) * purchase.pace, self._move(order, "Cancelled"))
            return
        for status, days in HANDLED:
            self.diary.note(purchase.at + timedelta(days=days) * purchase.pace, self._move(order, status))
        if purchase.fate in (Fate.RETURNED, Fate.PART_RETURNED):
            whole = purchase.fate is Fate.RETURNED
            back = purchase.at + timedelta(days=self.random.uniform(6, 16))
            self.diary.note(back, lambda at: till.refund(order, whole=whole))

    def _move(self, order: Any, status: str) -> Any:
        return lambda at: till.move(order, status)
