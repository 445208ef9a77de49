"""A new code for an old one: what is left of it, once, and the old code ends."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns.models import Coupon, Offer
from campaigns.reasons import Reason
from campaigns.services import batches, coupons, offers, redemptions, replacing, sharing
from campaigns.terms import Money
from retention.models import Customer
from retention.testing.shop import FakeShop
from tests.campaigns.shelf import NOW, amount, give, guest, make_offer, percentage, reserve

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def shop(fake_shop: FakeShop) -> FakeShop:
    return fake_shop


def reissue(coupon: Coupon) -> Coupon:
    return replacing.reissue(coupon, source="staff:7", at=NOW)


def test_a_leaked_code_ends_and_its_owner_gets_another(shop: FakeShop) -> None:
    old = give(make_offer(prefix="HI"))
    new = reissue(old)
    old.refresh_from_db()
    assert (old.state, old.void_reason, shop.coupons[old.code].disabled) == ("void", "staff:7", True)
    assert (new.customer_id, new.replaces, new.source) == (old.customer_id, old, "staff:7")
    assert new.code != old.code
    assert new.code.startswith("HI-")
    assert (new.expires_at, new.version, new.max_uses, new.used) == (old.expires_at, old.version, 1, 0)
    assert shop.coupons[new.code].spec.ends_at == old.expires_at
    with pytest.raises(redemptions.Refused) as refused:
        reserve(old)
    assert refused.value.reason == Reason.VOID
    assert reserve(new).state == "reserved"


def test_twice_is_once() -> None:
    old = give(make_offer())
    assert reissue(old) == reissue(old) == reissue(Coupon.objects.get(pk=old.pk))
    assert Coupon.objects.count() == 2


def test_a_new_code_that_leaked_too_gets_another_one() -> None:
    first = give(make_offer())
    second = reissue(first)
    third = reissue(second)
    assert (third.replaces, second.replaces) == (second, first)
    assert list(Coupon.objects.redeemable(at=NOW)) == [third]


def test_only_the_uses_that_are_left_go_over() -> None:
    old = give(make_offer(percentage(uses=3)))
    reserve(old)
    new = reissue(old)
    assert (new.max_uses, new.per_customer) == (2, 3)
    reserve(new, "c2")
    reserve(new, "c3")
    with pytest.raises(redemptions.Refused):
        reserve(new, "c4")


def test_who_has_edited_the_offer_meanwhile_changes_nothing_of_what_was_promised() -> None:
    offer = make_offer(amount(("EUR", 500, None), ("GBP", 400, None)))
    old = give(offer)
    Coupon.objects.filter(pk=old.pk).update(currency="GBP")
    offer.money.filter(currency="GBP").update(amount_minor=100)
    offers.publish(offer, at=NOW)
    new = reissue(old)
    assert (new.version.number, new.currency) == (1, "GBP")
    assert new.money == Money(currency="GBP", amount=400)


def test_an_offer_that_is_off_or_over_still_keeps_its_word() -> None:
    old = give(make_offer())
    Offer.objects.update(active=False)
    assert reissue(old).replaces == old


def test_void_used_up_and_expired_coupons_have_nothing_left() -> None:
    offer = make_offer(percentage(valid_days=5))
    void, used, expired = (give(offer, guest(f"{name}@example.com")) for name in ("ada", "bo", "cy"))
    coupons.void([void], reason="leaked", at=NOW)
    reserve(used, email="bo@example.com")
    later = NOW + timedelta(days=10)
    for coupon, at in ((void, NOW), (used, NOW), (expired, later)):
        with pytest.raises(replacing.NothingLeft):
            replacing.reissue(coupon, source="staff:7", at=at)
    assert Coupon.objects.count() == 3
    assert Coupon.objects.get(pk=expired.pk).state == Coupon.State.ISSUED


def test_a_guest_who_has_become_a_member_gets_it_as_the_member() -> None:
    old = give(make_offer(), guest("ada@example.com"))
    member = Customer.objects.create(kind="member", email="ada@example.com", address="ada@example.com", created_at=NOW)
    Customer.objects.filter(pk=old.customer_id).update(absorbed_into=member)
    assert reissue(old).customer == member


def test_nobody_gets_a_new_code_who_was_erased() -> None:
    old = give(make_offer())
    Customer.objects.update(erased_at=NOW, email="", address="")
    with pytest.raises(replacing.NothingLeft):
        reissue(old)
    assert Coupon.objects.count() == 1


def test_a_first_order_coupon_is_replaced_after_an_order_came_of_something_else() -> None:
    old = give(make_offer(percentage(first_order_only=True)))
    Customer.objects.update(orders_count=1)
    assert reissue(old).version == old.version


def test_a_shared_code_is_replaced_with_what_is_left_of_its_cap() -> None:
    offer = make_offer()
    shared = sharing.look(offer, code="SPRING24", cap=5, at=NOW)
    old = sharing.share(offer, shared, key="k", source="staff:7", at=NOW)
    reserve(old, "c1", email="bo@example.com")
    new = reissue(old)
    assert (new.customer, new.max_uses, new.per_customer) == (None, 4, 1)
    assert len(new.code) == 12, "nobody chose it, so it is one that cannot be guessed"


def test_a_code_of_a_batch_is_replaced_by_one_of_the_batch() -> None:
    batch = batches.start(make_offer(prefix="HI"), name="leaflet", count=1, prefix="BOX", at=NOW)
    batches.carry_on(at=NOW)
    new = reissue(Coupon.objects.get())
    assert (new.batch, new.code[:4], new.customer) == (batch, "BOX-", None)


def test_many_are_replaced_together_and_each_by_its_own() -> None:
    one, two = make_offer(slug="one"), make_offer(slug="two", terms=percentage("20"))
    old = [give(offer, guest(f"{n}@example.com")) for offer in (one, two) for n in range(3)]
    coupons.void(old[:1], reason="leaked", at=NOW)
    new = replacing.replace(old, source="staff:7", at=NOW)
    assert {pk: (row.replaces_id, row.offer_id, row.customer_id) for pk, row in new.items()} == {
        coupon.pk: (coupon.pk, coupon.offer_id, coupon.customer_id) for coupon in old[1:]
    }
    assert len({row.code for row in new.values()}) == 5


def test_queries_do_not_grow_with_the_number_of_coupons() -> None:
    offer = make_offer()
    old = [give(offer, guest(f"{n}@example.com")) for n in range(21)]

    def cost(some: list[Coupon]) -> int:
        with CaptureQueriesContext(connection) as asked:
            assert len(replacing.replace(some, source="staff:7", at=NOW)) == len(some)
        return len(asked)

    assert cost(old[1:]) == cost(old[:1])
