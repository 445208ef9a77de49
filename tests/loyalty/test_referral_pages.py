"""The link's page, the member's own section, and what staff see."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser, Permission
from django.template import Context, Template
from django.test import Client
from django.utils import timezone

from campaigns.models import Coupon, Offer
from campaigns.services import offers
from campaigns.terms import Kind, Terms
from loyalty.models import Referral, ReferralLink, ReferralTerms
from loyalty.services import spending
from retention import registry
from retention.services import evidence
from retention.testing.shop import FakeShop
from tests.loyalty import friends, till


def text(answer: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split()).replace("&#x27;", "'")


def welcome(**given: Any) -> Offer:
    ten = Terms(kind=Kind.PERCENTAGE, percent=Decimal(10), valid_days=30, first_order_only=True)
    return offers.create(slug="welcome-friend", name="Welcome", terms=ten, at=timezone.now(), **given)


def signed_in(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


def path(user: Any) -> str:
    return f"/retention/r/{friends.code(user)}/"


@pytest.fixture
def staff(db: None) -> Client:
    return signed_in(get_user_model().objects.create_superuser("grace", "grace@example.com", "a long password"))


def test_the_page_says_what_a_friend_gets_and_who_sent_them_only_if_the_member_chose_to(shop: FakeShop) -> None:
    friends.terms(friend_offer=welcome())
    ada = friends.member(first_name="Ada", last_name="Byron")
    link = path(ada)
    said = text(Client().get(link))
    assert "A friend recommends us" in said
    assert "For your first order you get 10% off ." in said
    assert "Ada" not in said
    mine = signed_in(ada)
    mine.post("/retention/friends/name/", {"shows": "1"})
    said = text(Client().get(link))
    assert "Ada recommends us" in said
    assert "Byron" not in said
    mine.post("/retention/friends/name/", {"shows": "0"})
    assert "Ada" not in text(Client().get(link))


def test_looking_changes_nothing_and_the_button_parks_link_and_coupon(shop: FakeShop) -> None:
    friends.terms(friend_offer=welcome())
    link, visitor = path(friends.member()), Client()
    for _ in range(3):
        assert visitor.get(link).status_code == 200
        assert visitor.head(link).status_code == 200
    assert Coupon.objects.count() == 0
    assert evidence.KEY not in visitor.session
    assert visitor.post(link).status_code == 302
    coupon = Coupon.objects.get()
    assert (coupon.customer, coupon.max_uses, coupon.source) == (None, 1, "referral")
    parked = visitor.session[evidence.KEY]["loyalty.referral"]
    assert (parked["code"], parked["coupon"]) == (ReferralLink.objects.get().code, coupon.pk)
    assert visitor.post(link).status_code == 302
    assert Coupon.objects.count() == 1  # the same link is the same coupon
    assert Referral.objects.count() == 0


@pytest.mark.parametrize("typed", ["NOBODYS222", "-", "A" * 60, "%00", "Ω"])
def test_a_code_that_nobody_has_gets_one_friendly_sentence(shop: FakeShop, typed: str) -> None:
    friends.terms()
    for answer in (Client().get(f"/retention/r/{typed}/"), Client().post(f"/retention/r/{typed}/")):
        assert answer.status_code == 404
        assert "Please ask your friend for a new one" in text(answer)


def test_without_terms_in_force_a_link_is_not_good_any_more(shop: FakeShop) -> None:
    terms = friends.terms()
    link = path(friends.member())
    ReferralTerms.objects.filter(pk=terms.pk).update(active=False)
    assert Client().get(link).status_code == 404
    visitor = Client()
    assert visitor.post(link).status_code == 404
    assert evidence.KEY not in visitor.session


def test_ones_own_link_is_said_to_be_ones_own(shop: FakeShop) -> None:
    friends.terms(friend_offer=welcome())
    ada = friends.member()
    mine = signed_in(ada)
    answer = mine.post(path(ada))
    assert answer.status_code == 422
    assert "This is your own link: send it to a friend." in text(answer)
    assert evidence.KEY not in mine.session
    assert Coupon.objects.count() == 0


def test_a_member_who_has_ordered_is_told_that_the_link_is_for_new_people(shop: FakeShop) -> None:
    friends.terms(friend_offer=welcome())
    ben = friends.member("ben@example.com")
    shop.place(email=ben.email, user=ben)
    friends.work(shop.clock.now)
    answer = signed_in(ben).post(path(friends.member()))
    assert answer.status_code == 422
    assert "for people who order here for the first time" in text(answer)


def test_a_new_members_coupon_is_bound_to_them(shop: FakeShop) -> None:
    friends.terms(friend_offer=welcome())
    ben = friends.member("ben@example.com")
    assert signed_in(ben).post(path(friends.member())).status_code == 302
    assert Coupon.objects.get().customer == till.who(ben)


def test_too_many_tries_are_told_to_wait(shop: FakeShop) -> None:
    friends.terms()
    visitor = Client()
    answers = [visitor.post("/retention/r/NOBODYS222/").status_code for _ in range(30)]
    assert answers[0] == 404
    assert answers[-1] == 404
    assert "again" in text(visitor.post(path(friends.member())))
    assert evidence.KEY not in visitor.session


def test_a_code_said_aloud_leads_to_its_page(shop: FakeShop) -> None:
    friends.terms()
    code = friends.code(friends.member())
    assert Client().get("/retention/r/").status_code == 200
    answer = Client().post("/retention/r/", {"code": f" {code[:5].lower()} {code[5:]} "})
    assert answer["Location"] == f"/retention/r/{code}/"
    for nothing in ("", "???", "//evil.example/"):
        assert Client().post("/retention/r/", {"code": nothing})["Location"].startswith("/retention/r/")


def test_the_order_of_the_browser_is_the_friends(shop: FakeShop) -> None:
    friends.terms(friend_offer=welcome())
    ada = friends.member()
    visitor = Client(REMOTE_ADDR="192.0.2.7")
    visitor.post(path(ada))
    request = visitor.get("/retention/r/").wsgi_request
    shop.put(request, shop.add_product())
    reference = shop.checkout(request, email="ben@example.com")
    friends.work(shop.clock.now)
    one = friends.of(reference)
    assert (one.state, one.referrer, one.friend_coupon) == ("waiting", till.who(ada), Coupon.objects.get())
    assert len(one.network_hash) == 64
    assert Coupon.objects.get().customer == one.friend  # it is theirs now
    assert evidence.KEY not in request.session


def test_the_account_page_shows_link_terms_and_states_and_never_the_friend(shop: FakeShop) -> None:
    friends.terms(friend_offer=welcome(), most_ever=5)
    ada = friends.member()
    code = friends.code(ada)
    friends.order(shop, code, "ben@example.com", first_name="Ben", last_name="Button")
    friends.work(shop.clock.forward(days=14))
    lost = friends.order(shop, code, "cleo@example.com")
    shop.mark(lost, "cancelled")
    friends.work(shop.clock.now)
    answer = signed_in(ada).get("/retention/account/")
    said = text(answer)
    assert f"/retention/r/{code}/" in said
    assert "A friend who orders for the first time by your link gets 10% off." in said
    assert "You get 500 points for each friend." in said
    assert "The reward comes 14 days after the friend's order was paid, if it lasts." in said
    assert "At most 5 friends are rewarded in all." in said
    assert "Rewarded +500" in said
    assert "The order did not last: not rewarded 0" in said
    assert "A friend's order" in said  # in the movements of points
    for secret in ("ben@", "Ben", "Button", "cleo", lost + "</"):
        assert secret not in answer.content.decode()


def test_where_points_are_shown_as_money_so_is_what_a_friend_brings(shop: FakeShop) -> None:
    till.start(worth="0.01", shown_as="money", debt_policy="zero")
    friends.terms(friend_points=1250)
    ada = friends.member()
    code = friends.code(ada)
    first = friends.order(shop, code, "ben@example.com")
    friends.work(shop.clock.forward(days=14))
    lost = friends.order(shop, code, "cleo@example.com")
    shop.mark(lost, "cancelled")
    friends.work(shop.clock.now)
    said = text(signed_in(ada).get("/retention/account/"))
    assert "You get €5.00 for each friend." in said
    assert "A friend with an account gets €12.50 when you get your reward." in said
    assert "When A friend's order Amount" in said
    assert "Rewarded +€5.00" in said
    assert "The order did not last: not rewarded €0.00" in said
    spending.spend(till.who(ada).pk, amount=300, key="a", source="test", at=shop.clock.now)
    shop.mark(first, "cancelled")
    friends.work(shop.clock.forward(days=1))
    said = text(signed_in(ada).get("/retention/account/"))
    assert "The order did not last: not all of the reward was taken back +€3.00" in said
    friends_page = text(Client().get(f"/retention/r/{code}/"))
    assert "With an account you get €12.50 once your first order is paid" in friends_page
    for page in (said, friends_page):
        assert "500 points" not in page
        assert "1,250" not in page


def test_the_page_says_which_points_a_friend_gets_and_when(shop: FakeShop) -> None:
    terms = friends.terms(friend_points=100)
    link = path(friends.member())
    said = text(Client().get(link))
    assert "With an account you get 100 points once your first order is paid and can no longer be sent back." in said
    assert "your friend gets a thank-you" not in said
    terms.friend_offer = welcome()
    terms.save()
    said = text(Client().get(link))
    assert "For your first order you get 10% off ." in said
    assert "With an account you get 100 points" in said


def test_a_member_without_a_link_gets_one_by_a_button_and_not_by_looking(shop: FakeShop) -> None:
    friends.terms()
    mine = signed_in(friends.member())
    assert "Get my link" in text(mine.get("/retention/account/"))
    assert ReferralLink.objects.count() == 0
    assert mine.get("/retention/friends/link/").status_code == 405
    for _ in range(2):
        assert mine.post("/retention/friends/link/").status_code == 302
    assert ReferralLink.objects.count() == 1
    assert "Copy my link" in text(mine.get("/retention/account/"))


def test_without_terms_and_friends_there_is_no_section(shop: FakeShop) -> None:
    assert "Bring a friend" not in text(signed_in(friends.member()).get("/retention/account/"))


def test_terms_are_said_in_words_before_they_are_saved(staff: Client) -> None:
    form = {"name": "Friends", "active": "on", "friend_points": "0", "points": "500", "window_days": "14",
            "window_from": "paid", "link_days": "30", "network_orders": "3", "network_days": "30", "burst_orders": "5",
            "burst_hours": "24"}  # fmt: skip
    answer = staff.post("/admin/retention_loyalty/referralterms/add/", form)
    assert ReferralTerms.objects.count() == 0
    assert "Who brought the friend gets 500 points, once for each friend." in text(answer)
    assert "The friend gets nothing but the shop." in text(answer)
    answer = staff.post("/admin/retention_loyalty/referralterms/add/", {**form, "friend_points": "100"})
    assert "A friend with an account gets 100 points, together with the reward." in text(answer)
    assert "The friend gets no coupon." in text(answer)
    staff.post("/admin/retention_loyalty/referralterms/add/", {**form, "friend_points": "100", "_confirmed": "1"})
    assert (ReferralTerms.objects.get().points, ReferralTerms.objects.get().friend_points) == (500, 100)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"points": "0"}, "Say what who brings a friend gets: points or a coupon."),
        ({"network_orders": "1"}, "greater than or equal to 2"),
        ({"link_days": "0"}, "greater than or equal to 1"),
    ],
)
def test_terms_that_make_no_sense_are_refused_in_words(staff: Client, change: dict[str, str], sentence: str) -> None:
    form = {"name": "Friends", "active": "on", "friend_points": "0", "points": "500", "window_days": "14",
            "window_from": "paid", "link_days": "30", "network_orders": "3", "network_days": "30", "burst_orders": "5",
            "burst_hours": "24"}  # fmt: skip
    answer = staff.post("/admin/retention_loyalty/referralterms/add/", {**form, **change})
    assert sentence in text(answer)
    assert ReferralTerms.objects.count() == 0


def test_a_reward_for_first_orders_only_is_refused_as_nobody_who_brings_a_friend_would_get_it(staff: Client) -> None:
    form = {"name": "Friends", "active": "on", "friend_points": "0", "points": "0", "window_days": "14",
            "window_from": "paid", "link_days": "30", "network_orders": "3", "network_days": "30", "burst_orders": "5",
            "burst_hours": "24", "reward_offer": str(welcome().pk)}  # fmt: skip
    answer = staff.post("/admin/retention_loyalty/referralterms/add/", form)
    assert "This offer is for first orders only." in text(answer)


def test_staff_decide_the_queue_with_the_permission_for_it(shop: FakeShop, staff: Client) -> None:
    friends.terms()
    ada = friends.member("a.da@gmail.com")
    alias = friends.of(friends.order(shop, friends.code(ada), "ada@gmail.com"))
    said = text(staff.get("/admin/retention_loyalty/referral/?review__exact=open"))
    assert "the same mailbox, spelled otherwise or of another account" in said
    page = f"/admin/retention_loyalty/referral/{alias.pk}/decide/"
    assert f'href="{page}"' in staff.get(f"/admin/retention_loyalty/referral/{alias.pk}/change/").content.decode()
    viewer = get_user_model().objects.create_user("eve", is_staff=True)
    viewer.user_permissions.add(Permission.objects.get(codename="view_referral"))
    assert signed_in(viewer).get(page).status_code == 403
    assert staff.get(page).status_code == 200
    assert alias.review == "open"
    assert staff.post(page, {"decision": "decline", "reason": " "}).status_code == 422
    assert staff.post(page, {"decision": "decline", "reason": "One household"}).status_code == 302
    alias.refresh_from_db()
    assert (alias.state, alias.reviewed_by, alias.review_reason) == ("declined", "grace", "One household")
    again = staff.post(page, {"decision": "approve", "reason": "Changed my mind"}, follow=True)
    assert "It has been decided meanwhile" in text(again)
    alias.refresh_from_db()
    assert alias.state == "declined"


def test_the_queue_is_among_what_staff_should_look_at(shop: FakeShop) -> None:
    friends.terms()
    friends.order(shop, friends.code(friends.member("a.da@gmail.com")), "ada@gmail.com")
    found = registry.troubles["loyalty.referrals"](shop.clock.now)
    assert [str(trouble.what) for trouble in found] == ["1 referral waits for you"]


def test_a_promise_whose_offer_is_off_is_a_trouble(shop: FakeShop) -> None:
    offer = welcome()
    friends.terms(friend_offer=offer)
    Offer.objects.filter(pk=offer.pk).update(active=False)
    found = registry.troubles["loyalty.referrals"](shop.clock.now)
    assert [str(trouble.what) for trouble in found] == [
        "The offer “Welcome” is promised for friends, and gives no coupons now"
    ]
    assert "For your first order" not in text(Client().get(path(friends.member())))


def test_a_template_of_the_shop_can_show_the_link(shop: FakeShop) -> None:
    page = Template("{% load loyalty_friends %}{% referral_url user as url %}[{{ url }}]")
    ada, ben = friends.member(), friends.member("ben@example.com")
    code = friends.code(ada)
    assert page.render(Context({"user": ada})) == "[]"  # nobody is rewarded
    friends.terms()
    assert page.render(Context({"user": ada})).endswith(f"/r/{code}/]")
    for nobody in (ben, AnonymousUser(), None):
        assert page.render(Context({"user": nobody})) == "[]"
