"""The API of friends and of paid membership."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from campaigns.models import Coupon
from campaigns.services import offers
from campaigns.terms import Kind, Terms
from loyalty.models import PaidTerm, Programme, Referral, ReferralLink, ReferralTerms
from loyalty.services import programmes
from retention.models import Customer
from tests.api import people
from tests.api.people import NOON, V1, Shopper


@pytest.fixture
def terms(db: None) -> ReferralTerms:
    return ReferralTerms.objects.create(name="Friends", active=True, points=500)


def test_without_terms_there_is_nothing_to_say_of_a_link(ada: Shopper) -> None:
    assert ada.client.get(f"{V1}me/referral/").status_code == 204


def test_a_link_is_made_by_a_post_and_stays_the_same(terms: ReferralTerms) -> None:
    shopper = people.shopper("cleo")
    before = shopper.client.get(f"{V1}me/referral/").json()
    assert (before["code"], before["i_get"], ReferralLink.objects.count()) == ("", "500 points", 0)
    made = [shopper.client.post(f"{V1}me/referral/").json() for _ in range(2)]
    assert made[0] == made[1]
    assert made[0]["url"].endswith(f"/r/{made[0]['code']}/")
    assert ReferralLink.objects.get().code == made[0]["code"]


def test_my_friends_orders_say_how_far_they_are_and_not_who_they_are(ada: Shopper) -> None:
    friend = people.shopper("ben")
    for number, state in enumerate(["new", "waiting", "rewarded", "lost", "capped", "declined", "no"]):
        Referral.objects.create(
            order=f"F{number}", code="X", referrer=ada.customer, friend=friend.customer, state=state, at=NOON,
            slot_month=NOON.date(), slot_in_month=number + 1, slot_ever=number + 1,
        )  # fmt: skip
    Referral.objects.filter(order="ada-mark-friend").delete()
    answer = ada.client.get(f"{V1}me/referrals/")
    assert [row["state"] for row in reversed(answer.json()["results"])] == [
        "waiting", "waiting", "rewarded", "lost", "over_limit", "does_not_count", "does_not_count"
    ]  # fmt: skip
    assert set(answer.json()["results"][0]) == {"id", "at", "state", "words", "points"}
    assert friend.mark not in answer.content.decode()


def till() -> Any:
    return people.staff("till", "retention_loyalty.add_referral")


def test_a_shop_says_by_whose_code_an_order_came_once(ada: Shopper) -> None:
    client, body = till(), {"order": "F1", "code": " adamark ", "address": "192.0.2.7"}
    for _ in range(2):
        answer = client.post(f"{V1}referrals/", body, format="json")
        assert (answer.status_code, answer.json()["order"], answer.json()["state"]) == (201, "F1", "new")
    one = Referral.objects.get(order="F1")
    assert (one.code, len(one.network_hash)) == ("ADAMARK", 64)
    people_link = ReferralLink.objects.create(customer=people.shopper("cleo").customer, code="CLEA", made_at=NOON)
    again = client.post(f"{V1}referrals/", {"order": "F1", "code": people_link.code}, format="json")
    assert (again.status_code, again.json()["code"]) == (409, "came_by_another")


@pytest.mark.parametrize("code", ["NOBODY", "", "A" * 41, "\x00", "ÄÖÜ"])
def test_a_code_that_nobody_has_is_refused_with_a_word_for_programs(ada: Shopper, code: str) -> None:
    answer = till().post(f"{V1}referrals/", {"order": "F1", "code": code}, format="json")
    assert answer.status_code == 400
    assert "code" in answer.json()["fields"]
    assert Referral.objects.filter(order="F1").count() == 0


def test_a_shop_opens_a_link_and_gets_the_friends_coupon_once_for_each_visit(
    ada: Shopper, terms: ReferralTerms
) -> None:
    ten = Terms(kind=Kind.PERCENTAGE, percent=Decimal(10), valid_days=30, first_order_only=True)
    terms.friend_offer = offers.create(slug="welcome-friend", name="Welcome", terms=ten, at=NOON)
    terms.friend_points = 100
    terms.save()
    client, before = till(), Coupon.objects.count()
    answers = [
        client.post(f"{V1}referrals/open/", {"code": " adamark ", "visit": visit}, format="json")
        for visit in ("basket-1", "basket-1", "basket-2")
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    first, again, other = (answer.json() for answer in answers)
    assert first == again
    assert first["coupon"] != other["coupon"]
    assert Coupon.objects.count() == before + 2
    coupon = Coupon.objects.get(code=first["coupon"])
    assert (coupon.customer, coupon.offer, coupon.max_uses, coupon.source) == (None, terms.friend_offer, 1, "referral")
    assert (first["code"], first["friend_gets"], first["friend_gets_later"], first["days"]) == (
        "ADAMARK", "10% off", "100 points", 30
    )  # fmt: skip
    order = {"order": "F1", "code": "ADAMARK", "coupon": first["coupon"].lower()}
    answer = client.post(f"{V1}referrals/", order, format="json")
    assert (answer.status_code, answer.json()["friend_coupon"]) == (201, coupon.pk)


def test_a_coupon_that_no_link_gave_is_refused_with_the_order(ada: Shopper, terms: ReferralTerms) -> None:
    client, others = till(), ada.customer.coupons.get().code
    for coupon in (others, "NOBODYS22222"):
        answer = client.post(f"{V1}referrals/", {"order": "F1", "code": "ADAMARK", "coupon": coupon}, format="json")
        assert answer.status_code == 400
        assert list(answer.json()["fields"]) == ["coupon"]
    assert Referral.objects.filter(order="F1").count() == 0


def test_a_link_opens_without_a_coupon_where_there_is_none_and_not_without_terms(ada: Shopper) -> None:
    client, body = till(), {"code": "ADAMARK", "visit": "basket-1"}
    answer = client.post(f"{V1}referrals/open/", body, format="json")
    assert (answer.status_code, answer.json()["code"]) == (409, "no_terms")
    ReferralTerms.objects.create(name="Friends", active=True, points=500)
    answer = client.post(f"{V1}referrals/open/", body, format="json").json()
    assert (answer["coupon"], answer["friend_gets"], answer["friend_gets_later"]) == ("", "", "")
    assert client.post(f"{V1}referrals/open/", {**body, "code": "NOBODY"}, format="json").status_code == 400


def test_my_link_says_money_where_points_are_shown_as_money(ada: Shopper, terms: ReferralTerms) -> None:
    Programme.objects.update(active=False)
    programme = Programme.objects.create(name="Cashback", active=True, shown_as="money")
    programmes.set_rate(programme, currency="EUR", points=Decimal(1), at=NOON, worth=Decimal("0.01"))
    terms.friend_points = 250
    terms.save()
    said = ada.client.get(f"{V1}me/referral/").json()
    assert (said["i_get"], said["friend_gets"], said["friend_gets_later"]) == ("€5.00", "", "€2.50")


def test_staff_decide_by_the_api_once_and_never_for_the_referrers_own_order(ada: Shopper) -> None:
    one = Referral.objects.get(referrer=ada.customer)
    client = people.staff("clerk", "retention_loyalty.review_referral")
    path = f"{V1}referrals/{one.pk}/decide/"
    assert client.post(path, {"approve": False}, format="json").status_code == 400
    own = client.post(path, {"approve": True, "reason": "Fine"}, format="json")
    assert (own.status_code, own.json()["code"]) == (409, "own_order")
    done = client.post(path, {"approve": False, "reason": "Own order"}, format="json")
    assert (done.status_code, done.json()["review"]) == (200, "declined")
    again = client.post(path, {"approve": False, "reason": "Own order"}, format="json")
    assert (again.status_code, again.json()["code"]) == (409, "not_open")


def test_referrals_are_filtered_and_hold_ids_only(ada: Shopper) -> None:
    client = people.staff("clerk", "retention_loyalty.view_referral")
    answer = client.get(f"{V1}referrals/?review=open&referrer={ada.customer.pk}").json()
    assert [row["order"] for row in answer["results"]] == ["ada-mark-friend"]
    assert client.get(f"{V1}referrals/?state=rewarded").json()["results"] == []
    assert client.get(f"{V1}referrals/?why=known").json()["results"] == []
    Referral.objects.filter(order="ada-mark-friend").update(state="no", why="known", review="")
    assert [row["why"] for row in client.get(f"{V1}referrals/?why=known").json()["results"]] == ["known"]
    assert people.queries(client, "referrals/") <= 6


def test_my_memberships_say_until_when_and_what_they_give(ada: Shopper) -> None:
    [one] = ada.client.get(f"{V1}me/memberships/").json()
    assert (one["name"], one["since"], one["product"]) == (
        "ada-mark", "2026-03-02T13:00:00+01:00", "ada-mark-club"
    )  # fmt: skip
    PaidTerm.objects.update(starts_at=NOON - timedelta(days=400), ends_at=NOON - timedelta(days=35))
    [over] = ada.client.get(f"{V1}me/memberships/").json()
    assert (over["since"], over["until"][:10]) == (None, "2026-01-26")


def test_staff_list_terms_with_money_and_dates(ada: Shopper) -> None:
    client = people.staff("clerk", "retention_loyalty.view_paidterm")
    answer = client.get(f"{V1}memberships/?customer={ada.customer.pk}").json()
    assert [(row["order"], row["paid"], row["currency"]) for row in answer["results"]] == [
        ("ada-mark-0", "0.00", "EUR")
    ]  # fmt: skip
    assert client.get(f"{V1}memberships/?plan=None").json()["results"] == []


def test_a_shop_page_of_somebody_elses_link_shows_no_address(ada: Shopper, terms: ReferralTerms) -> None:
    assert Customer.objects.filter(pk=ada.customer.pk, first_name="ada-mark").exists()
    assert ada.mark not in Client().get("/retention/r/ADAMARK/").content.decode()
