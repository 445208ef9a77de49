"""Accounts, and attaching guests' orders to them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.http import HttpRequest

from retention.testing.contract.making import GUEST, filled, order
from retention.testing.world import World


@pytest.mark.django_db
class AccountsContract:
    """For a shop with GUEST_CLAIM."""

    def test_a_guests_orders_are_found_by_address_whatever_its_letter_case(self, world: World) -> None:
        mine = [order(world, email=GUEST), order(world, email=GUEST.lower())]
        order(world, email="somebody.else@example.com")
        assert sorted(world.shop.find_guest_orders(GUEST.upper())) == sorted(mine)
        assert list(world.shop.find_guest_orders("")) == []

    def test_a_members_order_is_no_guests(self, world: World) -> None:
        user = world.add_user(GUEST)
        reference = order(world, user=user)
        assert world.shop.get_orders([reference])[reference].user_id == user.pk
        assert list(world.shop.find_guest_orders(GUEST)) == []

    def test_an_order_is_claimed_once(self, world: World) -> None:
        reference = order(world, email=GUEST)
        user = world.add_user(GUEST)
        assert world.shop.claim_order(reference, user=user) is True
        assert world.shop.claim_order(reference, user=user) is False
        assert world.shop.get_orders([reference])[reference].user_id == user.pk
        assert list(world.shop.find_guest_orders(GUEST)) == []

    def test_a_stranger_cannot_claim_an_order(self, world: World) -> None:
        reference = order(world, email=GUEST)
        assert world.shop.claim_order(reference, user=world.add_user("stranger@example.com")) is False
        assert world.shop.get_orders([reference])[reference].user_id is None

    def test_nobody_can_claim_an_order_that_is_not_there(self, world: World) -> None:
        user = world.add_user(GUEST)
        assert world.shop.claim_order("987654321", user=user) is False
        assert world.shop.claim_order("no such order", user=user) is False

    def test_an_account_is_made_and_found_by_address(self, world: World) -> None:
        user = world.ask(filled(world), _create, world, GUEST, "a long enough one")
        assert [found.pk for found in world.shop.find_users(GUEST.upper())] == [user.pk]
        assert user.check_password("a long enough one")
        assert user.first_name == "Ada"
        assert list(world.shop.find_users("nobody@example.com")) == []
        assert list(world.shop.find_users("")) == []

    def test_an_account_without_a_password_opens_to_no_password(self, world: World) -> None:
        user = world.ask(world.visit(), _create, world, GUEST, None)
        assert not user.has_usable_password()

    def test_accounts_without_orders_are_listed(self, world: World) -> None:
        user = world.add_user("quiet@example.com")
        [listed] = [person for person in world.shop.iter_customers() if person.user_id == user.pk]
        assert listed.email == "quiet@example.com"
        later = user.date_joined + timedelta(seconds=1)
        assert [person for person in world.shop.iter_customers(since=later) if person.user_id == user.pk] == []

    def test_accounts_are_read_by_reference(self, world: World) -> None:
        user = world.add_user("quiet@example.com")
        found = world.shop.get_customers([str(user.pk), "987654321", "nobody"])
        assert {reference: person.user_id for reference, person in found.items()} == {str(user.pk): user.pk}


def _create(request: HttpRequest, world: World, email: str, password: str | None) -> Any:
    return world.shop.create_customer(request, email=email, password=password, first_name="Ada", last_name="Guest")
