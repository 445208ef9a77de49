"""Small things that much stands on: settings, registry, hashes, money, links, redaction."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest
from django.core.exceptions import ImproperlyConfigured

from retention import hashing, money
from retention.conf import conf
from retention.facts import KINDS, OrderPaid
from retention.redaction import without_addresses
from retention.registry import AlreadyRegistered, Registry
from tests.retention.shop import NOON

Wiring = Callable[..., None]


def test_a_setting_is_read_late_and_has_a_default(wiring: Wiring) -> None:
    assert (conf.NEWS_DAYS, conf.SHOP_NAME) == (3, "Paper & Clay")
    wiring(NEWS_DAYS=9)
    assert conf.NEWS_DAYS == 9


def test_the_same_name_is_registered_once() -> None:
    shelf: Registry[object] = Registry("thing")
    first = object()
    assert shelf.add("a", first) is first
    shelf.add("a", first)
    with pytest.raises(AlreadyRegistered, match=r"^There is already a thing named 'a'\.$"):
        shelf.add("a", object())
    assert list(shelf) == [first]
    assert (shelf.names(), "a" in shelf, shelf.get("b")) == (["a"], True, None)


def test_a_shelf_may_change_while_it_is_read() -> None:
    shelf: Registry[str] = Registry("thing")
    shelf.add("a", "a")
    for item in shelf:
        shelf.add(f"{item}{item}", item)
    assert shelf.names() == ["a", "aa"]


def test_every_fact_has_a_name_of_its_app_and_is_frozen() -> None:
    assert all(kind == f"{kind.partition('.')[0]}.{cls.__name__}" for kind, cls in KINDS.items())
    told = OrderPaid(customer=1, at=NOON, order="A1")
    with pytest.raises(AttributeError):
        told.order = "A2"  # type: ignore[misc]
    assert OrderPaid.restore(payload=told.payload(), customer=1, at=NOON) == told


@pytest.mark.parametrize(
    ("address", "folded"),
    [
        ("Ada@Example.com", "ada@example.com"),
        (" ada+shop@example.com ", "ada@example.com"),
        ("a.da@example.com", "a.da@example.com"),
        ("A.d.a+x+y@gmail.com", "ada@gmail.com"),
        ("ada@googlemail.com", "ada@gmail.com"),
        ("+x@example.com", "@example.com"),
    ],
)
def test_what_one_mailbox_can_vary_is_folded(address: str, folded: str) -> None:
    assert hashing.fold(address) == folded


def test_limits_go_by_the_folded_address_and_suppression_by_the_whole(wiring: Wiring) -> None:
    assert hashing.customer_key("a.da+1@gmail.com") == hashing.customer_key("ada@googlemail.com")
    assert hashing.address_hash("ada+1@example.com") != hashing.address_hash("ada@example.com")
    assert hashing.address_hash(" ADA@example.com") == hashing.address_hash("ada@example.com")
    assert hashing.customer_key("ada@example.com") != hashing.address_hash("ada@example.com"), "keys of their own"


def test_without_a_key_nothing_is_hashed(wiring: Wiring) -> None:
    wiring(HASH_KEY="")
    with pytest.raises(ImproperlyConfigured, match="HASH_KEY"):
        hashing.customer_key("ada@example.com")


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [("10.00", "EUR", 1000), ("0.005", "EUR", 1), ("0.0049", "EUR", 0), ("-0.005", "EUR", -1), ("12", "JPY", 12),
     ("0.5", "JPY", 1), ("1.2345", "KWD", 1235), ("99999999999.99", "USD", 9999999999999)],
)  # fmt: skip
def test_money_is_kept_in_minor_units(amount: str, currency: str, minor: int) -> None:
    assert money.to_minor(Decimal(amount), currency) == minor


def test_money_is_shown_as_its_reader_writes_it() -> None:
    assert money.show(123456, "EUR", "en") == "€1,234.56"
    assert money.show(123456, "EUR", "es") == "1.234,56\xa0€"
    assert money.show(1234, "JPY", "zh-hans") == "JP¥1,234"
    assert money.to_decimal(1235, "KWD") == Decimal("1.235")


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("550 <ada@example.com>: no", "550 <…>: no"),
        ("{'ada@example.com': (550, b'no')}", "{'…': (550, b'no')}"),
        ("Key (address)=(ada.b+c@example.co.uk) already exists", "Key (address)=(…) already exists"),
        ("@decorator\ndef f(): pass", "@decorator\ndef f(): pass"),
        ("nothing here", "nothing here"),
    ],
)
def test_addresses_stay_out_of_what_others_say(said: str, kept: str) -> None:
    assert without_addresses(said) == kept
