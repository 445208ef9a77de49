"""The page that answers "Why was this code refused?": asked as a shopper says it, with no address in its own."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.test import Client

from campaigns.models import Coupon, MarginGuard, Rejection
from campaigns.services import replacing, sharing
from campaigns.services.limits import Cap
from campaigns.terms import Goods
from retention.models import Customer
from retention.shop import CouponSpec, get_shop
from retention.testing.shop import FakeShop
from tests.campaigns.counter import WHY, clerk, page, said
from tests.campaigns.counter import staff as staff
from tests.campaigns.shelf import NOW, amount, give, guest, make_offer, percentage, reserve

pytestmark = pytest.mark.django_db

VIEWS, SEES = "retention_campaigns.view_coupon", "retention.view_personal_data"


@pytest.fixture(autouse=True)
def at_nine(fake_shop: FakeShop) -> Iterator[None]:
    fake_shop.add_product("Cup", price=Decimal("20.00"), category="clay/cups")
    fake_shop.add_product("Spoon", price=Decimal("5.00"), category="wood")
    with time_machine.travel(NOW, tick=False):
        yield


def ask(client: Client, code: str, who: Customer | None = None, **basket: Any) -> str:
    """Return what the page says about a code and a customer."""
    query = {"code": code, **basket, **({"customer": who.pk} if who else {})}
    answer = client.get(WHY, query)
    assert answer.status_code == 200
    return said(answer)


def reason(text: str) -> str:
    """Return the reason for programs."""
    _, _, rest = text.partition("Reason for programs:")
    return rest.partition("<code>")[2].partition("</code>")[0]


def heading(text: str) -> str:
    return text.partition('<h2 id="answer">')[2].partition("</h2>")[0]


# Who is meant


def post(client: Client, **given: Any) -> Any:
    return client.post(WHY, {"code": "SPRING24", "who": "", **given})


def asked(answer: Any) -> dict[str, list[str]]:
    """Return the question in the address that a POST went on to."""
    assert answer.status_code == 302, said(answer)
    return parse_qs(urlsplit(answer["Location"]).query)


def test_a_customer_is_found_by_address_order_or_number_and_the_address_stays_out_of_the_pages(
    staff: Client, fake_shop: FakeShop, drain: Any
) -> None:
    fake_shop.place(email="ada@example.com")
    drain(NOW)
    ada = Customer.objects.get()
    for who in (" ADA@example.com ", "1001", f"#{ada.pk}"):
        answer = post(staff, who=who, worth="20")
        assert asked(answer) == {"code": ["SPRING24"], "worth": ["20"], "customer": [str(ada.pk)]}
        assert "ada" not in answer["Location"].lower().replace("spring24", "")
        assert "%40" not in answer["Location"]


def test_the_member_is_meant_where_a_guest_has_the_same_address(staff: Client) -> None:
    guest("ada@example.com")
    user = get_user_model().objects.create_user("ada", "ada@example.com", "a long password")
    member = Customer.objects.create(
        kind="member", user=user, email="ada@example.com", address="ada@example.com", created_at=NOW
    )
    assert asked(post(staff, who="ada@example.com"))["customer"] == [str(member.pk)]


def test_a_guest_who_became_a_member_is_the_member(staff: Client) -> None:
    member = Customer.objects.create(kind="member", email="ada@example.com", created_at=NOW)
    old = guest("ada@example.com")
    Customer.objects.filter(pk=old.pk).update(absorbed_into=member)
    assert asked(post(staff, who=f"#{old.pk}"))["customer"] == [str(member.pk)]


@pytest.mark.parametrize("who", ["nobody@example.com", "9999", "#9999", "#x", "#" + "9" * 30, "'", "@"])
def test_somebody_unknown_is_said_so_at_the_field(staff: Client, who: str) -> None:
    answer = post(staff, who=who)
    assert answer.status_code == 200
    assert "Nobody is known by that. Look again, or leave it empty." in said(answer)


def test_only_who_sees_personal_data_looks_an_address_up(fake_shop: FakeShop) -> None:
    ada = guest("ada@example.com")
    without = clerk(VIEWS)
    answer = post(without, who="ada@example.com")
    assert "You may not look customers up by their address." in said(answer)
    assert "An order number, or # and the customer's number" in said(without.get(WHY))
    assert asked(post(without, who=f"#{ada.pk}"))["customer"] == [str(ada.pk)]


def test_with_the_permission_they_do(fake_shop: FakeShop) -> None:
    ada = guest("ada@example.com")
    assert asked(post(clerk(VIEWS, SEES), who="ada@example.com"))["customer"] == [str(ada.pk)]


def test_who_may_not_see_coupons_asks_nothing(fake_shop: FakeShop) -> None:
    who = clerk(SEES, "retention.view_customer")
    assert who.get(WHY, {"code": "X"}).status_code == 403
    assert post(who).status_code == 403


def test_the_page_says_no_address(staff: Client) -> None:
    coupon = give(make_offer(), guest("bo@example.com"))
    text = ask(staff, coupon.code, guest("ada@example.com"))
    assert "ada@" not in text
    assert "bo@" not in text


# The answer


def test_an_empty_page_asks(staff: Client) -> None:
    text = said(staff.get(WHY))
    assert "What happened" in text
    assert heading(text) == ""


def test_a_coupon_that_would_be_taken(staff: Client) -> None:
    coupon = give(make_offer(amount(("EUR", 500, 1000))))
    ada = guest()
    assert heading(ask(staff, coupon.code, ada)) == "Nothing that was looked at speaks against it"
    text = ask(staff, coupon.code.lower(), ada, worth="10.00")
    assert heading(text) == "It would be taken now"
    assert f"typed as “{coupon.code.lower()}”" in text
    assert reason(text) == ""
    assert "Let the shopper try again, as this customer." in text


def expired() -> Coupon:
    return give(make_offer(percentage(valid_days=1)), at=NOW.replace(month=1))


def void() -> Coupon:
    coupon = give(make_offer())
    replacing.reissue(coupon, source="staff:7", at=NOW)
    return coupon


def held() -> Coupon:
    coupon = give(make_offer())
    reserve(coupon, "elsewhere")
    return coupon


def used() -> Coupon:
    coupon = held()
    coupon.redemptions.update(state="committed", order="1", committed_at=NOW, lease_until=None)
    return coupon


def no_budget() -> Coupon:
    offer = make_offer(percentage("50"), caps=[Cap(measure="discount", currency="EUR", most=500)])
    return give(offer)


def guarded() -> Coupon:
    MarginGuard.objects.create(pk=1, share_of_list=80)
    return give(make_offer(percentage("50")))


def deleted() -> Coupon:
    coupon = give(make_offer())
    shop = get_shop()
    assert isinstance(shop, FakeShop)
    shop.coupons.clear()
    return coupon


CASES: dict[str, tuple[Any, str, str, str]] = {
    "expired": (expired, "expired", "The coupon has expired.", "Give it another last day."),
    "void": (void, "void", "The coupon was called off.", "There is a new code instead: "),
    "held": (held, "reserved", "Another basket holds the coupon", "Has somebody else got the code? Give a new one."),
    "used": (used, "used", "The coupon has been used.", "Look which order used it."),
    "someone else's": (
        lambda: give(make_offer(), guest("bo@example.com")), "someone_elses", "The coupon belongs to another customer.",
        "Look whose it is.",
    ),
    "not begun": (
        lambda: give(make_offer(percentage(starts_on=NOW.date().replace(day=9)))), "not_started",
        "The coupon is not good yet.", "It waits for its first day.",
    ),
    "below minimum": (
        lambda: give(make_offer(amount(("EUR", 500, 9000)))), "below_minimum",
        "The goods are worth less than the coupon's minimum.", "The coupon keeps the terms it was given with.",
    ),
    "other goods": (
        lambda: give(make_offer(percentage(goods=Goods(only_categories=("wood",))))), "goods",
        "There is nothing in the basket that the coupon is for.", "The coupon keeps the terms it was given with.",
    ),
    "no budget": (no_budget, "budget", "What is left of the offer's budget", "Raise the limit in the offer."),
    "guarded": (guarded, "margin", "All discounts together would bring", "Lower the floor of the margin guard"),
    "deleted in the shop": (deleted, "host", "The shop itself does not take the coupon.", "Give a new code"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_each_refusal_has_its_reason_and_what_to_do(staff: Client, case: str) -> None:
    make, value, title, cure = CASES[case]
    coupon = make()
    text = ask(staff, coupon.code, guest(), products="p1", currency="EUR")
    assert reason(text) == value
    assert heading(text).startswith(title)
    assert cure in text
    assert "It is the same sentence for every reason" in text


def test_a_cure_that_needs_a_permission_is_offered_to_who_has_it(fake_shop: FakeShop) -> None:
    coupon = expired()
    assert "Give it another last day." not in ask(clerk(VIEWS), coupon.code, guest())


def test_the_button_of_a_cure_leads_to_the_page_that_asks_for_the_day(staff: Client) -> None:
    coupon = expired()
    text = ask(staff, coupon.code, guest())
    [form] = [part for part in text.split("<form ") if 'value="extend"' in part]
    assert f'name="_selected_action" value="{coupon.pk}"' in form


def test_every_check_has_a_tick_or_a_cross_in_words(staff: Client) -> None:
    text = ask(staff, expired().code, guest("bo@example.com"))
    rows = [row for row in text.split("<tr class=") if row.startswith('"codes-')]
    crosses = [row for row in rows if row.startswith('"codes-no"')]
    assert len(rows) >= 9
    assert ["It has not expired" in row or "It is this customer's" in row for row in crosses] == [True, True]
    assert all("✗</span> no" in row for row in crosses)


def test_the_last_refusals_are_shown(staff: Client) -> None:
    coupon = give(make_offer())
    Rejection.objects.create(coupon=coupon, reason="condition", detail="Not yet.", where="checkout", cart="b17", at=NOW)
    text = ask(staff, coupon.code)
    assert "A condition of the offer does not hold. (Not yet.)" in text
    assert "<td>checkout</td><td>b17</td>" in text


def test_other_codes_in_the_basket_are_heeded(staff: Client) -> None:
    first = give(make_offer(percentage("10", priority=5), slug="first"), key="first")
    later = give(make_offer(percentage("20"), slug="later"), key="later")
    text = ask(staff, later.code, guest(), worth="20", currency="EUR", others=f"{first.code.lower()}, NO-SUCH-CODE")
    assert reason(text) == "exclusive"
    assert "NO-SUCH-CODE is no code of ours: it is left out." in text


@pytest.mark.parametrize(
    ("basket", "words"),
    [
        ({"worth": "20"}, "Say in which currency the basket is: the coupon is good in every one."),
        ({"products": "p1, p99", "currency": "EUR"}, "The shop does not know the product p99."),
        ({"products": "p1", "currency": "GBP"}, "The shop has no price in this currency for Cup."),
        ({"products": "p1", "worth": "5", "currency": "EUR"}, "These products cost more than that: €20.00."),
    ],
)
def test_what_cannot_be_made_of_the_basket_is_said(staff: Client, basket: dict[str, str], words: str) -> None:
    coupon = give(make_offer())
    assert words in ask(staff, coupon.code, guest(), **basket)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"worth": "-1"}, "greater than or equal to 0"),
        ({"worth": "much"}, "Enter a number."),
        ({"currency": "QQQ"}, "There is no such currency."),
        ({"code": "A" * 10_000}, "at most 200 characters"),
        ({"products": "p" * 501}, "at most 500 characters"),
    ],
)
@pytest.mark.parametrize("method", ["get", "post"])
def test_what_does_not_fit_is_said_at_its_field(staff: Client, method: str, given: dict[str, str], words: str) -> None:
    answer = getattr(staff, method)(WHY, {"code": "SPRING24", **given})
    assert answer.status_code == 200
    assert words in said(answer)


@pytest.mark.parametrize("customer", ["x", "-1", "9" * 30, "999999"])
def test_a_customer_that_is_none_is_left_out(staff: Client, customer: str) -> None:
    assert staff.get(WHY, {"code": give(make_offer()).code, "customer": customer}).status_code == 200


# A code that is not there


def test_an_unknown_code_is_said_to_be_unknown(staff: Client) -> None:
    text = ask(staff, "no such code")
    assert (heading(text), reason(text)) == ("There is no such code", "unknown")
    assert "It was read as NOSUCHCODE." in text
    assert "Say who shops, and codes of theirs that look like it are shown." in text


def test_what_cannot_be_a_code_is_said_to_be_none(staff: Client) -> None:
    assert heading(ask(staff, "лето")) == "This cannot be a code"


def test_a_mistyped_code_of_the_customers_is_shown(staff: Client) -> None:
    mine = give(make_offer())
    text = ask(staff, mine.code[:-1] + ("X" if mine.code[-1] != "X" else "Y"), guest())
    assert "The customer has a code much like it. Was it mistyped?" in text
    assert page(mine) in text
    assert "no code that is much like it" in ask(staff, "QQQQQQQQ", guest())


def test_a_voucher_of_the_shops_own_is_known_as_one(staff: Client, fake_shop: FakeShop) -> None:
    fake_shop.create_coupons(
        [CouponSpec(code="MERCHANT", offer="own", name="Own", kind="percentage", value=Decimal(5), starts_at=NOW,
                    ends_at=NOW.replace(day=9))]
    )  # fmt: skip
    assert heading(ask(staff, "merchant")) == "This is a code of the shop's, not one of these offers"


def test_asking_changes_nothing(staff: Client) -> None:
    coupon = give(make_offer())
    before = (list(Coupon.objects.values()), Rejection.objects.count())
    for code in (coupon.code, "NO-SUCH-CODE"):
        for _ in range(3):
            ask(staff, code, guest(), worth="20", currency="EUR")
    assert (list(Coupon.objects.values()), Rejection.objects.count()) == before
    assert coupon.redemptions.count() == 0


# Where it is linked


def test_it_is_linked_from_the_coupons_the_customer_and_what_is_well(staff: Client) -> None:
    coupon = give(make_offer())
    assert f'href="{WHY}"' in said(staff.get("/admin/retention_campaigns/coupon/"))
    assert f'href="{WHY}?code={coupon.code}&customer={coupon.customer_id}"' in said(staff.get(page(coupon)))
    assert f'href="{WHY}?customer={coupon.customer_id}"' in said(
        staff.get(f"/admin/retention/customer/{coupon.customer_id}/change/")
    )
    assert f'href="{WHY}"' in said(staff.get("/admin/retention/installation/"))


def test_it_is_linked_for_who_may_open_it(fake_shop: FakeShop) -> None:
    coupon = give(make_offer())
    who = clerk("retention.view_customer", "retention.view_installation")
    assert WHY not in said(who.get(f"/admin/retention/customer/{coupon.customer_id}/change/"))
    assert WHY not in said(who.get("/admin/retention/installation/"))


def test_a_shared_code_is_explained_without_an_owner(staff: Client) -> None:
    offer = make_offer()
    coupon = sharing.share(
        offer, sharing.look(offer, code="SPRING24", cap=1, at=NOW), key="k", source="staff:1", at=NOW
    )
    reserve(coupon, email="ada@example.com")
    text = ask(staff, "spring 24", guest(), worth="20", currency="EUR")
    assert "It is nobody's own: whoever has the code." in text
    assert "This code: 1 of 1." in text
