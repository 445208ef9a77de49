"""Coupons at admin: where each came from and what came of it, found as shoppers type, and changed once it was read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.contrib.admin.models import LogEntry
from django.test import Client

from campaigns.models import Coupon, Journey, Rejection
from campaigns.services import batches, coupons, replacing, sharing
from campaigns.services.coupons import Wish
from retention.models import Order
from retention.shop import CouponUse
from retention.testing.shop import FakeShop
from tests.campaigns.counter import COUPONS, act, clerk, cost, page, said
from tests.campaigns.counter import staff as staff
from tests.campaigns.shelf import NOW, amount, give, guest, make_offer, percentage, reserve

pytestmark = pytest.mark.django_db

VIEWS, ISSUES = "retention_campaigns.view_coupon", "retention_campaigns.issue_coupon"
EXTENDS, VOIDS = "retention_campaigns.extend_coupon", "retention_campaigns.void_coupon"


@pytest.fixture(autouse=True)
def at_nine(settings: Any) -> Iterator[None]:
    settings.RETENTION = {**settings.RETENTION, "BASE_URL": "https://shop.example.com"}
    with time_machine.travel(NOW, tick=False):
        yield


def listed(client: Client, **query: Any) -> list[str]:
    """Return the codes on the list, in no order."""
    return sorted(coupon.code for coupon in client.get(COUPONS, query).context["cl"].result_list)


def used(shop: FakeShop, drain: Any, coupon: Coupon, *, off: str = "2.50") -> Order:
    """Let an order use a coupon."""
    reference = shop.place(email="ada@example.com", coupons=(CouponUse(code=coupon.code, discount=Decimal(off)),))
    drain(NOW)
    return Order.objects.get(reference=reference)


# To look at


def test_the_page_of_a_coupon_has_links_to_all_that_it_came_from(
    staff: Client, fake_shop: FakeShop, drain: Any
) -> None:
    reference = fake_shop.place(email="ada@example.com")
    drain(NOW)
    order = Order.objects.get(reference=reference)
    journey = Journey.objects.create(slug="next", name="Next order", trigger="retention.OrderPlaced")
    offer = make_offer()
    coupon = coupons.issue(
        Wish(key="k", customer=order.customer_id, order=reference), offer=offer, source="journey:next", at=NOW
    )
    assert coupon is not None
    text = said(staff.get(page(coupon)))
    for link in (
        f'<a href="/admin/retention_campaigns/journey/{journey.pk}/change/">journey: Next order</a>',
        f'<a href="/admin/retention/order/{order.pk}/change/">{order.number}</a>',
        f'<a href="/admin/retention/customer/{order.customer_id}/change/">',
        f'<a href="/admin/retention_campaigns/offer/{offer.pk}/change/">Thanks</a>, version 1',
        f"https://shop.example.com/retention/c/{coupon.code}/",
    ):
        assert link in text, link


def test_where_the_others_came_from_is_said_too(staff: Client, fake_shop: FakeShop) -> None:
    offer = make_offer()
    batch = batches.start(offer, name="leaflet", count=1, at=NOW)
    batches.carry_on(at=NOW)
    bulk = Coupon.objects.get()
    staff.post(f"{COUPONS}share/{offer.pk}/", {"once": "x", "code": "SPRING24", "cap": "5", "_confirmed": "1"})
    shared = Coupon.objects.get(code="SPRING24")
    old = give(offer)
    new = replacing.reissue(old, source="staff:7", at=NOW)
    assert f'<a href="/admin/retention_campaigns/couponbatch/{batch.pk}/change/">in bulk: leaflet</a>' in said(
        staff.get(page(bulk))
    )
    assert '<div class="readonly">staff</div>' in said(staff.get(page(shared)))
    assert f'<a href="{page(old)}">instead of {old.code}</a>' in said(staff.get(page(new)))
    assert f'<a href="{page(new)}">{new.code}</a>' in said(staff.get(page(old)))


def test_what_a_coupon_cost_and_which_orders_it_brought(staff: Client, fake_shop: FakeShop, drain: Any) -> None:
    coupon = give(make_offer(percentage(uses=2)))
    first, second = used(fake_shop, drain, coupon), used(fake_shop, drain, coupon, off="4.00")
    text = said(staff.get(page(coupon)))
    assert "€6.50" in text
    for order in (first, second):
        assert f'<a href="/admin/retention/order/{order.pk}/change/">{order.number}</a>' in text
    row = said(staff.get(COUPONS))
    assert f"/admin/retention_campaigns/redemption/?coupon__id__exact={coupon.pk}" in row
    assert "€6.50" in row


def test_a_cancelled_order_costs_nothing(staff: Client, fake_shop: FakeShop, drain: Any) -> None:
    coupon = give(make_offer())
    order = used(fake_shop, drain, coupon)
    fake_shop.mark(order.reference, "cancelled")
    drain(NOW)
    assert "€2.50" not in said(staff.get(COUPONS))


def test_refusals_are_listed_and_only_the_latest_of_many(staff: Client, fake_shop: FakeShop) -> None:
    coupon = give(make_offer())
    Rejection.objects.bulk_create(
        Rejection(coupon=coupon, reason="expired", where="form", cart=f"basket-{n}-", at=NOW + timedelta(minutes=n))
        for n in range(60)
    )
    text = said(staff.get(page(coupon)))
    assert "basket-59-" in text
    assert "basket-10-" in text
    assert "basket-9-" not in text
    assert staff.get("/admin/retention_campaigns/rejection/").status_code == 200


def test_the_list_of_a_hundred_coupons_costs_as_many_queries_as_one(
    staff: Client, fake_shop: FakeShop, drain: Any
) -> None:
    offer = make_offer()
    used(fake_shop, drain, give(offer))
    one = cost(staff, COUPONS)
    for n in range(99):
        coupon = give(make_offer(slug=f"more-{n}") if n < 3 else offer, guest(f"{n}@example.com"), key=f"k{n}")
        if n < 20:
            replacing.reissue(coupon, source="staff:7", at=NOW)
        elif n < 40:
            used(fake_shop, drain, coupon)
    batches.start(offer, name="leaflet", count=5, at=NOW)
    batches.carry_on(at=NOW)
    assert len(staff.get(COUPONS).context["cl"].result_list) == 100
    # three more offers in the filter cost none either
    assert cost(staff, COUPONS) == one


def test_the_page_of_a_coupon_with_many_uses_costs_as_many_queries_as_one(
    staff: Client, fake_shop: FakeShop, drain: Any
) -> None:
    coupon = give(make_offer(percentage(uses=40)))
    used(fake_shop, drain, coupon)
    one = cost(staff, page(coupon))
    for _ in range(10):
        used(fake_shop, drain, coupon)
    assert cost(staff, page(coupon)) == one


def test_nothing_is_edited_or_deleted(staff: Client) -> None:
    coupon = give(make_offer())
    assert staff.get(f"{COUPONS}add/").status_code == 403
    assert staff.post(f"{COUPONS}{coupon.pk}/delete/", {"post": "yes"}).status_code == 403
    assert staff.post(page(coupon), {"code": "OTHER"}).status_code == 403
    assert Coupon.objects.get() == coupon


# Finding


def test_a_code_is_found_as_the_shopper_types_it(staff: Client) -> None:
    offer = make_offer(prefix="HI")
    coupon = give(offer)
    give(offer, guest("bo@example.com"))
    tail = coupon.code.removeprefix("HI-")
    for typed in (
        coupon.code, coupon.code.lower(), f" {tail[:4]} {tail[4:8]} {tail[8:]} ", f"hi – {tail.lower()}", tail[-6:],
        f"\u200b{coupon.code}",
    ):  # fmt: skip
        assert listed(staff, q=typed) == [coupon.code], typed


def test_coupons_are_found_by_order_and_customer(staff: Client, fake_shop: FakeShop, drain: Any) -> None:
    reference = fake_shop.place(email="ada@example.com")
    drain(NOW)
    order = Order.objects.get(reference=reference)
    offer = make_offer()
    coupon = coupons.issue(
        Wish(key="k", customer=order.customer_id, order=reference), offer=offer, source="journey:next", at=NOW
    )
    assert coupon is not None
    give(offer, guest("bo@example.com"))
    for asked in (order.number, f"#{order.customer_id}", "journey:next"):
        assert listed(staff, q=asked) == [coupon.code], asked


@pytest.mark.parametrize("odd", ["'", "%", "#", "#x", "9" * 30, "<script>", "A" * 10_000, "лето"])
def test_an_odd_search_finds_nothing_and_breaks_nothing(staff: Client, odd: str) -> None:
    give(make_offer())
    assert listed(staff, q=odd) == []


def test_the_list_is_filtered_by_state_kind_and_offer(staff: Client, fake_shop: FakeShop) -> None:
    offer, other = make_offer(), make_offer(percentage(starts_on=NOW.date() + timedelta(days=3)), slug="other")
    good, void, empty, over = (give(offer, guest(f"{name}@example.com")) for name in ("good", "void", "empty", "over"))
    coupons.void([void], reason="leaked", at=NOW)
    reserve(empty, email="empty@example.com")
    Coupon.objects.filter(pk=over.pk).update(issued_at=NOW - timedelta(days=9), expires_at=NOW)
    early = give(other)
    shared = sharing.share(
        offer, sharing.look(offer, code="SPRING24", cap=5, at=NOW), key="k", source="staff:1", at=NOW
    )
    batches.start(offer, name="leaflet", count=2, at=NOW)
    batches.carry_on(at=NOW)
    bulk = [coupon.code for coupon in Coupon.objects.filter(batch__isnull=False)]
    new = replacing.reissue(good, source="staff:7", at=NOW)
    for query, expected in {
        "standing=usable": [new.code, shared.code, *bulk],
        "standing=void": [void.code, good.code],
        "standing=used": [empty.code],
        "standing=expired": [over.code],
        "standing=waiting": [early.code],
        "kind=shared": [shared.code],
        "kind=batch": bulk,
        "kind=instead": [new.code],
        "kind=personal": [good.code, void.code, empty.code, over.code, early.code, new.code],
        f"offer__id__exact={other.pk}": [early.code],
        f"batch__id__exact={Coupon.objects.get(code=bulk[0]).batch_id}": bulk,
    }.items():
        name, _, value = query.partition("=")
        assert listed(staff, **{name: value}) == sorted(expected), query
    assert len(listed(staff, standing="odd", kind="odd")) == Coupon.objects.count()


# QR codes


def test_a_coupons_qr_code_opens_its_page(staff: Client) -> None:
    coupon = give(make_offer())
    svg, png = (staff.get(f"{COUPONS}{coupon.pk}/qr.{kind}") for kind in ("svg", "png"))
    assert (svg["Content-Type"], png["Content-Type"]) == ("image/svg+xml", "image/png")
    assert svg.content.startswith(b"<?xml")
    assert b"style" not in svg.content
    assert png.content.startswith(b"\x89PNG")
    assert f'filename="{coupon.code}.svg"' in svg["Content-Disposition"]
    assert staff.get(f"{COUPONS}{coupon.pk}/qr.gif").status_code == 404
    assert clerk().get(f"{COUPONS}{coupon.pk}/qr.svg").status_code == 403


def test_without_an_address_of_the_shop_there_is_none(staff: Client, settings: Any) -> None:
    settings.RETENTION = {**settings.RETENTION, "BASE_URL": ""}
    coupon = give(make_offer())
    assert staff.get(f"{COUPONS}{coupon.pk}/qr.svg").status_code == 404
    assert "qr.svg" not in said(staff.get(page(coupon)))


# Changing: first it is read, then it is done


@pytest.mark.parametrize(
    ("action", "words"),
    [
        ("extend", "Those that have expired are good again. Those that were called off stay off."),
        ("reissue", "The old code ends at once, here and in the shop"),
        ("call_off", "They end at once, here and in the shop, and cannot be taken up again."),
    ],
)
def test_what_an_action_does_is_read_before_it_is_done(
    staff: Client, fake_shop: FakeShop, action: str, words: str
) -> None:
    coupon = give(make_offer())
    before = list(Coupon.objects.values())
    text = said(act(staff, action, coupon))
    assert words in text
    assert coupon.code in text
    assert list(Coupon.objects.values()) == before


def test_staff_give_another_last_day(staff: Client, fake_shop: FakeShop) -> None:
    offer = make_offer()
    one, two, void = (give(offer, guest(f"{n}@example.com")) for n in range(3))
    coupons.void([void], reason="leaked", at=NOW)
    text = said(act(staff, "extend", one, two, void, _confirmed="1", until="2026-06-30"))
    assert "2 coupons are good until then." in text
    assert "1 coupon was left as it is: it was called off before, or begins later." in text
    assert fake_shop.coupons[one.code].spec.ends_at == Coupon.objects.get(pk=one.pk).expires_at
    assert [(entry.object_id, entry.change_message) for entry in LogEntry.objects.order_by("pk")] == [
        (str(coupon.pk), "Last day: 2026-06-30.") for coupon in (one, two)
    ]


@pytest.mark.parametrize(
    ("until", "words"),
    [
        ("2026-03-01", "This day is over. To end coupons now, call them off."),
        ("9999-12-31", "This day is too far away."),
        ("", "This field is required."),
        ("soon", "Enter a valid date."),
    ],
)
def test_a_last_day_that_cannot_be_is_said_at_its_field(staff: Client, until: str, words: str) -> None:
    coupon = give(make_offer())
    assert words in said(act(staff, "extend", coupon, _confirmed="1", until=until))
    assert Coupon.objects.get().expires_at == coupon.expires_at


def test_staff_give_a_new_code_instead(staff: Client, fake_shop: FakeShop) -> None:
    offer = make_offer()
    leaked, gone = give(offer), give(offer, guest("bo@example.com"))
    reserve(gone, email="bo@example.com")
    text = said(act(staff, "reissue", leaked, gone, _confirmed="1"))
    new = Coupon.objects.get(replaces=leaked)
    assert f'1 new code: <a href="{page(new)}">{new.code}</a>' in text
    assert "1 coupon got none: it was called off, is used up or has expired." in text
    assert fake_shop.coupons[leaked.code].disabled
    assert not fake_shop.coupons[gone.code].disabled


def test_staff_call_a_coupon_off(staff: Client, fake_shop: FakeShop) -> None:
    coupon = give(make_offer())
    assert "1 coupon called off." in said(act(staff, "call_off", coupon, _confirmed="1"))
    assert Coupon.objects.get().state == "void"
    assert fake_shop.coupons[coupon.code].disabled
    assert "1 coupon was left as it is" in said(act(staff, "call_off", coupon, _confirmed="1"))


def test_all_of_a_batch_are_changed_at_once(staff: Client, fake_shop: FakeShop) -> None:
    offer = make_offer()
    other = give(offer)
    batch = batches.start(offer, name="leaflet", count=120, at=NOW)
    while batches.carry_on(at=NOW):
        pass
    url = f"{COUPONS}?batch__id__exact={batch.pk}"
    shown = said(staff.get(f"/admin/retention_campaigns/couponbatch/{batch.pk}/change/"))
    [button] = [part for part in shown.split("<form ") if 'value="call_off"' in part]
    assert f'action="{url}"' in button
    pressed = dict(re.findall(r'name="(\w+)" value="([^"]*)"', button))
    assert "120 coupons" in said(staff.post(url, pressed))
    answer = staff.post(url, {**pressed, "_confirmed": "1"}, follow=True)
    assert "120 coupons called off." in said(answer)
    assert list(Coupon.objects.filter(state="issued")) == [other]


@pytest.mark.parametrize(("action", "needs"), [("extend", EXTENDS), ("reissue", EXTENDS), ("call_off", VOIDS)])
def test_each_action_asks_for_its_own_permission(fake_shop: FakeShop, action: str, needs: str) -> None:
    coupon = give(make_offer())
    before = list(Coupon.objects.values())
    others = {VIEWS, ISSUES, EXTENDS, VOIDS, "retention_campaigns.change_coupon"} - {needs}
    without = clerk(*others)
    act(without, action, coupon, _confirmed="1", until="2026-06-30")
    assert list(Coupon.objects.values()) == before
    assert f'value="{action}"' not in said(without.get(page(coupon)))


@pytest.mark.parametrize(("action", "needs"), [("extend", EXTENDS), ("reissue", EXTENDS), ("call_off", VOIDS)])
def test_who_has_it_may(fake_shop: FakeShop, action: str, needs: str) -> None:
    coupon = give(make_offer())
    who = clerk(VIEWS, needs)
    assert f'value="{action}"' in said(who.get(page(coupon)))
    before = list(Coupon.objects.values())
    act(who, action, coupon, _confirmed="1", until="2026-06-30")
    assert list(Coupon.objects.values()) != before


# Shared codes


def share(client: Client, offer: Any, **given: Any) -> Any:
    data = {"once": "abc", "code": "Spring 24", "cap": "200", "starts_on": "", "ends_on": "", "currency": "", **given}
    return client.post(f"{COUPONS}share/{offer.pk}/", data)


def test_staff_are_warned_before_a_shared_code_is_made(staff: Client) -> None:
    text = said(share(staff, make_offer(amount(("EUR", 500, None)))))
    for sentence in (
        "The code is SPRING24, of “Thanks”.",
        "Anybody who hears the code can use it, and codes like it end up on public lists.",
        "They can cost at most 200 × €5.00 = €1,000.00.",
        "Nothing has been made yet.",
    ):
        assert sentence in text
    assert Coupon.objects.count() == 0


def test_confirmed_it_is_made_once(staff: Client) -> None:
    offer = make_offer()
    for _ in range(2):
        answer = share(staff, offer, _confirmed="1")
        assert answer["Location"] == page(Coupon.objects.get())
    coupon = Coupon.objects.get()
    assert (coupon.code, coupon.max_uses) == ("SPRING24", 200)
    assert LogEntry.objects.count() == 1


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"code": "ab"}, "It is too short: at least 4 letters or digits."),
        ({"code": "лето2024"}, "A code has letters from A to Z, digits and hyphens"),
        ({"code": ""}, "This field is required."),
        ({"code": "taken"}, "This code is taken, by another coupon or by a voucher of the shop: choose another."),
        ({"cap": "0"}, "greater than or equal to 1"),
        ({"cap": ""}, "This field is required."),
        ({"starts_on": "2026-03-09", "ends_on": "2026-03-08"}, "It ends before it begins."),
        ({"ends_on": "2026-03-01"}, "This day is over."),
    ],
)
@pytest.mark.parametrize("confirmed", [{}, {"_confirmed": "1"}])
def test_what_cannot_be_is_said_at_its_field(
    staff: Client, confirmed: dict[str, str], wrong: dict[str, str], words: str
) -> None:
    offer = make_offer()
    sharing.share(offer, sharing.look(offer, code="TAKEN", cap=5, at=NOW), key="other", source="staff:1", at=NOW)
    answer = share(staff, offer, **wrong, **confirmed)
    assert answer.status_code == 200
    assert words in said(answer)
    assert Coupon.objects.count() == 1


def test_of_an_offer_in_several_currencies_it_is_for_one(staff: Client) -> None:
    offer = make_offer(amount(("EUR", 500, None), ("GBP", 400, None)))
    assert '<option value="GBP">GBP</option>' in said(staff.get(f"{COUPONS}share/{offer.pk}/"))
    assert "Select a valid choice. USD" in said(share(staff, offer, currency="USD", _confirmed="1"))
    assert "200 × £4.00 = £800.00" in said(share(staff, offer, currency="GBP"))
    share(staff, offer, currency="GBP", _confirmed="1")
    assert Coupon.objects.get().currency == "GBP"


def test_who_may_not_make_codes_shares_none(fake_shop: FakeShop) -> None:
    offer = make_offer()
    who = clerk(VIEWS, EXTENDS, VOIDS, "retention_campaigns.change_offer")
    assert share(who, offer, _confirmed="1").status_code == 403
    assert who.get(f"{COUPONS}share/{offer.pk}/").status_code == 403
    assert Coupon.objects.count() == 0
