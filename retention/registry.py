"""What upper apps, contrib apps and merchants plug into the ground.

Register from ``AppConfig.ready``. Registering the same name twice is an error, but for the same
object, so that reloading is harmless.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from django import forms
from django.apps import apps
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from retention.facts import FactData
from retention.shop import CartData, CouponRejected, OrderData, ProductData

if TYPE_CHECKING:
    from retention.mail import Mail, Part
    from retention.models import Customer

T = TypeVar("T")
Words = str | Promise


class AlreadyRegistered(Exception):
    """Another object has this name."""


class Registry(Generic[T]):
    """A named collection in the order of registration."""

    def __init__(self, noun: str) -> None:
        self.noun = noun
        self._items: dict[str, T] = {}

    def add(self, name: str, item: T) -> T:
        """Register ``item``. Raises AlreadyRegistered when the name is taken by something else."""
        if self._items.get(name, item) != item:
            raise AlreadyRegistered(f"There is already a {self.noun} named {name!r}.")
        self._items[name] = item
        return item

    def remove(self, name: str) -> None:
        self._items.pop(name, None)

    def get(self, name: str) -> T | None:
        return self._items.get(name)

    def __getitem__(self, name: str) -> T:
        return self._items[name]

    def __contains__(self, name: object) -> bool:
        return name in self._items

    def __iter__(self) -> Any:
        return iter(list(self._items.values()))

    def names(self) -> list[str]:
        return list(self._items)


# Facts


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """A fact with its number in the log."""

    id: int
    position: int
    data: FactData


@dataclass(frozen=True, kw_only=True)
class Subscriber:
    """Gets facts of some kinds in batches, each exactly once; re-reads state and does not mind their order."""

    name: str
    facts: Collection[type[FactData]]
    does: Words
    """What it does with them, in words."""
    handle: Callable[[Sequence[Recorded]], None]


subscribers: Registry[Subscriber] = Registry("subscriber")


def subscribe(
    name: str, *facts: type[FactData], does: Words, handle: Callable[[Sequence[Recorded]], None]
) -> Subscriber:
    """Let ``handle`` get batches of these facts. ``name`` is stored: renaming it starts from the first fact."""
    return subscribers.add(name, Subscriber(name=name, facts=facts, does=does, handle=handle))


# What an account gains: shown on the thank-you page, computed from what the shop says, never from our tables' state


@dataclass(frozen=True, kw_only=True)
class Gain:
    text: Words
    """A sentence part, e.g. "120 points"."""
    order: int = 0
    headline: Words = ""
    """Words for the main button's promise, e.g. "claim 120 points"; the first that has any is used."""


gains: Registry[Callable[[OrderData], Sequence[Gain]]] = Registry("gain")


# The customer's page in admin


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of a panel: cells of text, with an optional link and the source of what it says."""

    cells: tuple[Words, ...]
    url: str = ""
    source: Words = ""


@dataclass(frozen=True, kw_only=True)
class PanelData:
    columns: tuple[Words, ...]
    rows: Sequence[Row]
    summary: Words = ""
    actions: Sequence[PanelAction] = ()


@dataclass(frozen=True, kw_only=True)
class PanelAction:
    """A button on the panel: a POST form to ``url``, or a link where it only looks."""

    label: Words
    url: Words
    permission: str = ""
    looks: bool = False


@dataclass(frozen=True, kw_only=True)
class Panel:
    name: str
    title: Words
    build: Callable[[Customer], PanelData]
    permission: str = ""


panels: Registry[Panel] = Registry("panel")


@dataclass(frozen=True, kw_only=True)
class Event:
    """One entry of a customer's timeline, past or planned."""

    at: datetime
    text: Words
    url: str = ""
    planned: bool = False


timeline: Registry[Callable[[Customer], Iterable[Event]]] = Registry("timeline")


# What is broken


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """Something staff should look at, and how to mend it."""

    what: Words
    cure: Words
    count: int = 1
    url: str = ""
    """Where to see it in admin."""
    actions: Sequence[PanelAction] = ()


troubles: Registry[Callable[[datetime], Iterable[Trouble]]] = Registry("trouble")


lookups: Registry[PanelAction] = Registry("look-up")
"""Pages that answer a question of staff, linked from "Is everything well?"; each ``looks``."""


# One person's data


@dataclass(frozen=True, kw_only=True)
class Person:
    """What an app does when a person asks for their data, to be forgotten, or proves to be two rows."""

    name: str
    export: Callable[[Customer], Mapping[str, Any]]
    erase: Callable[[Customer, datetime], None]
    absorb: Callable[[Customer, Customer, datetime], None] = lambda guest, member, at: None
    """Move what is the guest's (first) to the member's row (second)."""


people: Registry[Person] = Registry("person")


# Mails, ticks, conditions, actions


mails: Registry[Mail] = Registry("mail")

mail_parts: Registry[Part] = Registry("part of a mail")
"""By name: what several mails can give, e.g. goods bought together; a name that nobody registered is not on offer."""


@dataclass(frozen=True, kw_only=True)
class Tick:
    """Work that is due again and again; without content, so that a lost or doubled tick changes nothing."""

    name: str
    every: int
    """Seconds."""
    run: Callable[[datetime], int]
    """Does what is due at that time and returns how many items it did."""
    does: Words = ""


ticks: Registry[Tick] = Registry("tick")


class Condition:
    """A test of customers that offers, segments and journeys can ask. Subclass it, register an instance.

    People with one address are one person: ``where`` should count a guest's orders for the member too.
    ``words`` and ``opposite`` go on from "who": "has ordered twice", "has not ordered twice".
    """

    name: str
    """Stored with what asks it, so it never changes, e.g. ``"campaigns.nth_order"``."""
    label: Words
    form: type[forms.Form] = forms.Form
    """Its parameters; what the form cleans is what is stored, so it must be JSON."""

    def where(self, parameters: Mapping[str, Any], *, at: datetime) -> Q:
        """Return the condition as SQL over ``retention.Customer``; its outer rows are ``OuterRef`` of that model.

        Raises ValueError where the parameters are none of this condition.
        """
        raise NotImplementedError

    def reason(self, parameters: Mapping[str, Any]) -> Words:
        """Return why it does not hold, a sentence for staff."""
        return _("This does not hold: %(condition)s.") % {"condition": self.words(parameters)}

    def words(self, parameters: Mapping[str, Any]) -> str:
        """Return the condition with its parameters, for staff."""
        said = ", ".join(f"{field.label}: {parameters.get(key, '?')}" for key, field in self.form.base_fields.items())
        return f"{self.label} ({said})" if said else str(self.label)

    def opposite(self, parameters: Mapping[str, Any]) -> str:
        """Return the words for whom it does not hold, for staff."""
        return _("does not fit this: %(condition)s") % {"condition": self.words(parameters)}

    def newcomer(self, parameters: Mapping[str, Any], *, at: datetime) -> bool:
        """Whether it holds for somebody whom nobody has seen before, so that there is no row to ask about."""
        return False

    def clean(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the parameters as they are stored. Raises ValidationError, a message a field."""
        form = self.form(dict(given))
        if not form.is_valid():
            raise ValidationError({name: list(errors) for name, errors in form.errors.items()})
        if strange := given.keys() - form.fields.keys():
            raise ValidationError(_("There is no parameter %(name)s.") % {"name": ", ".join(sorted(strange))})
        return dict(form.cleaned_data)

    def read(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Return stored parameters as the form reads them, for ``where``. Raises ValueError."""
        try:
            return self.clean(parameters)
        except ValidationError as error:
            raise ValueError(" ".join(error.messages)) from error

    def matching(self, ids: Collection[int], parameters: Mapping[str, Any], at: datetime) -> set[int]:
        """Return those of these customer ids that it holds for: one query. What cannot be asked holds for nobody."""
        try:
            where = self.where(parameters, at=at)
        except ValueError:
            return set()
        return set(_customers().filter(where, pk__in=ids).values_list("pk", flat=True))


def _customers() -> Any:
    return apps.get_model("retention", "Customer")._default_manager


conditions: Registry[Condition] = Registry("condition")


@dataclass(frozen=True, kw_only=True)
class Action:
    """Something that a journey can do to customers, idempotent by key."""

    name: str
    label: Words
    run: Callable[[Sequence[tuple[str, int, str]], Mapping[str, Any], datetime], None]
    """(triples of key, customer id, order reference; parameters; now)."""
    fields: Mapping[str, Words] = field(default_factory=dict)
    mistake: Callable[[Mapping[str, Any]], str] | None = None
    """What is wrong with parameters, a sentence to who writes them; empty: nothing."""


actions: Registry[Action] = Registry("action")


# Checkout: what must be refused before payment


class Reserve(Protocol):
    def __call__(self, request: HttpRequest, cart: CartData, *, email: str, user_id: int | None, at: datetime) -> None:
        """Set aside what the cart is about to use. Raises CouponRejected with the code that cannot be honored."""


@dataclass(frozen=True, kw_only=True)
class CheckoutGuard:
    """Asked when a code is put into a cart (``check``), and again while an order is being placed (``reserve``), before
    the shop takes money; for a cart without coupons too, so that it can give back what it held, but then it must not
    cost a query.

    ``reserve`` is idempotent per cart and takes nothing for ever: what no order came of falls back when its
    lease ends. Any other exception than CouponRejected is logged and the checkout goes on.
    """

    name: str
    reserve: Reserve
    check: Reserve | None = None
    """Raises CouponRejected just as ``reserve`` would, and sets nothing aside."""


checkout_guards: Registry[CheckoutGuard] = Registry("checkout guard")


standing_codes: Registry[Callable[[HttpRequest, datetime], Sequence[str]]] = Registry("source of standing codes")
"""Codes that belong to whoever asks for as long as something holds. An adapter that can puts them into the basket by
itself, says nothing where the basket may not have one, and does not put back what the shopper took out."""


coupon_refusals: Registry[Callable[[CouponRejected, str, str, datetime], None]] = Registry("listener to refusals")
"""Told after a coupon was refused and nothing was changed: (what was raised, ``form`` or ``checkout``, the cart's
reference, now). An exception is logged and goes no further."""


# What an order is placed with


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Something that waits in a visitor's session and is written down with the next order that they place."""

    name: str
    """Key in the session, stored there: it never changes."""
    keep: Callable[[HttpRequest, Any, str, datetime], None]
    """(the request, what was parked, the order's reference, now): one INSERT at most, for the checkout waits for it.
    An exception is logged, the order stands."""


evidence: Registry[Evidence] = Registry("evidence")


# Small hooks


wrong_codes: Registry[Callable[[str, datetime], None]] = Registry("counter of wrong codes")
"""Told of a code that somebody tried and the shop does not have, as far as it could be read (empty: not at all)."""


thanks: Registry[Callable[[OrderData], Sequence[Words]]] = Registry("word of thanks")
"""What may be said to who has just ordered, a sentence each; from what the shop says of the order, since our tables may
not have it yet."""


account_pages: Registry[Callable[[HttpRequest, Customer], Mapping[str, Any] | None]] = Registry("account page")
"""Sections of the shopper's account page: context with ``template``, or None. ``instead_of`` in it: names of other
sections that are not shown then."""


basket_nudges: Registry[Callable[[HttpRequest, datetime], Mapping[str, Any] | None]] = Registry("basket nudge")
"""What may be said above the basket's total, one thing at a time: context with ``template``, or None. The first that
has anything to say is shown."""


product_notes: Registry[Callable[[HttpRequest, ProductData, datetime], Words]] = Registry("note on a product")
"""A sentence below a product's price, e.g. what it earns; empty for none. ``price`` and ``currency`` are what the
shopper sees; the rest may be missing."""


basket_notes: Registry[Callable[[HttpRequest, CartData, datetime], Words]] = Registry("note on a basket")
"""A sentence below a basket's total; empty for none."""


order_notes: Registry[Callable[[HttpRequest, OrderData, datetime], Words]] = Registry("note on an order")
"""A sentence on the page that thanks for an order; empty for none."""


@dataclass(frozen=True, kw_only=True)
class Nudge:
    """Something to say to a member where it helps; one at a time, and never again for a while after a no."""

    name: str
    """Up to 40 letters, digits and hyphens; a no is remembered by it."""
    text: Words
    order: int = 0
    """The lowest is said first."""


nudges: Registry[Callable[[Customer, datetime], Nudge | None]] = Registry("nudge")
"""By the nudge's name; None where there is nothing to say to this member now."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """Something we would like to know of a member, asked on their page one at a time; never a condition of anything."""

    name: str
    """Up to 30 characters with the app in front, e.g. ``retention.birthday``; a "not now" is remembered by it."""
    label: Words
    """The question."""
    why: Words
    """What it is good for, a sentence to who is asked."""
    form: type[forms.Form]
    is_answered: Callable[[Customer], bool]
    """True also where there is nothing to ask of this customer."""
    save: Callable[[Customer, Mapping[str, Any], datetime], None]
    """Write down what the form cleaned, in the caller's transaction."""
    order: int = 0
    """The lowest is asked first."""


questions: Registry[Question] = Registry("question")

api_routes: Registry[str] = Registry("API route")
"""Dotted paths of URLconfs that the API includes under its version, e.g. ``campaigns.api.urls``."""

uninstalls: Registry[Callable[[], Sequence[str]]] = Registry("uninstall")
"""What an app takes out of the host; returns sentences."""
