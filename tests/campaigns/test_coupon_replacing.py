"""A new code for an old one: what is left of it, once, and the old code ends."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns.models import Coupon, Offer
from campaigns.reasons import Reason
from campaigns.services import batches, coupons, heirs, offers, redemptions, replacing, sharing
from campaigns.terms import Money
from retention import registry
from retention.models import Customer
from retention.shop import CouponUse
from retention.testing.settling import settle
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


def left(coupon: Coupon) -> tuple[str, int, int]:
    """Return state, uses and most uses of a coupon."""
    coupon.refresh_from_db()
    return coupon.state, coupon.used, coupon.max_uses or 0


def test_a_use_that_a_basket_held_of_the_old_code_comes_to_the_new_one_when_it_falls_back(shop: FakeShop) -> None:
    old = give(make_offer(percentage(uses=3)))
    reserve(old)
    new = reissue(old)
    redemptions.release_leases(at=NOW + timedelta(hours=1))
    assert (left(old), left(new)) == (("void", 0, 3), ("issued", 0, 3))
    assert shop.coupons[new.code].spec.uses == 3, "the shop does not stop before we do"
    redemptions.release_leases(at=NOW + timedelta(hours=2))
    assert left(new) == ("issued", 0, 3)


def test_a_use_that_a_basket_held_and_orders_counts_on_the_old_code_alone(shop: FakeShop) -> None:
    old = give(make_offer(percentage(uses=3)))
    reserve(old)
    new = reissue(old)
    shop.place(cart="c1", coupons=(CouponUse(code=old.code, discount=Decimal("2.00")),))
    settle(at=NOW)
    assert (left(old), left(new)) == (("void", 1, 3), ("issued", 0, 2))


def test_a_use_that_an_order_gives_back_after_the_code_was_replaced_is_the_new_ones(shop: FakeShop) -> None:
    old = give(make_offer(percentage(uses=3)))
    reference = used_by_an_order(shop, old)
    new = reissue(old)
    shop.mark(reference, "cancelled")
    settle(at=NOW)
    assert (left(old), left(new)) == (("void", 0, 3), ("issued", 0, 3))
    shop.reinstate(reference)
    settle(at=NOW)
    assert (left(old), left(new)) == (("void", 1, 3), ("issued", 0, 2))


def test_a_use_goes_down_a_row_of_codes_to_the_last(shop: FakeShop) -> None:
    first = give(make_offer(percentage(uses=3)))
    reserve(first)
    second = reissue(first)
    reserve(second, "c2")
    third = reissue(second)
    assert left(third) == ("issued", 0, 1)
    redemptions.forget(cart="c1", keep=[], at=NOW)
    assert (left(second), left(third)) == (("void", 1, 3), ("issued", 0, 2))
    redemptions.forget(cart="c2", keep=[], at=NOW)
    assert left(third) == ("issued", 0, 3)


def test_a_shared_code_gets_back_what_baskets_held_of_the_old_one(shop: FakeShop) -> None:
    offer = make_offer()
    old = sharing.share(offer, sharing.look(offer, code="SPRING24", cap=2, at=NOW), key="k", source="test", at=NOW)
    reserve(old, "c1", email="bo@example.com")
    new = reissue(old)
    redemptions.forget(cart="c1", keep=[], at=NOW)
    assert (left(new), shop.coupons[new.code].spec.uses) == (("issued", 0, 2), 0)


# An order that is taken up again after its coupon was replaced


def used_by_an_order(shop: FakeShop, coupon: Coupon) -> str:
    reference = shop.place(coupons=(CouponUse(code=coupon.code, discount=Decimal("2.00")),))
    shop.coupons[coupon.code].used_by.append(reference)
    settle(at=NOW)
    return reference


@pytest.fixture
def replaced(shop: FakeShop) -> tuple[str, Coupon, Coupon]:
    """An order that was cancelled in a shop that gives no use back: it, the coupon, and the one instead."""
    shop.gives_back = False
    old = give(make_offer())
    reference = used_by_an_order(shop, old)
    shop.mark(reference, "cancelled")
    settle(at=NOW)
    return reference, old, Coupon.objects.get(replaces=old)


def troubles() -> list[str]:
    return [str(one.what) for one in registry.troubles["campaigns.coupons"](NOW)]


def test_the_new_code_is_called_off_where_nobody_has_used_it(
    shop: FakeShop, replaced: tuple[str, Coupon, Coupon]
) -> None:
    reference, old, new = replaced
    shop.reinstate(reference)
    settle(at=NOW)
    assert (left(old), left(new)) == (("void", 1, 1), ("void", 0, 0))
    assert (new.void_reason, shop.coupons[new.code].disabled) == (heirs.TAKEN_UP, True)
    assert troubles() == []


def test_cancelled_once_more_the_new_code_is_good_again(shop: FakeShop, replaced: tuple[str, Coupon, Coupon]) -> None:
    reference, old, new = replaced
    shop.reinstate(reference)
    settle(at=NOW)
    shop.mark(reference, "cancelled")
    settle(at=NOW)
    assert (left(old), left(new)) == (("void", 0, 1), ("issued", 0, 1))
    assert (new.void_reason, new.voided_at, shop.coupons[new.code].disabled) == ("", None, False)
    assert Coupon.objects.count() == 2
    assert reserve(new).state == "reserved"


def test_one_that_staff_called_off_stays_so(shop: FakeShop, replaced: tuple[str, Coupon, Coupon]) -> None:
    reference, _old, new = replaced
    coupons.void([new], reason="by staff 7: leaked", at=NOW)
    shop.reinstate(reference)
    settle(at=NOW)
    shop.mark(reference, "cancelled")
    settle(at=NOW)
    assert left(new) == ("void", 0, 1)


def test_one_whose_owner_was_forgotten_is_not_good_again(shop: FakeShop, replaced: tuple[str, Coupon, Coupon]) -> None:
    reference, _old, new = replaced
    shop.reinstate(reference)
    settle(at=NOW)
    Customer.objects.update(erased_at=NOW)
    shop.mark(reference, "cancelled")
    settle(at=NOW)
    assert (left(new), new.void_reason) == (("void", 0, 1), heirs.TAKEN_UP)


def test_one_that_was_used_stays_and_staff_are_told(shop: FakeShop, replaced: tuple[str, Coupon, Coupon]) -> None:
    reference, old, new = replaced
    second = used_by_an_order(shop, new)
    shop.reinstate(reference)
    settle(at=NOW)
    assert (left(old), left(new)) == (("void", 1, 1), ("issued", 1, 1))
    assert troubles() == ["1 coupon was replaced, and then both the old code and the new one were used"]
    shop.mark(second, "cancelled")
    settle(at=NOW)
    assert (left(new), troubles()) == (("void", 0, 0), [])
    assert not Coupon.objects.filter(replaces=new).exists(), "nothing is left to be given back"


def test_one_that_a_basket_holds_is_called_off_when_no_order_comes_of_it(
    shop: FakeShop, replaced: tuple[str, Coupon, Coupon]
) -> None:
    reference, _old, new = replaced
    reserve(new, "c9")
    shop.reinstate(reference)
    settle(at=NOW)
    assert left(new) == ("issued", 1, 1)
    redemptions.release_leases(at=NOW + timedelta(hours=1))
    assert (left(new), new.void_reason) == (("void", 0, 0), heirs.TAKEN_UP)


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
