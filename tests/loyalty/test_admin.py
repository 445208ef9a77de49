"""What staff do in admin: say first what a change will do, never edit what has awarded, correct with a reason."""

import re
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from loyalty.models import Account, Correction, Entry, Membership, OrderAward, Programme, Rate, Tier, TierTable
from loyalty.services import tiers
from retention import registry
from retention.models import Customer
from retention.testing.clock import Clock
from retention.testing.shop import FakeShop
from tests.loyalty.till import account, join, start, table, who

Drain = Callable[[datetime], None]


@pytest.fixture
def staff(db: None) -> Client:
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("grace", "grace@example.com", "a long password"))
    return client


def text(answer: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def hidden(answer: Any) -> dict[str, str]:
    """Return what the confirming page hands on."""
    fields = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', answer.content.decode())
    return {name: value for name, value in fields if name != "csrfmiddlewaretoken"}


def programme_form(*rates: tuple[str, str, str], total: int = 0, **given: str) -> dict[str, str]:
    form = {
        "name": "Points", "active": "on", "pending_days": "14", "pending_from": "paid",
        "refund_policy": "proportional", "debt_policy": "owe", "expires": "never", "basis": "gross",
        "spent_counts": "on", "shown_as": "points",
        "rates-TOTAL_FORMS": str(len(rates) + total), "rates-INITIAL_FORMS": str(total), **given,
    }  # fmt: skip
    for number, (currency, points, worth) in enumerate(rates, start=total):
        form |= {
            f"rates-{number}-currency": currency, f"rates-{number}-points": points, f"rates-{number}-worth": worth
        }  # fmt: skip
    return form


def table_form(*rungs: tuple[int, str, str], **given: str) -> dict[str, str]:
    form = {
        "name": "Tiers", "active": "on", "currency": "EUR", "window_days": "365", "metric": "spend",
        "window": "rolling", "term": "none", "grace_days": "0", "down": "fit", "notice_days": "30",
        "tiers-TOTAL_FORMS": str(len(rungs)), "tiers-INITIAL_FORMS": "0", **given,
    }  # fmt: skip
    for number, (rank, name, threshold) in enumerate(rungs):
        form |= {
            f"tiers-{number}-rank": str(rank), f"tiers-{number}-name": name, f"tiers-{number}-threshold": threshold
        }  # fmt: skip
    return form


ADD_PROGRAMME, ADD_TABLE = "/admin/retention_loyalty/programme/add/", "/admin/retention_loyalty/tiertable/add/"


def test_a_programme_says_what_it_will_do_before_it_is_saved(staff: Client) -> None:
    answer = staff.post(ADD_PROGRAMME, programme_form(("eur", "1.5", "0.01")))
    assert (Programme.objects.count(), Rate.objects.count()) == (0, 0)
    said = text(answer)
    assert "Nothing is saved yet." in said
    assert "An order of goods for €100.00 earns 150 points." in said
    assert "Points can be used 14 days after the order was paid." in said
    assert staff.post(ADD_PROGRAMME, hidden(answer)).status_code == 302
    assert Rate.objects.values_list("programme__name", "currency", "points", "worth").get() == (
        "Points", "EUR", Decimal("1.5"), Decimal("0.01")
    )  # fmt: skip


@pytest.mark.parametrize(
    ("rates", "said"),
    [
        ([("EUR", "0", "")], "A rate of zero earns nothing."),
        ([("EUR", "-1", "")], "A rate of zero earns nothing."),
        ([("EUX", "1", "")], "is no currency"),
        ([("EUR", "1", "0")], "Leave it empty"),
        ([("EUR", "1", ""), ("eur", "2", "")], "Two new rates for EUR: give one."),
    ],
)
def test_a_rate_that_makes_no_sense_is_refused(staff: Client, rates: list[tuple[str, str, str]], said: str) -> None:
    answer = staff.post(ADD_PROGRAMME, programme_form(*rates))
    assert answer.status_code == 200
    assert said in text(answer)
    assert Programme.objects.count() == 0


def test_a_second_active_programme_is_refused_in_words(staff: Client) -> None:
    start()
    answer = staff.post(ADD_PROGRAMME, programme_form(("EUR", "1", "")))
    assert "Another programme is active. Switch it off first." in text(answer)


def test_a_new_rate_supersedes_and_the_old_one_cannot_be_edited(
    staff: Client, shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    programme = start(rate="1")
    shop.place(user=join())
    drain(clock.now)
    rate = Rate.objects.get()
    path = reverse("admin:retention_loyalty_programme_change", args=[programme.pk])
    form = programme_form(("EUR", "2", ""), total=1) | {
        "rates-0-id": str(rate.pk), "rates-0-programme": str(programme.pk), "rates-0-points": "9", "_confirmed": "1"
    }  # fmt: skip
    assert staff.post(path, form).status_code == 302
    versions = [(one.points, one.superseded_at is None) for one in Rate.objects.order_by("pk")]
    assert versions == [(Decimal(1), False), (Decimal(2), True)]


def test_a_tier_table_says_whom_it_would_move_before_it_is_saved(
    staff: Client, shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    clock.now = datetime.now(tz=clock.now.tzinfo)
    for name, total in (("ada", "499.99"), ("bob", "500.00"), ("cyd", "2500.00")):
        shop.place(user=join(f"{name}@example.com"), total=Decimal(total))
    drain(clock.now)
    answer = staff.post(ADD_TABLE, table_form((1, "Silver", "500"), (2, "Gold", "2000.00")))
    assert (TierTable.objects.count(), Tier.objects.count(), Membership.objects.count()) == (0, 0, 0)
    said = text(answer)
    assert "A customer who spends €500.00 in 365 days becomes Silver; today that is 1 of 3." in said
    assert "A customer who spends €2,000.00 in 365 days becomes Gold; today that is 1 of 3." in said
    assert staff.post(ADD_TABLE, hidden(answer)).status_code == 302
    assert list(Tier.objects.order_by("rank").values_list("name", "threshold_minor")) == [
        ("Silver", 50000), ("Gold", 200000)
    ]  # fmt: skip
    assert tiers.refresh(at=clock.now) == 2


@pytest.mark.parametrize(
    ("rungs", "said"),
    [
        ([(1, "Silver", "2000"), (2, "Gold", "500")], "“Gold” stands above “Silver” but begins at less"),
        ([(1, "Silver", "500"), (3, "Gold", "2000")], "Ranks count from 1 without a gap; missing: 2."),
        ([(1, "Silver", "500"), (1, "Gold", "2000")], "Rank 1 is given to 2 tiers."),
        ([], "A tier table needs at least one tier."),
        ([(1, "Silver", "-5")], "greater than or equal to 0"),
    ],
)
def test_a_table_that_makes_no_sense_is_refused(staff: Client, rungs: list[tuple[int, str, str]], said: str) -> None:
    answer = staff.post(ADD_TABLE, table_form(*rungs))
    assert answer.status_code == 200
    assert said in text(answer)
    assert TierTable.objects.count() == 0


def correct_url(customer: Customer) -> str:
    return reverse("admin:retention_loyalty_account_correct", args=[customer.pk])


def test_staff_give_points_with_a_reason_and_a_form_sent_twice_gives_once(staff: Client) -> None:
    user = join()
    answer = staff.post(correct_url(who(user)))
    assert answer.status_code == 200
    assert Entry.objects.count() == 0
    key = re.search(r'name="key" value="([^"]+)"', answer.content.decode())
    assert key is not None
    form = {"points": "25", "reason": "late parcel", "key": key[1]}
    for _ in range(2):
        assert staff.post(correct_url(who(user)), form).status_code == 302
    assert account(user) == (25, 0)
    assert Correction.objects.values_list("reason", "author").get() == ("late parcel", "grace")
    other = staff.post(correct_url(who(user)), {**form, "points": "26"})
    assert (other.status_code, account(user)) == (422, (25, 0))
    assert "sent before with another number" in text(other)


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"points": "0", "reason": "why"}, "Give a number other than zero, and a reason."),
        ({"points": "10001", "reason": "why"}, "One correction moves at most 10000 points."),
        ({"points": "5", "reason": ""}, "This field is required."),
        ({"points": "many", "reason": "why"}, "Enter a whole number."),
    ],
)
def test_a_correction_that_makes_no_sense_is_refused(staff: Client, form: dict[str, str], said: str) -> None:
    user = join()
    answer = staff.post(correct_url(who(user)), {**form, "key": "5c2a1f1e-6a53-4b0c-9c53-2f8d4a1f0c11"})
    assert answer.status_code == 422
    assert said in text(answer)
    assert Account.objects.count() == 0


def test_a_guest_cannot_be_given_points(staff: Client, clock: Clock) -> None:
    guest = Customer.objects.create(kind="guest", address="bob@example.com", created_at=clock.now)
    form = {"points": "5", "reason": "why", "key": "5c2a1f1e-6a53-4b0c-9c53-2f8d4a1f0c11"}
    assert "A guest holds no points" in text(staff.post(correct_url(guest), form))


def test_adjusting_is_a_permission_of_its_own(db: None) -> None:
    user = join()
    helper = get_user_model().objects.create_user("helper", "helper@example.com", "a long password", is_staff=True)
    for codename in ("view_account", "view_entry", "view_customer"):
        helper.user_permissions.add(Permission.objects.get(codename=codename))
    client = Client()
    client.force_login(helper)
    form = {"points": "5", "reason": "why", "key": "5c2a1f1e-6a53-4b0c-9c53-2f8d4a1f0c11"}
    assert client.post(correct_url(who(user)), form).status_code == 403
    helper.user_permissions.add(Permission.objects.get(codename="adjust_points"))
    assert client.post(correct_url(who(user)), form).status_code == 302
    assert account(user) == (5, 0)


def test_the_ledger_is_read_only_and_explains_itself(staff: Client, shop: FakeShop, clock: Clock, drain: Drain) -> None:
    start(rate="2")
    table(("Silver", 1000), ("Gold", 100000))
    user = join()
    order = shop.place(user=user, total=Decimal("40.50"))
    drain(clock.now)
    shop.refund(order, Decimal("10.00"))
    drain(clock.now)
    entry = Entry.objects.latest("pk")
    for model, pk in (
        ("entry", entry.pk),
        ("account", entry.account_id),
        ("orderaward", OrderAward.objects.get().pk),
        ("membership", Membership.objects.get().pk),
    ):
        assert staff.get(reverse(f"admin:retention_loyalty_{model}_changelist")).status_code == 200
        change = reverse(f"admin:retention_loyalty_{model}_change", args=[pk])
        assert staff.get(change).status_code == 200
        assert staff.post(change, {"points": "999"}).status_code == 403
        assert (
            staff.post(reverse(f"admin:retention_loyalty_{model}_delete", args=[pk]), {"post": "yes"}).status_code
            == 403
        )
    page = text(staff.get(reverse("admin:retention_customer_change", args=[who(user).pk])))
    assert "61 to spend, 0 pending" in page
    assert "€40.50 × 2 = 81 points; €10.00 refunded, taken back in proportion" in page
    assert "Order 1001 refunded" in page
    assert "Tier: – → Silver" in page
    assert "Spend €969.50 more to become Gold." in page


def test_what_is_wrong_with_loyalty_stands_on_the_page_of_what_is_broken(
    staff: Client, shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    start(currency="EUR")
    TierTable.objects.create(name="Empty", active=True, currency="EUR")
    shop.place(user=join(), currency="GBP", at=clock.now)
    drain(clock.now)
    said = [str(trouble.what) for trouble in registry.troubles["loyalty"](clock.now)]
    assert said == [
        "1 order in GBP earned nothing: the programme has no rate for it",
        "The tier table “Empty” is active and has no tier",
    ]
