"""What members see of their membership, and what staff see and do."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone

from campaigns.models import Offer
from campaigns.services import offers
from campaigns.terms import Kind, Terms
from loyalty.models import PaidTerm, Plan, PlanPause
from loyalty.paid_conditions import PAYING_MEMBER
from loyalty.services import paid_figures, paid_notices, paid_terms
from retention import registry
from retention.models import Message
from retention.services import installation
from retention.testing.shop import FakeShop
from tests.loyalty import club, till

ADD = "/admin/retention_loyalty/plan/add/"


def text(answer: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split()).replace("&#x27;", "'")


def signed_in(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def staff(db: None) -> Client:
    return signed_in(get_user_model().objects.create_superuser("grace", "grace@example.com", "a long password"))


@pytest.fixture
def shop(fake_shop: FakeShop, db: None) -> FakeShop:
    """A shop whose clock is the world's: pages read the time by themselves."""
    fake_shop.clock.now = timezone.now()
    installation.go_live(at=fake_shop.clock.now - timedelta(days=365))
    return fake_shop


def form(**given: str) -> dict[str, str]:
    return {
        "name": "Club",
        "active": "on",
        "product": "",
        "months": "12",
        "multiplier": "1",
        "notice_days": "14",
        **given,
    }


def test_a_member_reads_until_when_what_they_have_and_how_it_works(shop: FakeShop) -> None:
    ada = till.join()
    year = club.plan(shop, free_shipping=club.shipping(), multiplier=2)
    page = signed_in(ada)
    said = text(page.get("/retention/account/"))
    assert "You are not a member." in said
    assert "What members have:" in said
    assert "On your orders: Free shipping, put in for you." in said
    assert "2 times the points for your orders." in said
    assert "It ends by itself: nothing is ever charged unless you buy it again." in said
    club.buy(shop, year, ada)
    club.work(shop.clock.now)
    answer = page.get("/retention/account/")
    assert "You are a member until " in text(answer)
    assert 'href="/products/p1/"' in answer.content.decode()
    term = PaidTerm.objects.get()
    PaidTerm.objects.update(starts_at=term.starts_at - timedelta(days=400), ends_at=term.starts_at)
    assert "Your membership ended on " in text(page.get("/retention/account/"))


def test_without_plans_and_terms_there_is_no_section(shop: FakeShop) -> None:
    assert "Paid membership" not in text(signed_in(till.join()).get("/retention/account/"))


def test_the_mail_before_the_end_links_to_the_product_and_is_not_sent_to_who_has_renewed(shop: FakeShop) -> None:
    ada, month = till.join(), club.plan(shop, months=1, notice_days=90)
    club.buy(shop, month, ada)
    club.work(shop.clock.now)
    assert paid_notices.warn(at=shop.clock.now) == 1
    mail = registry.mails["loyalty.membership_ends"]
    message = Message.objects.select_related("customer").get()
    values = mail.build([message], shop.clock.now)[message.pk]
    assert values["membership"] == "Club"
    assert values["link"].endswith("/products/p1/")
    assert mail.refuse is not None
    assert mail.refuse([message], shop.clock.now) == {}
    club.buy(shop, month, ada)
    club.work(shop.clock.now)
    assert mail.refuse([message], shop.clock.now) == {message.pk: "the membership was renewed, or has ended"}


def test_of_two_plans_each_has_its_own_mail_before_its_end(shop: FakeShop) -> None:
    ada, month = till.join(), club.plan(shop, months=1, notice_days=10)
    more = shop.add_product("More", price=club.PRICE)
    other = club.plan(shop, name="More", product=more, months=1, notice_days=10)
    club.buy(shop, month, ada)
    club.buy(shop, other, ada, at=shop.clock.forward(days=3))
    club.work(shop.clock.now)
    for days in (19, 3):
        shop.clock.forward(days=days)
        assert paid_notices.warn(at=shop.clock.now) == 1
    mail = registry.mails["loyalty.membership_ends"]
    sent = list(Message.objects.select_related("customer").order_by("pk"))
    values = mail.build(sent, shop.clock.now)
    assert [values[message.pk]["membership"] for message in sent] == ["Club", "More"]
    club.buy(shop, month, ada)  # it ends last now
    club.work(shop.clock.now)
    assert mail.refuse is not None
    assert mail.refuse(sent, shop.clock.now) == {sent[0].pk: "the membership was renewed, or has ended"}


def test_early_access_can_ask_who_is_a_paying_member_now(shop: FakeShop) -> None:
    ada, ben, year = till.join(), till.join("ben@example.com"), club.plan(shop)
    club.plan(shop, name="Gold")
    club.buy(shop, year, ada)
    club.work(shop.clock.now)
    ids = [till.who(ada).pk, till.who(ben).pk]
    now = shop.clock.now
    assert PAYING_MEMBER.matching(ids, {}, now) == {ids[0]}
    assert PAYING_MEMBER.matching(ids, {"plan": "Club"}, now) == {ids[0]}
    assert PAYING_MEMBER.matching(ids, {"plan": "Gold"}, now) == set()
    assert PAYING_MEMBER.matching(ids, {"plan": "None such"}, now) == set()
    assert PAYING_MEMBER.matching(ids, {}, now + timedelta(days=400)) == set()
    assert PAYING_MEMBER.words({"plan": "Club"}) == "is a paying member of Club"


def test_a_plan_says_what_it_will_do_before_it_is_saved(shop: FakeShop, staff: Client) -> None:
    product = shop.add_product("The club")
    given = form(product=product, multiplier="1.5", free_shipping=str(club.shipping().pk))
    said = text(staff.post(ADD, given))
    assert Plan.objects.count() == 0
    assert "Each piece of product p1 in a paid order is 1 year of membership." in said
    assert "The product is “The club”." in said
    assert "Their orders earn 1.5 times the points." in said
    assert "Members have a coupon, Free shipping, that the shop puts in by itself." in said
    assert staff.post(ADD, {**given, "_confirmed": "1"}).status_code == 302
    assert Plan.objects.get().product == product


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"product": ""}, "It has no product: nobody can buy it, only staff can give it."),
        ({"product": "none"}, "The shop has no product none: nobody can buy this."),
        ({"months": "1"}, "It has no product"),
    ],
)
def test_what_nobody_can_buy_is_said_and_may_be_saved(
    shop: FakeShop, staff: Client, given: dict[str, str], sentence: str
) -> None:
    assert sentence in text(staff.post(ADD, form(**given)))


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"months": "0"}, "greater than or equal to 1"),
        ({"multiplier": "0"}, "greater than or equal to 1"),
        ({"product": " p1 ", "name": "Other"}, "Another paid membership is sold by this product."),
        ({"notice_days": "0"}, "greater than or equal to 1"),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused_in_words(
    shop: FakeShop, staff: Client, given: dict[str, str], sentence: str
) -> None:
    Plan.objects.create(name="First", product="p1")
    answer = staff.post(ADD, {**form(name="Second"), **given, "_confirmed": "1"})
    assert sentence in text(answer)
    assert Plan.objects.count() == 1


def test_a_gift_for_first_orders_only_is_refused_as_no_member_would_get_it(shop: FakeShop, staff: Client) -> None:
    first = Terms(kind=Kind.PERCENTAGE, percent=Decimal(10), valid_days=30, first_order_only=True)
    offer = offers.create(slug="first", name="First", terms=first, at=till.START)
    answer = staff.post("/admin/retention_loyalty/plan/add/", form(gift=str(offer.pk)))
    assert "This offer is for first orders only." in text(answer)


def test_staff_are_told_who_paid_for_a_plan_that_is_off_until_it_is_made_good(shop: FakeShop, staff: Client) -> None:
    ada, ben, year = till.join(), till.join("ben@example.com"), club.plan(shop)
    url = f"/admin/retention_loyalty/plan/{year.pk}/change/"
    off = form(product=year.product)
    del off["active"]
    assert "orders placed while it is off bring nobody a membership, not even once it is on again" in text(
        staff.post(url, off)
    )
    assert PlanPause.objects.count() == 0
    with time_machine.travel(shop.clock.now, tick=False):
        staff.post(url, {**off, "_confirmed": "1"})
    assert PlanPause.objects.values_list("began_at", "ended_at").get() == (shop.clock.now, None)
    troubles = registry.troubles["loyalty.membership"]
    assert list(troubles(shop.clock.now)) == []
    orders = [club.buy(shop, year, user) for user in (ada, ben)]
    club.buy(shop, year, ben, paid_at=None)
    club.work(shop.clock.forward(hours=1))
    said = "2 paid orders bought product p1 while “Club” was off sale, and brought no membership"
    [found] = troubles(shop.clock.now)
    assert (found.what, found.count, found.url) == (f"{said}: 1001, 1002", 2, url)
    with time_machine.travel(shop.clock.now, tick=False):
        on = staff.post(url, form(product=year.product))
        assert f"{said}." in text(on)
        staff.post(url, {**form(product=year.product), "_confirmed": "1"})
    club.work(shop.clock.now)
    assert PaidTerm.objects.count() == 0
    paid_terms.grant(till.who(ada), year, months=12, reason="Was off", author="grace", key="1", at=shop.clock.now)
    assert [trouble.count for trouble in troubles(shop.clock.now)] == [1]
    shop.refund(orders[1], club.PRICE)
    club.work(shop.clock.now)
    assert list(troubles(shop.clock.now)) == []


def test_a_product_that_the_shop_does_not_have_is_a_trouble(shop: FakeShop) -> None:
    club.plan(shop, product="none")
    found = [str(trouble.what) for trouble in registry.troubles["loyalty.membership"](shop.clock.now)]
    assert found == ["“Club” is sold by a product that the shop does not have: none"]
    offer = club.shipping()
    Plan.objects.update(product="", free_shipping=offer)
    Offer.objects.update(active=False)
    found = [str(trouble.what) for trouble in registry.troubles["loyalty.membership"](shop.clock.now)]
    assert found == ["The offer “Free shipping” is promised to members of “Club”, and gives no coupons now"]


def test_staff_give_and_end_with_the_permission_for_it(shop: FakeShop, staff: Client) -> None:
    ada, year = till.join(), club.plan(shop)
    who = till.who(ada)
    path = f"/admin/retention_loyalty/paidterm/grant/{who.pk}/"
    viewer = get_user_model().objects.create_user("eve", is_staff=True)
    viewer.user_permissions.add(Permission.objects.get(codename="view_paidterm"))
    assert signed_in(viewer).get(path).status_code == 403
    page = staff.get(path)
    key = re.search(r'name="key" value="([^"]+)"', page.content.decode())
    assert key is not None
    given = {"plan": str(year.pk), "months": "3", "reason": "Sorry", "key": key[1]}
    assert staff.post(path, {**given, "months": "0"}).status_code == 422
    assert staff.post(path, {**given, "reason": " "}).status_code == 422
    for _ in range(2):
        assert staff.post(path, given).status_code == 302
    term = PaidTerm.objects.get()
    assert (term.reason, term.author, term.months) == ("Sorry", "grace", 3)
    assert "Give a membership" in text(staff.get(f"/admin/retention/customer/{who.pk}/change/"))
    shown = staff.get(f"/admin/retention_loyalty/paidterm/{term.pk}/change/")
    assert "End this membership" in text(shown)
    end = f"/admin/retention_loyalty/paidterm/{term.pk}/end/"
    assert staff.get(end).status_code == 200
    assert staff.post(end, {"reason": ""}).status_code == 422
    assert staff.post(end, {"reason": "Asked to"}).status_code == 302
    term.refresh_from_db()
    assert (term.ended_by, term.ended_reason) == ("grace", "Asked to")
    assert "nothing was changed" in text(staff.post(end, {"reason": "Again"}, follow=True))


def test_the_lists_of_staff_can_be_read_and_searched(shop: FakeShop, staff: Client) -> None:
    ada, year = till.join(), club.plan(shop)
    order = club.buy(shop, year, ada)
    club.work(shop.clock.now)
    for path in (
        f"paidterm/?q={order}", f"paidterm/?customer__id__exact={till.who(ada).pk}", "paidmember/?until__isempty=0",
        "plan/",
    ):  # fmt: skip
        assert "Club" in text(staff.get(f"/admin/retention_loyalty/{path}"))
    assert "1 member now" in text(staff.get(f"/admin/retention_loyalty/plan/{year.pk}/change/"))


def test_figures_count_members_new_renewed_and_money_by_currency(shop: FakeShop) -> None:
    """Ada renews, Ben does not, Cleo's order is refunded, Dan has just run out and may still renew."""
    now = shop.clock.now
    ada, ben, cleo, dan = (till.join(f"{name}@example.com", at=now - timedelta(days=300)) for name in "abcd")
    month = club.plan(shop, months=1, count_history=True)
    for user, days, currency in (
        (ada, 100, "EUR"), (ada, 75, "EUR"), (ben, 100, "USD"), (cleo, 100, "EUR"), (dan, 35, "EUR"), (ben, 5, "EUR")
    ):  # fmt: skip
        club.buy(shop, month, user, at=now - timedelta(days=days), currency=currency)
    shop.refund("4", club.PRICE)
    club.work(now)
    found = paid_figures.of(month, since=now - timedelta(days=365), until=now)
    assert (found.members, found.new, found.ended, found.renewed, found.percent) == (1, 4, 3, 1, 33)
    assert found.income == {"EUR": 24000, "USD": 6000}
    assert paid_figures.of(month, since=now, until=now).percent is None


def test_ending_what_has_run_out_says_so(shop: FakeShop) -> None:
    ada, month = till.join(), club.plan(shop, months=1)
    club.buy(shop, month, ada)
    club.work(shop.clock.now)
    with pytest.raises(paid_terms.Over):
        paid_terms.end(PaidTerm.objects.get(), reason="x", author="grace", at=shop.clock.now + timedelta(days=40))
    assert PaidTerm.objects.get().ended_at is None
