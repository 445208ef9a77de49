"""A basket at checkout holds a use of a coupon, for a while."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from campaigns import queries
from campaigns.models import Coupon, Redemption
from campaigns.reasons import Reason
from campaigns.services import coupons, limits, redemptions
from campaigns.services.redemptions import Hold
from retention.hashing import customer_key
from retention.testing.shop import FakeShop
from tests.campaigns.shelf import NOW, give, guest, make_offer, percentage, reserve, taken, tally, uses

pytestmark = pytest.mark.django_db

LATER = NOW + timedelta(minutes=31)


@pytest.fixture(autouse=True)
def shop(fake_shop: FakeShop) -> FakeShop:
    return fake_shop


def refusal(coupon: Coupon, cart: str = "c2", **given: object) -> Reason:
    with pytest.raises(redemptions.Refused) as refused:
        reserve(coupon, cart, **given)  # type: ignore[arg-type]
    return refused.value.reason


def test_the_same_basket_again_holds_one_use_for_longer() -> None:
    coupon = give(make_offer())
    first = reserve(coupon)
    again = reserve(coupon, at=NOW + timedelta(minutes=20))
    assert first.pk == again.pk
    assert again.lease_until == NOW + timedelta(minutes=50)
    assert (taken(coupon), uses(coupon)) == (1, [("reserved", "c1")])


def test_another_basket_is_refused_as_long_as_the_first_one_holds_it() -> None:
    coupon = give(make_offer())
    reserve(coupon)
    assert refusal(coupon) == Reason.RESERVED
    assert (taken(coupon), uses(coupon)) == (1, [("reserved", "c1")])


def test_when_the_lease_is_over_the_use_is_free_again() -> None:
    coupon = give(make_offer())
    reserve(coupon)
    assert redemptions.release_leases(at=NOW + timedelta(minutes=29)) == 0
    assert redemptions.release_leases(at=LATER) == 1
    assert redemptions.release_leases(at=LATER) == 0
    assert (taken(coupon), Redemption.objects.get().reason) == (0, "lease")
    reserve(coupon, "c2", at=LATER)
    assert uses(coupon) == [("released", "c1"), ("reserved", "c2")]


def test_the_length_of_the_lease_is_a_setting(settings) -> None:
    settings.CAMPAIGNS = {"COUPON_LEASE_MINUTES": 5}
    assert reserve(give(make_offer())).lease_until == NOW + timedelta(minutes=5)


def test_what_is_over_or_called_off_is_not_reserved() -> None:
    offer = make_offer()
    old, void = give(offer, key="old"), give(offer, key="void")
    coupons.void([void], reason="leaked", at=NOW)
    assert refusal(old, at=old.expires_at) == Reason.EXPIRED
    assert refusal(void) == Reason.VOID
    assert Redemption.objects.count() == 0


def test_a_coupon_of_three_uses_is_used_three_times() -> None:
    coupon = give(make_offer(percentage(uses=3)))
    for cart in ("c1", "c2", "c3"):
        reserve(coupon, cart)
    assert refusal(coupon, "c4") == Reason.RESERVED
    assert sorted(Redemption.objects.values_list("slot", flat=True)) == [1, 2, 3]
    assert taken(coupon) == 3


def test_a_slot_that_was_given_back_is_taken_again() -> None:
    coupon = give(make_offer(percentage(uses=3)))
    for cart in ("c1", "c2", "c3"):
        reserve(coupon, cart)
    assert redemptions.forget(cart="c2", keep=[], at=NOW) == 1
    assert reserve(coupon, "c4").slot == 2


def test_an_offer_ends_after_its_uses_in_total() -> None:
    offer = make_offer(max_uses=2)
    people = [guest(f"{name}@example.com") for name in ("ada", "bo", "cy")]
    mine = [give(offer, person) for person in people]
    for coupon, person in zip(mine[:2], people, strict=False):
        reserve(coupon, f"c{person.pk}", email=person.email)
    assert refusal(mine[2], email=people[2].email) == Reason.OFFER_LIMIT
    assert (taken(mine[2]), tally(offer)) == (0, [2])
    redemptions.release_leases(at=LATER)
    assert tally(offer) == [0]
    reserve(mine[2], email=people[2].email, at=LATER)


def test_spellings_of_one_mailbox_do_not_multiply_an_offer_of_one_use_per_person() -> None:
    offer = make_offer(percentage(per_customer=1), slug="welcome")
    plain = give(offer, guest("a.da@gmail.com"))
    alias = give(offer, guest("ada+more@googlemail.com"))
    other = give(offer, guest("bo@gmail.com"))
    reserve(plain, email="a.da@gmail.com")
    assert refusal(alias, email="ada+more@googlemail.com") == Reason.CUSTOMER_LIMIT
    assert taken(alias) == 0
    reserve(other, "c3", email="bo@gmail.com")


def test_two_uses_per_person_are_two_over_all_coupons_of_the_offer() -> None:
    offer = make_offer(percentage(per_customer=2, uses=5))
    first, second = give(offer, key="1"), give(offer, key="2")
    reserve(first, "c1")
    reserve(second, "c2")
    assert refusal(second, "c3") == Reason.CUSTOMER_LIMIT
    assert refusal(first, "c4") == Reason.CUSTOMER_LIMIT
    assert (taken(first), taken(second)) == (1, 1)


def test_a_refused_reservation_leaves_nothing_behind() -> None:
    offer = make_offer(percentage(per_customer=1), max_uses=10)
    first, second = give(offer, key="1"), give(offer, key="2")
    reserve(first)
    assert refusal(second) == Reason.CUSTOMER_LIMIT
    assert (taken(second), tally(offer)) == (0, [1])


def test_a_limit_that_is_lifted_is_counted_no_more() -> None:
    offer = make_offer(max_uses=1)
    coupon = give(offer)
    reserve(coupon)
    limits.set_to(offer, [], at=NOW)
    assert (redemptions.release_leases(at=LATER), tally(offer)) == (1, [])


def test_the_database_itself_refuses_a_second_use_of_a_slot_and_a_use_beyond_the_limit() -> None:
    coupon = give(make_offer())
    held = reserve(coupon)
    with pytest.raises(IntegrityError), transaction.atomic():
        Coupon.objects.filter(pk=coupon.pk).update(used=2)
    held.pk, held.cart = None, "c2"
    with pytest.raises(IntegrityError), transaction.atomic():
        held.save()


def test_reserving_is_one_look_and_two_writes() -> None:
    coupon = give(make_offer(percentage(per_customer=1)))
    with CaptureQueriesContext(connection) as asked:
        [found] = queries.by_code([coupon.code], cart="c1")
        redemptions.reserve([Hold(coupon=found, customer_key=customer_key("ada@example.com"))], cart="c1", at=NOW)
    words = [query["sql"].split()[0] for query in asked]
    assert [word for word in words if word not in ("SAVEPOINT", "RELEASE", "BEGIN")] == ["SELECT", "UPDATE", "INSERT"]
