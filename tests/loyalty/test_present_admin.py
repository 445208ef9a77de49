"""Gifts, challenges and causes in admin: what each does is said before it is saved, and what makes no sense is not."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.urls import reverse

from loyalty.models import (
    Cause,
    Challenge,
    ChallengeGoods,
    GiftMinimum,
    GiftPlan,
    GiftVersion,
    Participation,
    Payout,
    Pledge,
    Present,
)
from loyalty.services import causes, participants
from retention.models import OrderLine
from retention.shop import LineData
from retention.testing.clock import Clock
from retention.testing.shop import FakeShop
from tests.loyalty.gifts import CUP, buy, challenge, offer, plan, promise
from tests.loyalty.till import START, join, who

Drain = Callable[[datetime], None]
GIFT, CHALLENGE, CAUSE, PAYOUT = (
    f"/admin/retention_loyalty/{name}/add/" for name in ("giftplan", "challenge", "cause", "payout")
)
NONE = {"goods-TOTAL_FORMS": "0", "goods-INITIAL_FORMS": "0"}


@pytest.fixture
def staff(db: None, clock: Clock) -> Client:
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("grace", "grace@example.com", "a long password"))
    return client


@pytest.fixture(autouse=True)
def now(clock: Clock) -> Any:
    with time_machine.travel(clock.now, tick=False):
        yield


def text(answer: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def hidden(answer: Any) -> dict[str, list[str]]:
    """Return what the confirming page hands on."""
    handed: dict[str, list[str]] = {}
    fields = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', answer.content.decode())
    for name, value in fields:
        if name != "csrfmiddlewaretoken":
            handed.setdefault(name, []).append(value)
    return handed


def gift(**given: str) -> dict[str, str]:
    return {"name": "A cup", "on": "on", "every": "5", "gives": "points", "points": "50", "thing": "", "minimums": "",
            "begins_0": "", "begins_1": "", "versions-TOTAL_FORMS": "0", "versions-INITIAL_FORMS": "0",
            **given}  # fmt: skip


def asked(**given: str) -> dict[str, str]:
    return {
        "name": "Three in March", "words": "", "active": "on", "goal": "orders", "how_much": "3", "currency": "",
        "starts_at_0": "2026-03-01", "starts_at_1": "00:00", "ends_at_0": "2026-04-01", "ends_at_1": "00:00",
        "span": "fixed", "days": "", "return_days": "14", "who": "", "gives": "points", "points": "100", "offer": "",
        "most": "1", **NONE, **given,
    }  # fmt: skip


def pledges(*rows: tuple[str, str, str], **given: str) -> dict[str, str]:
    form = {"name": "Forest", "words": "", "url": "", "active": "on", "pledges-TOTAL_FORMS": str(len(rows)),
            "pledges-INITIAL_FORMS": "0", **given}  # fmt: skip
    for number, (currency, amount, percent) in enumerate(rows):
        form |= {
            f"pledges-{number}-currency": currency, f"pledges-{number}-amount": amount,
            f"pledges-{number}-percent": percent,
        }  # fmt: skip
    return form


# Gifts


def test_a_gift_is_told_in_words_before_it_is_saved(shop: FakeShop, clock: Clock, drain: Drain, staff: Client) -> None:
    buy(shop, join(), 5)
    join("bob@example.com")
    drain(clock.now)
    clock.now = clock.now.replace(hour=9)
    answer = staff.post(GIFT, gift(minimums="20 EUR, 25.5 usd"))
    said = text(answer)
    assert GiftPlan.objects.count() == 0
    assert "Every 5 orders that count give 50 points." in said
    assert "An order counts from goods for $25.50 or €20.00 on." in said
    assert "Orders of before do not count." in said
    assert re.search(r"Of 2 customers with an account, \d ha(s|ve) placed 5 orders", said)
    assert staff.post(GIFT, hidden(answer)).status_code == 302
    version = GiftVersion.objects.get()
    assert (version.every, version.points, version.starts_at, version.made_by) == (5, 50, clock.now, "grace")
    assert dict(GiftMinimum.objects.values_list("currency", "minimum_minor")) == {"EUR": 2000, "USD": 2550}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"every": "0"}, "greater than or equal to 1"),
        ({"points": ""}, "Say how many points."),
        ({"gives": "coupon"}, "Say of which offer the coupon is."),
        ({"gives": "task"}, "Say what goes into the parcel."),
        ({"minimums": "20"}, "“20” cannot be read. Write e.g. 20 EUR."),
        ({"minimums": "20 EUR, 30 EUR"}, "EUR stands there twice."),
        ({"minimums": "0.001 EUR"}, "EUR has no more than 2 digits after the point."),
        ({"begins_0": "2026-03-01", "begins_1": "00:00"}, "Give a time to come."),
    ],
)
def test_a_gift_that_makes_no_sense_is_not_saved(
    wrong: dict[str, str], said: str, shop: FakeShop, staff: Client
) -> None:
    assert said in text(staff.post(GIFT, gift(**wrong)))
    assert GiftPlan.objects.count() == 0


def test_a_gift_of_a_closed_offer_is_not_saved(shop: FakeShop, clock: Clock, staff: Client) -> None:
    closed = offer()
    closed.active = False
    closed.save()
    first = offer("bowl", replace(CUP, first_order_only=True))
    over = offer("jug", replace(CUP, ends_on=clock.now.date() - timedelta(days=1)))
    for wrong in (first, over):
        said = text(staff.post(GIFT, gift(gives="coupon", points="", offer=str(wrong.pk))))
        assert "This offer is off, over, or for first orders: nobody would get its coupon." in said
    assert "Select a valid choice" in text(staff.post(GIFT, gift(gives="coupon", points="", offer=str(closed.pk))))
    assert GiftPlan.objects.count() == 0


def test_a_change_makes_a_version_and_the_switch_ends_it(
    shop: FakeShop, clock: Clock, drain: Drain, staff: Client
) -> None:
    made, user = plan(2), join()
    buy(shop, user, 2)
    drain(clock.now)
    url = reverse("admin:retention_loyalty_giftplan_change", args=[made.pk])
    page = text(staff.get(url))
    assert "Every 2 orders that count give 50 points." in page
    confirm = staff.post(url, gift(every="3"))
    assert "Who is in the middle of a round goes on under the terms with which it began." in text(confirm)
    staff.post(url, hidden(confirm))
    assert list(GiftVersion.objects.order_by("pk").values_list("every", "ends_at")) == [
        (2, GiftVersion.objects.get(every=3).starts_at), (3, None)
    ]  # fmt: skip
    form = gift(every="3")
    del form["on"]
    staff.post(url, hidden(staff.post(url, form)))
    assert not GiftVersion.objects.filter(ends_at=None).exists()
    assert "It is off" in text(staff.get(url))


def test_the_form_of_a_gift_shows_what_was_promised_last(shop: FakeShop, clock: Clock, staff: Client) -> None:
    made = plan(2)
    promise(made, 7, at=clock.now + timedelta(days=10))
    promise(made, 3, at=clock.now)
    url = reverse("admin:retention_loyalty_giftplan_change", args=[made.pk])
    page = staff.get(url).content.decode()
    assert re.search(r'name="every" value="3"', page)
    assert re.search(r'name="on"[^>]* checked', page)


def test_presents_are_looked_at_and_not_edited(shop: FakeShop, clock: Clock, drain: Drain, staff: Client) -> None:
    made, user = plan(1, offer=offer()), join()
    buy(shop, user, 1)
    drain(clock.now)
    row = Present.objects.get()
    listing = staff.get(f"/admin/retention_loyalty/present/?plan={made.pk}")
    assert "A little extra" in text(listing)
    page = text(staff.get(reverse("admin:retention_loyalty_present_change", args=[row.pk])))
    assert "a coupon: €5.00 off" in page
    assert staff.get("/admin/retention_loyalty/present/?plan=x%C2%B2").status_code == 200
    assert staff.get("/admin/retention_loyalty/present/add/").status_code == 403


# Challenges


def test_a_challenge_is_told_in_words_with_who_would_have_done_it(
    shop: FakeShop, clock: Clock, drain: Drain, staff: Client
) -> None:
    challenge(clock, name="Another")
    answer = staff.post(CHALLENGE, asked())
    said = text(answer)
    assert "Place 3 orders." in said
    assert "From March 1, 2026 until April 1, 2026." in said
    assert "It brings you 100 points." in said
    assert "In the last 31 days 0 of 0 customers would have done it." in said
    assert "At the same time runs “Another”: one order counts for all of them." in said
    assert Challenge.objects.count() == 1
    assert staff.post(CHALLENGE, hidden(answer)).status_code == 302
    made = Challenge.objects.get(name="Three in March")
    assert (made.target, made.currency, made.points, made.condition) == (3, "", 100, "")


def test_one_that_nobody_would_have_done_is_said_to_be_so(shop: FakeShop, clock: Clock, staff: Client) -> None:
    join()
    said = text(staff.post(CHALLENGE, asked(goal="amount", how_much="9000", currency="eur")))
    assert "Buy goods for €9,000.00." in said
    assert "In the last 31 days 0 of 1 customers would have done it. Nobody: is it within reach?" in said


def test_a_challenge_for_some_stores_its_condition(shop: FakeShop, clock: Clock, staff: Client) -> None:
    who_may = {"who": "campaigns.nth_order", "who-campaigns.nth_order-n": "3"}
    answer = staff.post(CHALLENGE, asked(**who_may))
    assert "It is for who is about to place order number 3." in text(answer)
    staff.post(CHALLENGE, hidden(answer))
    made = Challenge.objects.get()
    assert (made.condition, made.parameters) == ("campaigns.nth_order", {"n": 3})
    url = reverse("admin:retention_loyalty_challenge_change", args=[made.pk])
    staff.post(url, hidden(staff.post(url, asked(who=""))))
    made.refresh_from_db()
    assert (made.condition, made.parameters) == ("", {})


def test_a_condition_whose_app_is_away_can_be_kept_with_what_it_asked(
    shop: FakeShop, clock: Clock, staff: Client
) -> None:
    staff.post(CHALLENGE, hidden(staff.post(CHALLENGE, asked())))
    made = Challenge.objects.get()
    url = reverse("admin:retention_loyalty_challenge_change", args=[made.pk])
    Challenge.objects.update(condition="campaigns.nth_order", parameters={"n": 3})
    assert "not there any more" not in text(staff.get(url)), "it is there, and offered once"
    Challenge.objects.update(condition="gone.away", parameters={"n": 3})
    assert "gone.away (not there any more)" in text(staff.get(url))
    staff.post(url, hidden(staff.post(url, asked(who="gone.away", name="Other"))))
    made.refresh_from_db()
    assert (made.name, made.condition, made.parameters) == ("Other", "gone.away", {"n": 3})
    assert "There is no such condition." in text(staff.post(url, asked(who="never.there")))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"how_much": "0"}, "greater than or equal to"),
        ({"how_much": "2.5"}, "Give a whole number."),
        ({"goal": "amount"}, "In which currency?"),
        ({"goal": "amount", "currency": "EUR", "how_much": "0.001"}, "EUR has no more than 2 digits"),
        ({"ends_at_0": "2026-03-01"}, "It ends before it begins."),
        ({"ends_at_0": "", "ends_at_1": ""}, "When does it end?"),
        ({"span": "joined"}, "How many days are there for it?"),
        ({"span": "joined", "days": "5", "automatic": "on"}, "Days from joining need the button to join."),
        ({"points": ""}, "Say how many points."),
        ({"gives": "coupon"}, "Say of which offer the coupon is."),
        ({"starts_at_0": "2026-02-01", "ends_at_0": "2026-03-01"}, "It is over already: give a time to come."),
    ],
)
def test_a_challenge_that_makes_no_sense_is_not_saved(
    wrong: dict[str, str], said: str, shop: FakeShop, staff: Client
) -> None:
    assert said in text(staff.post(CHALLENGE, asked(**wrong)))
    assert Challenge.objects.count() == 0


def test_a_closed_offer_is_no_reward(shop: FakeShop, staff: Client) -> None:
    closed = offer()
    closed.active = False
    closed.save()
    said = text(staff.post(CHALLENGE, asked(gives="coupon", points="", offer=str(closed.pk))))
    assert "This offer is off, over, or for first orders: nobody would get its coupon." in said


def test_while_people_take_part_only_words_and_the_switch_change(shop: FakeShop, clock: Clock, staff: Client) -> None:
    made = challenge(clock)
    participants.join(made, who(join()), at=clock.now)
    url = reverse("admin:retention_loyalty_challenge_change", args=[made.pk])
    assert "People take part" in text(staff.get(url))
    answer = staff.post(url, asked(name="Renamed", how_much="1", points="9999"))
    staff.post(url, hidden(answer))
    made.refresh_from_db()
    assert (made.name, made.target, made.points) == ("Renamed", 3, 100)
    assert staff.post(url.replace("change", "delete"), {"post": "yes"}).status_code == 403
    assert "under way" in text(staff.get("/admin/retention_loyalty/participation/"))
    assert Participation.objects.count() == 1


def test_orders_are_counted_when_nothing_is_locked_any_more(
    shop: FakeShop, clock: Clock, drain: Drain, staff: Client
) -> None:
    bought = (LineData(reference="1", product="p1", amount=Decimal("40.00"), categories=("clay",)),)
    buy(shop, join(), 3, lines=bought)
    drain(clock.now)
    clock.forward(hours=1)
    depths: dict[str, set[int]] = {"line": set(), "goods": set()}

    def look(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if OrderLine._meta.db_table in sql:
            depths["line"].add(len(connection.savepoint_ids))
        elif ChallengeGoods._meta.db_table in sql:
            depths["goods"].add(len(connection.savepoint_ids))
        return execute(sql, params, many, context)

    outside = len(connection.savepoint_ids)
    form = asked(**{"goods-TOTAL_FORMS": "1", "goods-0-kind": "category", "goods-0-reference": "clay"})
    with time_machine.travel(clock.now, tick=False), connection.execute_wrapper(look):
        said = text(staff.post(CHALLENGE, form))
    assert "In the last 31 days 1 of 1 customers would have done it." in said
    assert depths["line"] == {outside}
    assert min(depths["goods"]) > outside  # they were there, and are no more
    assert ChallengeGoods.objects.count() == 0


# Causes


def test_a_cause_is_told_in_words_and_a_new_pledge_supersedes(shop: FakeShop, clock: Clock, staff: Client) -> None:
    answer = staff.post(CAUSE, pledges(("EUR", "0.50", ""), ("jpy", "", "2")))
    said = text(answer)
    assert "Each paid order in EUR gives €0.50." in said
    assert "Of goods for ¥10,000 an order in JPY gives ¥200, less for what is paid back." in said
    assert Cause.objects.count() == 0
    assert staff.post(CAUSE, hidden(answer)).status_code == 302
    made = Cause.objects.get()
    url = reverse("admin:retention_loyalty_cause_change", args=[made.pk])
    form = pledges(("EUR", "0.70", ""), **{"pledges-TOTAL_FORMS": "3", "pledges-INITIAL_FORMS": "2"})
    form = {name.replace("pledges-0", "pledges-2"): value for name, value in form.items()}
    for number, pledge in enumerate(Pledge.objects.order_by("currency")):
        form |= {f"pledges-{number}-id": str(pledge.pk), f"pledges-{number}-cause": str(made.pk)}
    clock.forward(hours=1)
    with time_machine.travel(clock.now, tick=False):
        staff.post(url, hidden(staff.post(url, form)))
    assert list(Pledge.objects.filter(currency="EUR").order_by("pk").values_list("amount_minor", "ends_at")) == [
        (50, clock.now), (70, None)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (("EUR", "", ""), "Give either an amount or a percentage, above zero."),
        (("EUR", "1", "1"), "Give either an amount or a percentage, above zero."),
        (("EUR", "0", ""), "greater than or equal to"),
        (("EUR", "", "101"), "less than or equal to 100"),
        (("XXY", "1", ""), "There is no such currency."),
    ],
)
def test_a_pledge_that_makes_no_sense_is_not_saved(
    row: tuple[str, str, str], said: str, shop: FakeShop, staff: Client
) -> None:
    assert said in text(staff.post(CAUSE, pledges(row)))
    assert Cause.objects.count() == 0


def test_a_cause_that_is_switched_off_gets_nothing_more(shop: FakeShop, clock: Clock, staff: Client) -> None:
    made = Cause.objects.create(name="Forest")
    causes.pledge(made, currency="EUR", at=START, amount_minor=50)
    form = pledges(**{"pledges-TOTAL_FORMS": "1", "pledges-INITIAL_FORMS": "1"})
    form |= {"pledges-0-id": str(Pledge.objects.get().pk), "pledges-0-cause": str(made.pk)}
    del form["active"]
    url = reverse("admin:retention_loyalty_cause_change", args=[made.pk])
    answer = staff.post(url, form)
    assert "It is off: orders placed now give nothing to it." in text(answer)
    staff.post(url, hidden(answer))
    assert Pledge.objects.get().ends_at == clock.now


def test_a_payout_is_recorded_once_and_not_above_what_is_owed(
    shop: FakeShop, clock: Clock, drain: Drain, staff: Client
) -> None:
    made = Cause.objects.create(name="=Forest")
    causes.pledge(made, currency="EUR", at=START, amount_minor=50)
    buy(shop, join(), 3)
    drain(clock.now)
    assert "€1.50 given, €0.00 paid out: €1.50 to pay" in text(staff.get("/admin/retention_loyalty/cause/"))
    listed = staff.get("/admin/retention_loyalty/cause/").content.decode()
    filled = re.search(r'href="([^"]+payout/add/[^"]+)"', listed)
    assert filled is not None
    assert 'value="1.50"' in staff.get(filled[1].replace("&amp;", "&")).content.decode()
    form = {"cause": str(made.pk), "currency": "EUR", "amount": "1.51", "first_month": "2026-03-15",
            "last_month": "2026-03-15", "note": "by bank", "form_key": "k1"}  # fmt: skip
    assert "No more than €1.50 is owed to =Forest." in text(staff.post(PAYOUT, form))
    assert "The last month is before the first." in text(staff.post(PAYOUT, {**form, "last_month": "2026-02-01"}))
    for _ in range(2):
        assert staff.post(PAYOUT, {**form, "amount": "1.00"}).status_code == 302
    row = Payout.objects.get()
    assert (row.amount_minor, row.by, str(row.first_month), row.note) == (100, "grace", "2026-03-01", "by bank")
    assert "€1.50 given, €1.00 paid out: €0.50 to pay" in text(staff.get("/admin/retention_loyalty/cause/"))
    lines = b"".join(staff.get("/admin/retention_loyalty/cause/months.csv").streaming_content).decode().splitlines()  # type: ignore[attr-defined]
    assert lines == ["\ufeffMonth,Cause,Currency,Orders,Donations of points,Amount", "2026-03,'=Forest,EUR,3,0,1.50"]
    assert "€0.50" in text(staff.get("/admin/retention_loyalty/contribution/"))


def test_recording_and_the_table_need_their_permissions(shop: FakeShop, clock: Clock) -> None:
    user = get_user_model().objects.create_user("sam", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_cause"))
    client = Client()
    client.force_login(user)
    assert client.get(PAYOUT).status_code == 403
    assert client.get("/admin/retention_loyalty/cause/months.csv").status_code == 403
    user.user_permissions.add(Permission.objects.get(codename="record_payout"))
    assert client.get(PAYOUT).status_code == 200


def test_who_may_only_look_sees_what_each_does(shop: FakeShop, clock: Clock) -> None:
    user = get_user_model().objects.create_user("sam", is_staff=True)
    for name in ("giftplan", "challenge", "cause"):
        user.user_permissions.add(Permission.objects.get(codename=f"view_{name}"))
    client = Client()
    client.force_login(user)
    shown = (
        ("giftplan", plan(2).pk, "Every 2 orders that count give 50 points."),
        ("challenge", challenge(clock).pk, "Place 3 orders."),
        ("cause", Cause.objects.create(name="Forest").pk, "No currency has a pledge"),
    )
    for name, pk, said in shown:
        answer = client.get(reverse(f"admin:retention_loyalty_{name}_change", args=[pk]))
        assert said in text(answer)
        assert 'name="_save"' not in answer.content.decode()


def test_decimal_amounts_keep_their_currency(shop: FakeShop, clock: Clock, staff: Client) -> None:
    made = challenge(clock, goal="amount", target=12345, currency="EUR")
    page = staff.get(reverse("admin:retention_loyalty_challenge_change", args=[made.pk])).content.decode()
    assert Decimal(re.search(r'name="how_much" value="([^"]+)"', page)[1]) == Decimal("123.45")  # type: ignore[index]


def test_the_page_that_asks_does_not_say_that_it_was_saved(shop: FakeShop, staff: Client) -> None:
    assert "successfully" not in text(staff.post(GIFT, gift()))
