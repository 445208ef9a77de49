"""Whose order it is: members, guests, and orders that change hands."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth import get_user_model

from retention.models import Customer, Fact, Order, Token
from retention.services import customers, tokens
from retention.shop import CustomerData
from tests.retention.ground import guest, happened, tell
from tests.retention.shop import NOON, LocalShop

MINUTE = timedelta(minutes=1)


def owners() -> dict[str, int]:
    return dict(Order.objects.values_list("reference", "customer"))


def test_guests_are_one_row_per_address_letter_case_aside(shop: LocalShop) -> None:
    shop.place("A1", email="Ada@Example.com ", first_name="Ada", language="de", country="DE")
    shop.place("A2", email="ada@example.com")
    tell("A1")
    tell("A2")
    row = Customer.objects.get()
    assert (row.kind, row.email, row.address, row.user) == ("guest", "Ada@Example.com", "ada@example.com", None)
    assert (row.first_name, row.language, row.country) == ("Ada", "de", "DE")
    assert owners() == {"A1": row.pk, "A2": row.pk}


def test_two_addresses_that_one_mailbox_may_have_stay_two_customers(shop: LocalShop) -> None:
    """Folding is for limits; a row is an address."""
    shop.place("A1", email="ada@gmail.com")
    shop.place("A2", email="a.da+shop@gmail.com")
    tell("A1", "A2")
    assert sorted(Customer.objects.values_list("address", flat=True)) == ["a.da+shop@gmail.com", "ada@gmail.com"]


def test_a_members_order_is_the_members_and_a_guests_the_guests_though_the_address_is_one(
    shop: LocalShop, user: Callable[..., Any]
) -> None:
    member = user("ada@example.com")
    shop.place("A1", user_id=member.pk)
    shop.place("A2")
    tell("A1", "A2")
    assert Customer.objects.count() == 2
    assert owners() == {"A1": Customer.objects.get(user=member).pk, "A2": guest().pk}


def test_two_users_with_one_address_are_two_customers(shop: LocalShop, user: Callable[..., Any]) -> None:
    first, second = user("ada@example.com"), user("ADA@example.com")
    shop.place("A1", user_id=first.pk)
    shop.place("A2", user_id=second.pk)
    tell("A1", "A2")
    rows = Customer.objects.order_by("pk")
    assert [row.address for row in rows] == ["ada@example.com"] * 2
    assert owners() == {"A1": rows[0].pk, "A2": rows[1].pk}
    assert [row.orders_count for row in rows] == [1, 1]


def test_proving_one_of_two_accounts_leaves_the_other_alone(shop: LocalShop, user: Callable[..., Any]) -> None:
    first = customers.for_user(user("ada@example.com"), at=NOON)
    second = customers.for_user(user("ada@example.com"), at=NOON)
    customers.prove_address(first, at=NOON)
    second.refresh_from_db()
    assert (second.address_proven_at, second.absorbed_into) == (None, None)


def test_an_order_without_account_and_address_has_a_customer_of_its_own(shop: LocalShop) -> None:
    shop.place("A1", email="")
    shop.place("A2", email="")
    tell("A1", "A2")
    assert len(set(owners().values())) == 2
    assert list(Customer.objects.values_list("kind", "address")) == [("guest", "")] * 2


def test_such_an_order_keeps_its_customer_when_it_changes(shop: LocalShop) -> None:
    shop.place("A1", email="")
    tell("A1")
    shop.change("A1", paid_at=NOON)
    tell("A1", at=NOON + MINUTE)
    assert Customer.objects.count() == 1
    assert happened() == ["OrderPlaced A1", "OrderPaid A1"]


def test_a_claimed_order_changes_hands_and_figures_follow(shop: LocalShop, user: Callable[..., Any]) -> None:
    shop.place("A1")
    shop.place("A2")
    tell("A1", "A2")
    old = guest()
    member = user("ada@example.com")
    shop.claim_order("A1", user=member)
    tell("A1", at=NOON + MINUTE)
    new = Customer.objects.get(user=member)
    assert owners() == {"A1": new.pk, "A2": old.pk}
    assert happened() == ["OrderPlaced A1", "OrderPlaced A2", "AccountOpened", "OrderChangedHands A1"]
    fact = Fact.objects.get(kind="retention.OrderChangedHands")
    assert (fact.customer, fact.payload) == (new.pk, {"order": "A1", "old_customer": old.pk, "history": False})
    old.refresh_from_db()
    assert (old.orders_count, new.orders_count) == (1, 1)
    assert [spend.net_minor for spend in (old.spends.get(), new.spends.get())] == [4000, 4000]


def test_a_proven_member_absorbs_the_guest_of_the_address_once(shop: LocalShop, user: Callable[..., Any]) -> None:
    shop.place("A1")
    tell("A1")
    old = guest()
    member = customers.for_user(user("ada@example.com"), at=NOON)
    customers.prove_address(member, at=NOON)
    customers.prove_address(member, at=NOON + MINUTE)
    old.refresh_from_db()
    assert old.absorbed_into == member
    assert owners() == {"A1": member.pk}
    assert happened() == [
        "OrderPlaced A1",
        "AccountOpened",
        "AddressProven",
        "OrderChangedHands A1",
        "GuestAbsorbed",
    ]
    member.refresh_from_db()
    old.refresh_from_db()
    assert (member.orders_count, old.orders_count) == (1, 0)
    assert (member.spends.get().net_minor, old.spends.get().net_minor) == (4000, 0)


def test_an_unproven_member_absorbs_nobody(shop: LocalShop, user: Callable[..., Any]) -> None:
    shop.place("A1")
    tell("A1")
    member = user("ada@example.com")
    shop.place("A2", user_id=member.pk)
    tell("A2")
    assert guest().absorbed_into is None
    assert owners()["A1"] == guest().pk


def test_an_order_that_the_host_goes_on_calling_a_guests_stays_with_the_proven_member(
    shop: LocalShop, user: Callable[..., Any]
) -> None:
    shop.place("A1")
    tell("A1")
    member = customers.for_user(user("ada@example.com"), at=NOON)
    customers.prove_address(member, at=NOON)
    shop.change("A1", paid_at=NOON)
    tell("A1", at=NOON + MINUTE)
    assert owners() == {"A1": member.pk}
    assert happened()[-1] == "OrderPaid A1"


def test_an_absorbed_order_stays_when_the_member_changes_the_address(shop: LocalShop, user: Callable[..., Any]) -> None:
    shop.place("A1")
    tell("A1")
    account = user("ada@example.com")
    member = customers.for_user(account, at=NOON)
    customers.prove_address(member, at=NOON)
    account.email = "countess@example.com"
    account.save()
    shop.change("A1", paid_at=NOON)
    tell("A1", at=NOON + MINUTE)
    assert owners() == {"A1": member.pk}


def test_a_new_guest_order_with_a_members_address_is_not_shown_to_the_member(
    shop: LocalShop, user: Callable[..., Any]
) -> None:
    """Anybody can type an address: it stays a guest's until the mailbox is proven again."""
    member = customers.for_user(user("ada@example.com"), at=NOON)
    customers.prove_address(member, at=NOON)
    shop.place("A1")
    tell("A1")
    assert owners() == {"A1": guest().pk}
    assert member.orders.count() == 0


def test_a_new_address_keeps_the_row_and_drops_the_proof(user: Callable[..., Any], wiring: Any) -> None:
    member = user("ada@example.com", joined=True)
    row = Customer.objects.get(user=member)
    customers.prove_address(row, at=NOON)
    member.email = "Countess@example.com"
    member.save()
    row.refresh_from_db()
    assert (row.email, row.address, row.address_proven_at) == ("Countess@example.com", "countess@example.com", None)


def test_a_log_in_or_another_field_leaves_the_proof(user: Callable[..., Any], wiring: Any) -> None:
    member = user("ada@example.com", joined=True)
    row = Customer.objects.get(user=member)
    customers.prove_address(row, at=NOON)
    member.last_login = NOON
    member.save(update_fields=["last_login"])
    member.first_name = "Ada"
    member.save()
    row.refresh_from_db()
    assert row.address_proven_at == NOON


def test_a_new_address_ends_links_that_were_mailed_to_the_old_one(shop: LocalShop, user: Callable[..., Any]) -> None:
    """Else who has mailbox A could change the account to B and prove B by the link in A."""
    member = user("ada@example.com", joined=True)
    row = Customer.objects.get(user=member)
    purposes = [Token.Purpose.CLAIM, Token.Purpose.SIGN_IN, Token.Purpose.CONFIRM]
    secrets = {
        purpose: tokens.mint(purpose=purpose, about=[(row.pk, "")], lasts=timedelta(hours=72), at=NOON)[0]
        for purpose in purposes
    }
    with time_machine.travel(NOON, tick=False):
        member.email = "victim@example.com"
        member.save()
    for purpose, secret in secrets.items():
        with pytest.raises(tokens.Expired):
            tokens.use(secret, purpose=purpose, at=NOON + MINUTE)


def test_reading_the_new_address_from_the_shop_ends_them_too(shop: LocalShop, user: Callable[..., Any]) -> None:
    member = user("ada@example.com", joined=True)
    row = Customer.objects.get(user=member)
    customers.prove_address(row, at=NOON)
    [secret] = tokens.mint(purpose="claim", about=[(row.pk, "")], lasts=timedelta(hours=72), at=NOON)
    get_user_model().objects.filter(pk=member.pk).update(email="victim@example.com")
    customers.take_in([CustomerData(user_id=member.pk, email="victim@example.com")], at=NOON)
    row.refresh_from_db()
    assert (row.address, row.address_proven_at) == ("victim@example.com", None)
    with pytest.raises(tokens.Expired):
        tokens.use(secret, purpose="claim", at=NOON + MINUTE)


def test_the_account_of_a_known_member_is_opened_once(shop: LocalShop, user: Callable[..., Any]) -> None:
    member = user("ada@example.com", joined=True)
    shop.place("A1", user_id=member.pk)
    tell("A1")
    customers.take_in([CustomerData(user_id=member.pk, email=member.email)], at=NOON)
    assert happened() == ["AccountOpened", "OrderPlaced A1"]


def test_an_account_that_a_visitor_opens_while_it_is_read_is_opened_once(
    shop: LocalShop, user: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look and the INSERT another transaction makes one of the two rows."""
    first, second = user("ada@example.com"), user("ben@example.com")
    joined = customers._joined

    def meanwhile(*args: Any, **given: Any) -> Any:
        customers.for_user(first, at=NOON)
        return joined(*args, **given)

    monkeypatch.setattr(customers, "_joined", meanwhile)
    shop.place("A1", user_id=first.pk, email=first.email)
    shop.place("A2", user_id=second.pk, email=second.email)
    tell("A1", "A2")
    rows = dict(Customer.objects.values_list("user", "pk"))
    assert owners() == {"A1": rows[first.pk], "A2": rows[second.pk]}
    assert sorted(Fact.objects.filter(kind="retention.AccountOpened").values_list("customer", flat=True)) == sorted(
        rows.values()
    )
