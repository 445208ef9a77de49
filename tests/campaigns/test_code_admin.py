"""Codes in bulk at admin: asked for once it was read, watched, stopped, and taken out by who may."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.contrib.admin.models import LogEntry
from django.test import Client

from campaigns.models import Coupon, CouponBatch, Offer
from campaigns.services import batches, coupons
from retention.models import Job
from tests.campaigns.counter import BATCHES, clerk, cost, said
from tests.campaigns.counter import staff as staff
from tests.campaigns.shelf import NOW, amount, make_offer, percentage, reserve

pytestmark = pytest.mark.django_db

ADD = f"{BATCHES}add/"
ISSUES, EXPORTS = "retention_campaigns.issue_coupon", "retention_campaigns.export_codes"


@pytest.fixture(autouse=True)
def at_nine(settings: Any) -> Iterator[None]:
    settings.RETENTION = {**settings.RETENTION, "BASE_URL": "https://shop.example.com"}
    with time_machine.travel(NOW, tick=False):
        yield


def form(offer: Offer, **given: Any) -> dict[str, Any]:
    return {
        "once": "abc", "offer": offer.pk, "name": "leaflet", "count": "250", "code_prefix": "", "currency": "", **given,
    }  # fmt: skip


def made(offer: Offer, count: int = 3, **given: Any) -> CouponBatch:
    batch = batches.start(offer, name="leaflet", count=count, by="staff", at=NOW, **given)
    while batches.carry_on(at=NOW):
        pass
    return batch


def of(batch: CouponBatch, page: str) -> str:
    return f"{BATCHES}{batch.pk}/{page}/"


# Asking for codes


def test_what_will_be_made_is_read_before_anything_is_made(staff: Client) -> None:
    answer = staff.post(ADD, form(make_offer(amount(("EUR", 500, 3000)))))
    text = said(answer)
    for sentence in (
        "250 codes of “Thanks” are made, in the background: you may close the page.",
        "€5.00 off, on goods from €30.00.",
        "Good until April 1, 2026, that day included.",
        "Each is nobody's own: whoever has it can use it.",
        "Each can be used once.",
        "They can cost at most 250 × €5.00 = €1,250.00.",
        "Nothing has been made yet.",
    ):
        assert sentence in text
    assert CouponBatch.objects.count() == Job.objects.count() == 0


def test_confirmed_the_codes_are_asked_for_once(staff: Client) -> None:
    offer = make_offer()
    first = staff.post(ADD, form(offer, code_prefix="box"))
    posted = {**dict(first.context["posted"]), "_confirmed": "1"}
    for _ in range(2):
        assert staff.post(ADD, posted)["Location"] == of(CouponBatch.objects.get(), "change")
    batch = CouponBatch.objects.get()
    assert (batch.name, batch.count, batch.prefix, batch.made_by, batch.job.state) == (
        "leaflet", 250, "BOX", "staff", "running",
    )  # fmt: skip
    assert Coupon.objects.count() == 0, "a tick makes them, not the request"


def test_back_from_there_is_the_form_as_it_was_filled_in(staff: Client) -> None:
    answer = staff.post(ADD, form(make_offer(), name="for the fair", _back="1"))
    assert 'value="for the fair"' in said(answer)
    assert CouponBatch.objects.count() == 0


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"count": "0"}, "greater than or equal to 1"),
        ({"count": "-5"}, "greater than or equal to 1"),
        ({"count": "1000001"}, "less than or equal to 1000000"),
        ({"count": "many"}, "Enter a whole number"),
        ({"count": ""}, "This field is required"),
        ({"name": ""}, "This field is required"),
        ({"name": "x" * 101}, "at most 100 characters"),
        ({"code_prefix": "Würze"}, "Letters from A to Z and digits only."),
        ({"code_prefix": "A" * 13}, "at most 12 characters"),
        ({"currency": "GBP"}, "The offer is good in every currency: leave this empty."),
        ({"offer": "999999"}, "Select a valid choice"),
        ({"offer": ""}, "This field is required"),
    ],
)
def test_what_does_not_fit_is_said_at_its_field(staff: Client, wrong: dict[str, str], words: str) -> None:
    answer = staff.post(ADD, {**form(make_offer()), **wrong, "_confirmed": "1"})
    assert answer.status_code == 200
    assert words in said(answer)
    assert CouponBatch.objects.count() == 0


def test_an_offer_that_is_over_is_refused_in_words(staff: Client) -> None:
    over = make_offer(percentage(valid_days=None, ends_on=NOW.date().replace(day=1)))
    assert "The offer is over." in said(staff.post(ADD, form(over)))
    Offer.objects.update(active=False)
    assert "Select a valid choice" in said(staff.post(ADD, form(over)))
    assert CouponBatch.objects.count() == 0


def test_who_may_not_make_codes_gets_no_form(db: None) -> None:
    looker = clerk("retention_campaigns.view_couponbatch", "retention_campaigns.view_offer")
    assert looker.get(ADD).status_code == 403
    assert looker.post(ADD, form(make_offer(), _confirmed="1")).status_code == 403
    assert CouponBatch.objects.count() == 0


# Watching


def test_the_page_says_how_far_it_is_and_the_script_hears_the_same(staff: Client) -> None:
    batch = batches.start(make_offer(prefix="LEAF"), name="leaflet", count=250, by="staff", at=NOW)
    batches.carry_on(at=NOW, most=80)
    text = said(staff.get(of(batch, "change")))
    assert '<progress value="80" max="250"' in text
    assert "Being made: 80 of 250 codes (32%)." in text
    heard = staff.get(of(batch, "progress"))
    assert heard.json() == {
        "state": "running", "done": 80, "of": 250, "words": "Being made: 80 of 250 codes (32%).", "still": "",
    }  # fmt: skip
    assert "no-store" in heard["Cache-Control"]


def test_a_batch_that_nobody_works_on_says_so(staff: Client) -> None:
    batch = batches.start(make_offer(), name="leaflet", count=250, at=NOW.replace(hour=8))
    assert "Nothing has moved for some minutes" in said(staff.get(of(batch, "change")))


def test_what_went_wrong_is_read_and_it_goes_on_by_a_button(staff: Client) -> None:
    offer = make_offer()
    batch = batches.start(offer, name="leaflet", count=20, at=NOW)
    batches.carry_on(at=NOW, most=5)
    Offer.objects.update(active=False)
    batches.carry_on(at=NOW)
    text = said(staff.get(of(batch, "change")))
    assert "Stopped: 5 of 20 codes (25%)." in text
    assert "The offer is switched off." in text
    Offer.objects.update(active=True)
    assert "It goes on where it stopped." in said(staff.post(of(batch, "retry"), follow=True))
    batches.carry_on(at=NOW)
    assert Coupon.objects.count() == 20


def test_a_batch_is_stopped_by_a_button(staff: Client) -> None:
    batch = batches.start(make_offer(), name="leaflet", count=20, at=NOW)
    assert "Stopped. What is made stays good" in said(staff.post(of(batch, "stop"), follow=True))
    assert "Stopped by staff." in Job.objects.get().log


def test_while_codes_are_made_nobody_changes_all_of_them(staff: Client) -> None:
    batch = batches.start(make_offer(), name="leaflet", count=20, at=NOW)
    batches.carry_on(at=NOW, most=5)
    text = said(staff.get(of(batch, "change")))
    assert "stop it first" in text
    assert 'value="call_off"' not in text
    batches.stop(batch, by="staff", at=NOW)
    assert 'value="call_off"' in said(staff.get(of(batch, "change")))


def test_looking_changes_nothing_and_the_buttons_are_posts(staff: Client) -> None:
    batch = batches.start(make_offer(), name="leaflet", count=20, at=NOW)
    before = Job.objects.values().get()
    for name in ("change", "progress", "sheet"):
        assert staff.get(of(batch, name)).status_code == 200
    for name in ("retry", "stop", "export"):
        assert staff.get(of(batch, name)).status_code == 403
    assert Job.objects.values().get() == before


def test_what_came_of_a_batch_is_in_the_list_and_on_its_page(staff: Client) -> None:
    batch = made(make_offer(), 3)
    coupon = Coupon.objects.order_by("pk")[0]
    reserve(coupon, off=250)
    coupon.redemptions.update(state="committed", order="17", committed_at=NOW, lease_until=None)
    for url in (BATCHES, of(batch, "change")):
        text = said(staff.get(url))
        assert "€2.50" in text
        listing = f"/admin/retention_campaigns/redemption/?coupon__batch__id__exact={batch.pk}&state__in=committed"
        assert listing in text
    assert "3 of 3" in said(staff.get(BATCHES))
    context = staff.get(of(batch, "change")).context
    assert (context["used"], context["usable"]) == (1, 2)
    found = staff.get("/admin/retention_campaigns/redemption/", {"coupon__batch__id__exact": batch.pk})
    assert found.context["cl"].result_count == 1


def test_the_list_of_many_batches_costs_no_more_queries(staff: Client) -> None:
    offer = make_offer()
    made(offer)
    one = cost(staff, BATCHES)
    for _ in range(5):
        made(offer)
    assert cost(staff, BATCHES) == one


# Taking codes out


def rows(answer: Any) -> list[list[str]]:
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text)))


def test_the_codes_are_downloaded_with_link_state_and_last_day(staff: Client) -> None:
    batch = made(make_offer(percentage(uses=1), prefix="LEAF"), 3)
    first, second, third = Coupon.objects.order_by("pk")
    reserve(first)
    coupons.void([second], reason="leaked", at=NOW)
    answer = staff.post(of(batch, "export"))
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Disposition"] == f'attachment; filename="codes-{batch.pk}-2026-03-02.csv"'
    assert rows(answer) == [
        ["code", "link", "state", "last day"],
        *[
            [coupon.code, f"https://shop.example.com/retention/c/{coupon.code}/", state, "2026-04-01"]
            for coupon, state in ((first, "used"), (second, "void"), (third, "usable"))
        ],
    ]
    assert LogEntry.objects.get().change_message == "Downloaded its codes."


def test_a_spreadsheet_computes_nothing_of_it(staff: Client) -> None:
    batch = made(make_offer(), 1)
    Coupon.objects.update(code="-2+3")
    assert rows(staff.post(of(batch, "export")))[1][0] == "'-2+3"


def test_a_sheet_has_sixty_codes_that_can_be_used(staff: Client) -> None:
    batch = made(make_offer(), 62)
    gone = Coupon.objects.order_by("pk")[0]
    coupons.void([gone], reason="leaked", at=NOW)
    first, second = (said(staff.get(of(batch, "sheet"), {"page": n})) for n in (1, 2))
    codes = list(Coupon.objects.order_by("pk").values_list("code", flat=True))
    assert first.count("<svg") == first.count("<figcaption>") == 60
    assert second.count("<svg") == 1
    assert gone.code not in first
    assert codes[1] in first
    assert codes[61] in second
    assert "<script" not in first
    assert "style=" not in first
    assert "<style" not in first


def test_without_an_address_of_the_shop_there_is_no_qr_code_and_staff_read_why(staff: Client, settings: Any) -> None:
    batch = made(make_offer(), 1)
    settings.RETENTION = {**settings.RETENTION, "BASE_URL": ""}
    answer = staff.get(of(batch, "sheet"), follow=True)
    assert 'set RETENTION["BASE_URL"]' in said(answer)


@pytest.mark.parametrize(
    ("permissions", "statuses"),
    [
        ((), {"change": 403, "progress": 403, "sheet": 403, "export": 403, "stop": 403, "retry": 403}),
        (
            ("retention_campaigns.view_couponbatch",),
            {"change": 200, "progress": 200, "sheet": 403, "export": 403, "stop": 403, "retry": 403},
        ),
        ((ISSUES,), {"change": 200, "progress": 200, "sheet": 403, "export": 403, "stop": 302, "retry": 302}),
        ((EXPORTS,), {"change": 403, "progress": 403, "sheet": 403, "export": 403, "stop": 403, "retry": 403}),
        (
            (EXPORTS, "retention_campaigns.view_couponbatch"),
            {"change": 200, "progress": 200, "sheet": 200, "export": 200, "stop": 403, "retry": 403},
        ),
    ],
    ids=["nothing", "looks", "makes", "exports what it cannot see", "looks and exports"],
)
def test_each_page_asks_for_its_own_permission(
    fake_shop: Any, permissions: tuple[str, ...], statuses: dict[str, int]
) -> None:
    batch, who = made(make_offer(), 1), clerk(*permissions)
    for name, status in statuses.items():
        ask = who.get if name in ("change", "progress", "sheet") else who.post
        assert ask(of(batch, name)).status_code == status, name


def test_a_page_of_a_batch_that_is_not_there(staff: Client) -> None:
    assert staff.get(f"{BATCHES}999/change/").status_code == 404
    assert staff.get(f"{BATCHES}999/progress/").status_code == 404
    assert staff.get(f"{BATCHES}x/change/").status_code == 302
