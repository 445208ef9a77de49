"""A changed tier table is tried on the real customers before it is saved: who would move, and which way."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from loyalty.models import Membership, Tier, TierMove, TierTable, TierTrial, TierTrialCount, TierTrialMove
from loyalty.services import tier_trials, tiers
from loyalty.services.tier_rules import Rules, Rung
from retention import registry
from retention.models import Customer, Fact, Job, Order
from retention.testing.clock import Clock
from retention.testing.shop import FakeShop
from tests.loyalty.test_admin import ADD_TABLE, hidden, table_form, text
from tests.loyalty.till import join, table, who

Drain = Callable[[datetime], None]
LADDER = (("Silver", 30000), ("Gold", 50000))


@pytest.fixture
def staff(client: Client, db: None) -> Client:
    client.force_login(get_user_model().objects.create_superuser("grace", "grace@example.com", "a long password"))
    return client


def change(made: TierTable, *rungs: tuple[Tier | None, int, str, str, str], **given: str) -> dict[str, str]:
    """Return the form of a table as staff have changed it: tier, rank, name, begins at, kept from."""
    form = table_form(*[(rank, name, begins) for _, rank, name, begins, _ in rungs], **given)
    form["tiers-INITIAL_FORMS"] = str(sum(tier is not None for tier, *_ in rungs))
    for number, (tier, _rank, _name, _begins, keep) in enumerate(rungs):
        form |= {f"tiers-{number}-keep": keep, f"tiers-{number}-table": str(made.pk)}
        if tier is not None:
            form[f"tiers-{number}-id"] = str(tier.pk)
    return form


def moves() -> list[tuple[str, str, bool, int]]:
    rows = TierTrialMove.objects.order_by("customer__pk")
    return list(rows.values_list("old_name", "new_name", "up", "qualified_minor"))


def buy(shop: FakeShop, clock: Clock, drain: Drain, **totals: str) -> dict[str, Any]:
    users = {}
    for name, total in totals.items():
        users[name] = join(f"{name}@example.com")
        shop.place(user=users[name], total=Decimal(total), at=clock.now)
    drain(clock.now)
    tiers.recompute(at=clock.now)
    return users


def standing() -> list[Any]:
    return [*Membership.objects.order_by("pk").values_list(), *TierMove.objects.values_list(), Fact.objects.count()]


def test_who_would_move_is_seen_before_the_table_is_saved_and_then_it_is_saved_as_it_was_tried(
    staff: Client, shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    clock.now = datetime.now(tz=clock.now.tzinfo)
    made = table(*LADDER)
    users = buy(shop, clock, drain, ada="250.00", bob="350.00", cyd="550.00", dan="650.00")
    silver, gold = Tier.objects.order_by("rank")
    before = standing()
    path = reverse("admin:retention_loyalty_tiertable_change", args=[made.pk])
    form = change(
        made, (silver, 1, "Silver", "200", ""), (gold, 2, "Gold", "600", ""), (None, 3, "Platinum", "640", "")
    )
    answer = staff.post(path, {**form, "_try": "Try"})
    trial = TierTrial.objects.get()
    page = reverse("admin:retention_loyalty_tiertrial_change", args=[trial.pk])
    assert (answer.status_code, answer["Location"]) == (302, page)
    assert list(Tier.objects.order_by("rank").values_list("name", "threshold_minor")) == [*LADDER]
    assert "Looking at the customers: 0 of 4." in text(staff.get(page))
    assert registry.ticks["loyalty.tier_trials"].run(clock.now) == 4
    assert standing() == before
    assert moves() == [
        ("", "Silver", True, 25000), ("Gold", "Silver", False, 55000), ("Gold", "Platinum", True, 65000)
    ]  # fmt: skip
    said = text(staff.get(page))
    for sentence in ("2 customers would go up.", "1 customer would go down.", "1 customer would stay."):
        assert sentence in said
    assert "no tier 1 0 Silver 1 3 Gold 2 0 Platinum 0 1" in said
    assert f"customer {who(users['cyd']).pk} Gold Silver down €550.00" in said
    assert "Platinum" not in text(staff.get(f"{page}?way=down")).split("Who would move")[1]
    saving = staff.get(page)
    assert staff.post(path, hidden(saving)).status_code == 302
    assert list(Tier.objects.order_by("rank").values_list("name", "threshold_minor")) == [
        ("Silver", 20000), ("Gold", 60000), ("Platinum", 64000)
    ]  # fmt: skip
    assert tiers.refresh(at=clock.now) == 3
    assert sorted(Membership.objects.values_list("tier__name", flat=True)) == ["Platinum", "Silver", "Silver", "Silver"]


def test_a_table_that_was_tried_is_changed_further_from_what_was_in_the_form(
    staff: Client, shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    made = table(*LADDER)
    silver, gold = Tier.objects.order_by("rank")
    path = reverse("admin:retention_loyalty_tiertable_change", args=[made.pk])
    form = change(made, (silver, 1, "Silver", "200", ""), (gold, 2, "Gold", "6", ""), (None, 3, "Platinum", "9", ""))
    form |= {name: "640.50" for name, value in form.items() if value == "9"}
    form |= {name: "600" for name, value in form.items() if value == "6"}
    staff.post(path, {**form, "_try": "Try"})
    registry.ticks["loyalty.tier_trials"].run(clock.now)
    tried = staff.get(reverse("admin:retention_loyalty_tiertrial_change", args=[TierTrial.objects.get().pk]))
    assert 'name="_again"' in tried.content.decode()

    again = staff.post(path, {**hidden(tried), "_again": "1"})

    assert again.status_code == 200
    page = again.content.decode()
    assert 'value="640.50"' in page
    assert 'value="Platinum"' in page
    assert "errornote" not in page
    assert list(Tier.objects.order_by("rank").values_list("name", "threshold_minor")) == [*LADDER]
    assert staff.post(path, {**form, "_confirmed": "1"}).status_code == 302
    assert Tier.objects.get(name="Platinum").threshold_minor == 64050


def test_a_new_table_is_tried_against_where_people_stand_in_the_one_in_force(
    staff: Client, shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    clock.now = datetime.now(tz=clock.now.tzinfo)
    table(*LADDER)
    buy(shop, clock, drain, ada="350.00", bob="550.00")
    form = table_form((1, "Silver", "100"), (2, "Gold", "2"), active="", _try="Try")
    answer = staff.post(ADD_TABLE, form)
    assert "“Gold” stands above “Silver” but begins at less" in text(answer)
    assert TierTrial.objects.count() == 0
    form = table_form((1, "Silver", "1"), (2, "Friend", "2"), active="", metric="orders", currency="", _try="Try")
    assert staff.post(ADD_TABLE, form).status_code == 302
    tier_trials.carry_on(at=clock.now)
    assert moves() == [("Gold", "Silver", False, 1)]
    assert TierTable.objects.count() == 1


def test_who_stays_only_for_the_rest_of_a_term_is_counted_apart(
    staff: Client, shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    clock.now = datetime.now(tz=clock.now.tzinfo)
    made = table(*LADDER, term="days", term_days=100)
    buy(shop, clock, drain, ada="350.00", bob="550.00")
    tier_trials.start(raised(made, 1000), name="Raised", table=made, form=[], by="grace", at=clock.forward(days=1))
    tier_trials.carry_on(at=clock.now)
    assert moves() == []
    counts = TierTrialCount.objects.order_by("old_name").values_list("old_name", "new_name", "kept", "people")
    assert list(counts) == [("Gold", "Gold", True, 1), ("Silver", "Silver", True, 1)]
    said = text(staff.get(reverse("admin:retention_loyalty_tiertrial_change", args=[TierTrial.objects.get().pk])))
    assert "2 of them stay only until their term or their grace ends." in said
    assert "Nobody would move." in said


def raised(made: TierTable, times: int) -> Rules:
    rules = Rules.of(made)
    rungs = tuple(
        Rung(rank=one.rank, name=one.name, threshold=one.threshold * times, keep=one.keep * times, tier=one.tier)
        for one in rules.rungs
    )
    return Rules.from_json({**rules.to_json(), "rungs": [Rules(rungs=(one,)).to_json()["rungs"][0] for one in rungs]})


def test_it_says_what_saving_then_does_whatever_the_table(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    made = table(*LADDER, grace_days=3)
    buy(shop, clock, drain, ada="250.00", bob="350.00", cyd="550.00")
    for given in (
        {"window": "calendar", "grace_days": 0},
        {"metric": "orders", "grace_days": 0},
        {"term": "days", "term_days": 3, "window": "rolling"},
        {"metric": "spend", "window_days": 1, "term": "none", "term_days": None, "grace_days": 0},
    ):
        clock.forward(days=2)
        TierTable.objects.filter(pk=made.pk).update(**given)
        made.refresh_from_db()
        tier_trials.start(Rules.of(made), name="t", table=made, form=[], by="", at=clock.now)
        tier_trials.carry_on(at=clock.now)
        foreseen = moves()
        TierTrial.objects.all().delete()
        last = TierMove.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
        tiers.recompute(at=clock.now)
        came = TierMove.objects.filter(pk__gt=last).order_by("customer")
        assert [(old, new) for old, new, _, _ in foreseen] == list(came.values_list("old_name", "new_name")), given


def test_guests_and_absorbed_people_are_not_looked_at(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    made = table(*LADDER)
    shop.place(email="guest@example.com", total=Decimal("900.00"), at=clock.now)
    drain(clock.now)
    tier_trials.start(Rules.of(made), name="t", table=made, form=[], by="", at=clock.now)
    assert tier_trials.carry_on(at=clock.now) == 0
    assert (Job.objects.get(kind=tier_trials.KIND).state, moves()) == ("done", [])


def crowd(clock: Clock, count: int) -> None:
    made = Customer.objects.bulk_create(
        Customer(kind="member", address=f"{n}@example.com", created_at=clock.now) for n in range(count)
    )
    Order.objects.bulk_create(
        Order(
            reference=str(n), number=str(n), customer=one, currency="EUR", total_minor=n * 1000, placed_at=clock.now,
            paid_at=clock.now, first_seen_at=clock.now, read_at=clock.now,
        )
        for n, one in enumerate(made)
    )  # fmt: skip


def test_killed_between_two_pieces_it_goes_on_and_counts_everybody_once(
    shop: FakeShop, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = table(*LADDER)
    crowd(clock, 95)
    monkeypatch.setattr(tier_trials, "PIECE", 10)
    monkeypatch.setattr(tier_trials, "PIECE_SQLITE", 10)
    tier_trials.start(Rules.of(made), name="t", table=made, form=[], by="", at=clock.now)
    looked = [tier_trials.carry_on(at=clock.now, pieces=3) for _ in range(5)]
    assert looked == [30, 30, 30, 5, 0]
    job = Job.objects.get(kind=tier_trials.KIND)
    assert (job.state, job.done, job.total) == ("done", 95, 95)
    assert sum(TierTrialCount.objects.values_list("people", flat=True)) == 95
    assert len(moves()) == 65


def test_a_piece_takes_as_many_queries_however_many_are_in_it(shop: FakeShop, clock: Clock) -> None:
    made = table(*LADDER)

    def asked(count: int) -> int:
        Order.objects.all().delete()
        Customer.objects.all().delete()
        crowd(clock, count)
        tier_trials.start(Rules.of(made), name="t", table=made, form=[], by="", at=clock.now)
        with CaptureQueriesContext(connection) as captured:
            assert tier_trials.carry_on(at=clock.now) == count
        return len(captured)

    assert asked(60) == asked(600)


def test_a_failure_is_said_and_the_page_offers_to_try_again(
    staff: Client, shop: FakeShop, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = table(*LADDER)
    crowd(clock, 5)
    trial = tier_trials.start(Rules.of(made), name="t", table=made, form=[], by="", at=clock.now)
    with monkeypatch.context() as patch:
        patch.setattr(tier_trials, "MOVES", "SELECT 1/0 FROM nowhere, fit")
        assert tier_trials.carry_on(at=clock.now) == 0
    said = text(staff.get(reverse("admin:retention_loyalty_tiertrial_change", args=[trial.pk])))
    assert "It stopped: try the table again" in said
    assert TierTrialCount.objects.count() == 0


def test_the_list_is_a_csv_by_post_and_goes_after_a_week(staff: Client, shop: FakeShop, clock: Clock) -> None:
    made = table(*LADDER)
    crowd(clock, 40)
    trial = tier_trials.start(Rules.of(made), name="t", table=made, form=[], by="", at=clock.now)
    tier_trials.carry_on(at=clock.now)
    path = reverse("admin:retention_loyalty_tiertrial_export", args=[trial.pk])
    assert staff.get(path).status_code == 403
    lines = b"".join(staff.post(path)).decode().splitlines()
    first = Customer.objects.get(address="30@example.com").pk
    assert (lines[0], lines[1], len(lines)) == ("\ufeffcustomer,from,to,way,counts", f"{first},,Silver,up,30000", 11)
    assert registry.ticks["loyalty.tier_trials_end"].run(clock.now + timedelta(days=7)) == 0
    assert registry.ticks["loyalty.tier_trials_end"].run(clock.now + timedelta(days=7, seconds=1)) == 1
    assert (TierTrial.objects.count(), TierTrialMove.objects.count()) == (0, 0)
    assert not Job.objects.filter(kind=tier_trials.KIND).exists()


def test_who_may_not_see_it_sees_nothing(client: Client, shop: FakeShop, clock: Clock) -> None:
    made = table(*LADDER)
    trial = tier_trials.start(Rules.of(made), name="t", table=made, form=[], by="", at=clock.now)
    client.force_login(get_user_model().objects.create_user("eve", password="a long password", is_staff=True))
    for name in ("change", "progress"):
        path = reverse(f"admin:retention_loyalty_tiertrial_{name}", args=[trial.pk])
        assert client.get(path).status_code == 403
    assert client.post(reverse("admin:retention_loyalty_tiertrial_export", args=[trial.pk])).status_code == 403
