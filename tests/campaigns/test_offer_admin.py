"""Staff read what an offer will do before it is saved; ledgers are to look at."""

from __future__ import annotations

from typing import Any

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from campaigns.models import Coupon, Offer, OfferVersion
from campaigns.services import coupons
from retention.testing.shop import FakeShop
from tests.campaigns.shelf import NOW, amount, give, guest, make_offer, percentage, reserve

pytestmark = pytest.mark.django_db

ADD = "/admin/retention_campaigns/offer/add/"
LEDGER = "/admin/retention_campaigns/coupon/"


@pytest.fixture(autouse=True)
def at_nine() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def staff(client: Client, fake_shop: FakeShop) -> Client:
    client.force_login(get_user_model().objects.create_superuser("staff", "staff@example.com", "a long password"))
    return client


def change(offer: Offer) -> str:
    return f"/admin/retention_campaigns/offer/{offer.pk}/change/"


def form(**given: Any) -> dict[str, Any]:
    """The form of an offer of 10 %, filled in."""
    return {
        "name": "Welcome",
        "slug": "welcome",
        "active": "on",
        "kind": "percentage",
        "percent": "10",
        "first_order_only": "on",
        "exclusive": "on",
        "valid_days": "30",
        "uses": "1",
        "per_customer": "1",
        "max_uses": "",
        "prefix": "WELCOME",
        "money-TOTAL_FORMS": "1",
        "money-INITIAL_FORMS": "0",
        "money-0-currency": "",
        "conditions-TOTAL_FORMS": "0",
        "conditions-INITIAL_FORMS": "0",
        "versions-TOTAL_FORMS": "0",
        "versions-INITIAL_FORMS": "0",
        **given,
    }


def said(response: Any) -> str:
    return response.content.decode()


def test_an_offer_is_put_into_words_before_anything_is_saved(staff: Client) -> None:
    answer = staff.post(ADD, form(**{"money-0-currency": "EUR", "money-0-minimum": "30"}))
    assert answer.status_code == 200
    for sentence in (
        "10% off, on goods from €30.00.",
        "Each coupon is good for 30 days from issue and can be used once.",
        "Only for a first order: who has ordered before, as a guest too, gets none and cannot use one.",
        "One person can use the offer once, over all coupons and spellings of one mailbox.",
        "It cannot be used together with another coupon.",
        "It is a new offer. No coupon of it is out.",
        "Nothing has been saved yet.",
    ):
        assert sentence in said(answer)
    assert Offer.objects.count() == OfferVersion.objects.count() == 0


def test_confirmed_it_is_saved_with_its_first_version(staff: Client) -> None:
    first = staff.post(ADD, form(**{"money-0-currency": "eur", "money-0-minimum": "30"}))
    posted = dict(first.context["posted"])
    answer = staff.post(ADD, {**posted, "_confirmed": "1"})
    assert answer.status_code == 302
    offer = Offer.objects.get()
    version = OfferVersion.objects.get()
    assert (offer.slug, offer.prefix, version.number, version.created_by) == ("welcome", "WELCOME", 1, "staff")
    assert version.terms.in_currency("EUR").minimum == 3000  # type: ignore[union-attr]


def edited(offer: Offer, **given: Any) -> dict[str, Any]:
    data = form(
        name=offer.name, kind=offer.kind, percent="" if offer.percent is None else str(offer.percent),
        per_customer="", prefix="", **{"versions-TOTAL_FORMS": "1", "versions-INITIAL_FORMS": "1"},
    )  # fmt: skip
    del data["first_order_only"]
    for n, row in enumerate(offer.money.order_by("pk")):
        data |= {
            f"money-{n}-id": row.pk,
            f"money-{n}-offer": offer.pk,
            f"money-{n}-currency": row.currency,
            f"money-{n}-amount": row.amount_minor / 100 if row.amount_minor else "",
            f"money-{n}-minimum": row.minimum_minor / 100 if row.minimum_minor else "",
            "money-TOTAL_FORMS": n + 1,
            "money-INITIAL_FORMS": n + 1,
        }
    return {**data, **given}


def test_changed_terms_say_how_many_coupons_keep_theirs(staff: Client) -> None:
    offer = make_offer(amount(("EUR", 500, None)))
    give(offer, guest("ada@example.com"))
    give(offer, guest("bo@example.com"))
    answer = staff.post(change(offer), edited(offer, **{"money-0-amount": "3"}))
    assert "€3.00 off, whatever the goods are worth." in said(answer)
    assert "Coupons from now on get these terms, as version 2." in said(answer)
    assert "2 coupons that are out keep what they promised." in said(answer)
    assert offer.money.get().amount_minor == 500
    posted = dict(answer.context["posted"])
    assert staff.post(change(offer), {**posted, "_confirmed": "1"}).status_code == 302
    assert OfferVersion.objects.latest("number").terms.money[0].amount == 300
    assert set(Coupon.objects.values_list("version__number", flat=True)) == {1}


def test_a_change_of_the_name_alone_leaves_the_version(staff: Client) -> None:
    offer = make_offer()
    data = edited(offer, name="Another")
    assert "The terms stay as they are (version 1)." in said(staff.post(change(offer), data))
    staff.post(change(offer), {**data, "_confirmed": "1"})
    assert (Offer.objects.get().name, OfferVersion.objects.count()) == ("Another", 1)


def test_a_limit_below_what_is_taken_says_that_it_ends_now(staff: Client) -> None:
    offer = make_offer()
    for name in ("ada", "bo"):
        reserve(give(offer, guest(f"{name}@example.com")), name, email=f"{name}@example.com")
    data = edited(offer, max_uses="1")
    assert "It ends now: 2 uses are taken, of 1 allowed." in said(staff.post(change(offer), data))
    staff.post(change(offer), {**data, "_confirmed": "1"})
    assert Offer.objects.values_list("max_uses", "used").get() == (2, 2)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"percent": "101"}, "less than or equal to 100"),
        ({"percent": "0"}, "How many percent come off?"),
        ({"percent": "-5"}, "greater than or equal to"),
        ({"percent": ""}, "How many percent come off?"),
        ({"kind": "amount"}, "Say for each currency how much comes off."),
        ({"kind": "amount", "money-0-currency": "EUR"}, "Say for each currency how much comes off."),
        ({"money-0-currency": "EUR", "money-0-amount": "-1"}, "greater than or equal to 0.01"),
        ({"money-0-currency": "QQQ"}, "There is no such currency."),
        ({"valid_days": "0"}, "greater than or equal to 1"),
        ({"uses": "0"}, "greater than or equal to 1"),
        ({"prefix": "Würze"}, "Capital letters and digits only."),
        ({"slug": "not a slug"}, "valid “slug”"),
    ],
)
def test_what_does_not_fit_is_said_at_its_field(staff: Client, wrong: dict[str, str], words: str) -> None:
    answer = staff.post(ADD, form(**wrong, _confirmed="1"))
    assert answer.status_code == 200
    assert words in said(answer)
    assert Offer.objects.count() == 0


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ("{}", "This condition takes:"),
        ('{"m": 2}', "This condition takes:"),
        ('{"n": 0}', "must be a whole number from 1 on."),
        ("[2]", "This condition takes:"),
        ("{", "valid JSON"),
    ],
)
def test_a_condition_that_cannot_be_asked_is_refused(staff: Client, parameters: str, words: str) -> None:
    condition = {
        "conditions-TOTAL_FORMS": "1",
        "conditions-0-name": "campaigns.nth_order",
        "conditions-0-parameters": parameters,
    }
    answer = staff.post(ADD, form(**condition, _confirmed="1"))
    assert (answer.status_code, Offer.objects.count()) == (200, 0)
    assert words in said(answer)
    condition["conditions-0-parameters"] = '{"n": 2}'
    said_now = said(staff.post(ADD, form(**condition)))
    assert "Only where this holds: the next order is the n-th one (which order, counted from 1: 2)." in said_now


def test_saving_an_offer_does_not_undo_uses_that_are_taken_meanwhile(staff: Client) -> None:
    offer = make_offer(max_uses=5)
    data = edited(offer, max_uses="5", name="Another")
    staff.post(change(offer), data)
    reserve(give(offer))
    staff.post(change(offer), {**data, "_confirmed": "1"})
    assert Offer.objects.values_list("name", "used").get() == ("Another", 1)


def test_an_offer_is_switched_off_and_never_deleted(staff: Client) -> None:
    offer = make_offer()
    assert staff.post(f"/admin/retention_campaigns/offer/{offer.pk}/delete/", {"post": "yes"}).status_code == 403
    assert Offer.objects.filter(pk=offer.pk).exists()


def test_the_list_shows_what_came_of_each_offer(staff: Client) -> None:
    offer = make_offer(percentage("10"))
    reserve(give(offer, key="used"))
    give(offer, key="open")
    text = said(staff.get("/admin/retention_campaigns/offer/"))
    assert "10% off" in text
    assert "1 of 2" in text
    assert "1 of 2" in said(staff.get(change(offer)))


def test_the_list_of_many_offers_costs_no_more_queries(staff: Client) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as asked:
            staff.get("/admin/retention_campaigns/offer/")
        return len(asked)

    make_offer()
    one = cost()
    for n in range(5):
        make_offer(amount(("EUR", 500, None)), slug=f"more-{n}")
    assert cost() == one


def test_coupons_are_to_look_at(staff: Client) -> None:
    coupon = give(make_offer())
    reserve(coupon)
    assert coupon.code in said(staff.get(LEDGER, {"q": coupon.code}))
    assert staff.get(f"{LEDGER}{coupon.pk}/change/").status_code == 200
    assert staff.get(f"{LEDGER}add/").status_code == 403
    assert staff.post(f"{LEDGER}{coupon.pk}/delete/", {"post": "yes"}).status_code == 403
    assert staff.get("/admin/retention_campaigns/redemption/").status_code == 200


def call_off(client: Client, coupon: Coupon) -> Any:
    return client.post(LEDGER, {"action": "call_off", "_selected_action": [coupon.pk]}, follow=True)


def test_staff_call_a_coupon_off(staff: Client, fake_shop: FakeShop) -> None:
    coupon = give(make_offer())
    assert "1 coupon called off." in said(call_off(staff, coupon))
    assert Coupon.objects.get().state == "void"
    assert fake_shop.coupons[coupon.code].disabled
    assert "1 coupon was called off before." in said(call_off(staff, coupon))


def test_who_may_only_look_cannot_call_off(client: Client, fake_shop: FakeShop) -> None:
    looker = get_user_model().objects.create_user("looker", "looker@example.com", "a long password", is_staff=True)
    looker.user_permissions.set(Permission.objects.filter(codename="view_coupon"))
    client.force_login(looker)
    coupon = give(make_offer())
    call_off(client, coupon)
    assert Coupon.objects.get().state == "issued"
    assert coupons.void([coupon], reason="by the service", at=NOW) == 1
