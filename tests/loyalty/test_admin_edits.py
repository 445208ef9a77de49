"""Edits of tiers, programmes, rewards and promises: in whatever order, however large, they work or say what to do."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from django import forms
from django.contrib.auth import get_user_model
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from campaigns.services import offers
from campaigns.terms import Money, Terms
from loyalty import reward_words
from loyalty.models import Challenge, ChallengeGoods, EarningRule, Membership, Reward, Tier, TierTable
from loyalty.services import rules, tiers
from loyalty.services.rewards import No
from retention import registry
from retention.testing.clock import Clock
from retention.testing.shop import FakeShop
from tests.loyalty.test_admin import hidden, table_form, text
from tests.loyalty.till import START, join, start, table, who

Drain = Callable[[datetime], None]


@pytest.fixture
def staff(db: None) -> Client:
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("grace", "grace@example.com", "a long password"))
    return client


def change(kind: str, pk: int) -> str:
    return reverse(f"admin:retention_loyalty_{kind}_change", args=[pk])


def edited(made: TierTable, *rungs: tuple[int, str, str], without: str = "", **given: str) -> dict[str, str]:
    """Return the form of a table whose tiers become these, the lowest first; ``without``: the name of one to go."""
    form = table_form(*rungs, **{"tiers-INITIAL_FORMS": str(made.tiers.count())}, **given)
    for number, tier in enumerate(made.tiers.order_by("rank")):
        form |= {f"tiers-{number}-id": str(tier.pk), f"tiers-{number}-table": str(made.pk)}
        if tier.name == without:
            form[f"tiers-{number}-DELETE"] = "on"
    return form


def save(staff: Client, page: str, form: dict[str, str]) -> None:
    """Save as staff do: read what it will do, then press the second button."""
    said = staff.post(page, form)
    assert said.status_code == 200
    answer = staff.post(page, hidden(said))
    assert answer.status_code == 302, text(said)


def ladder(made: TierTable) -> list[tuple[int, str, int]]:
    return list(made.tiers.order_by("pk").values_list("rank", "name", "threshold_minor"))


# Tiers


@pytest.mark.parametrize(
    ("rungs", "stands"),
    [
        ([(1, "Gold", "500"), (2, "Silver", "2000")], [(1, "Gold", 50000), (2, "Silver", 200000)]),
        ([(1, "Silver", "2000"), (2, "Gold", "5000")], [(1, "Silver", 200000), (2, "Gold", 500000)]),
        ([(2, "Silver", "2000"), (1, "Gold", "500")], [(2, "Silver", 200000), (1, "Gold", 50000)]),
        (
            [(2, "Silver", "500"), (3, "Gold", "2000"), (1, "Bronze", "100")],
            [(2, "Silver", 50000), (3, "Gold", 200000), (1, "Bronze", 10000)],
        ),
        (
            [(2, "Gold", "2000"), (3, "Platinum", "5000"), (1, "Silver", "500")],
            [(2, "Gold", 200000), (3, "Platinum", 500000), (1, "Silver", 50000)],
        ),
    ],
    ids=["names swapped", "each begins where the next one did", "places swapped", "one below all", "all one up"],
)
def test_tiers_change_names_places_and_beginnings_among_themselves(
    staff: Client, rungs: list[tuple[int, str, str]], stands: list[tuple[int, str, int]]
) -> None:
    made = table(("Silver", 50000), ("Gold", 200000))
    save(staff, change("tiertable", made.pk), edited(made, *rungs))
    assert ladder(made) == stands


def test_a_tier_takes_the_name_of_one_that_goes(staff: Client) -> None:
    made = table(("Silver", 50000), ("Gold", 200000))
    save(staff, change("tiertable", made.pk), edited(made, (1, "Gold", "2000"), (2, "Gold", "2000"), without="Gold"))
    assert ladder(made) == [(1, "Gold", 200000)]


def test_names_in_a_circle_take_their_earning_rules_and_members_along(
    staff: Client, shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    programme, made = start(), table(("Silver", 1000), ("Gold", 5000))
    for name in ("Silver", "Gold"):
        rules.set_rule(
            programme, at=START, name=f"was {name}", when="tier", tier=name, effect="times", times=Decimal(2)
        )
    ada = join()
    shop.place(user=ada, total=Decimal("10.00"))
    drain(clock.now)
    save(staff, change("tiertable", made.pk), edited(made, (1, "Gold", "10"), (2, "Silver", "50")))
    assert dict(EarningRule.objects.values_list("name", "tier")) == {"was Silver": "Gold", "was Gold": "Silver"}
    assert Membership.objects.values_list("tier__name", "tier__rank").get() == ("Gold", 1)
    assert (tiers.stands_in(ada.pk, "Gold"), tiers.stands_in(ada.pk, "Silver")) == (True, False)


def test_what_asks_for_a_tier_goes_on_asking_for_it_under_its_new_name(
    staff: Client, shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    made, ada = table(("Silver", 1000), ("Gold", 5000)), join()
    shop.place(user=ada, total=Decimal("60.00"))
    drain(clock.now)
    reward = Reward.objects.create(
        name="Tea", kind="custom", cost=5, condition="loyalty.in_tier", parameters={"tier": "Gold"}, created_at=START
    )
    save(staff, change("tiertable", made.pk), edited(made, (1, "Silver", "10"), (2, "Gold Club", "50")))
    condition = registry.conditions["loyalty.in_tier"]
    for name in ("Gold", "gold club"):
        assert condition.matching([who(ada).pk], {"tier": name}, clock.now) == {who(ada).pk}
        assert tiers.stands_in(ada.pk, name)
        assert condition.clean({"tier": name}) == {"tier": "Gold Club"}
    assert reward_words.no(No.NOT_FOR_YOU, reward=reward) == "This is for Gold Club and above."
    page = staff.get(change("reward", reward.pk)).content.decode()
    assert '<option value="Gold Club" selected>' in page
    save(staff, change("tiertable", made.pk), edited(made, (1, "Gold", "10"), (2, "Platinum", "50")))
    assert condition.clean({"tier": "Gold"}) == {"tier": "Gold"}, "a name that is in use is that of who has it"
    assert condition.clean({"tier": "Gold Club"}) == {"tier": "Platinum"}
    assert condition.matching([who(ada).pk], {"tier": "Gold Club"}, clock.now) == {who(ada).pk}


def test_a_new_tier_can_be_chosen_at_once(staff: Client) -> None:
    made = table(("Silver", 1000), ("Gold", 5000))
    given = {"condition": "loyalty.in_tier", "parameters": {"tier": "Gold"}}
    reward = Reward.objects.create(name="Tea", kind="custom", cost=5, created_at=START, **given)
    pages = [change("reward", reward.pk), reverse("admin:retention_loyalty_challenge_add")]
    for page in pages:
        assert '<option value="Platinum"' not in staff.get(page).content.decode()
    made.tiers.create(name="Platinum", rank=3, threshold_minor=9000)
    for page in pages:
        assert '<option value="Platinum"' in staff.get(page).content.decode()


def test_trying_names_in_a_circle_saves_nothing(staff: Client) -> None:
    made = table(("Silver", 50000), ("Gold", 200000))
    form = edited(made, (1, "Gold", "500"), (2, "Silver", "2000"))
    assert staff.post(change("tiertable", made.pk), {**form, "_try": "Try"}).status_code == 302
    assert ladder(made) == [(1, "Silver", 50000), (2, "Gold", 200000)]


def test_a_tier_in_which_somebody_stands_is_not_deleted_under_them(
    staff: Client, shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    made = table(("Silver", 1000), ("Gold", 5000))
    shop.place(user=join(), total=Decimal("60.00"))
    drain(clock.now)
    form = edited(made, (1, "Silver", "10"), (2, "Gold", "50"), without="Gold")
    for button in ({}, {"_confirmed": "1"}):
        answer = staff.post(change("tiertable", made.pk), {**form, **button})
        assert answer.status_code == 200
        assert "1 customer stands in “Gold”, so it cannot be deleted. Make another table without it" in text(answer)
    assert Tier.objects.count() == 2
    page = reverse("admin:retention_loyalty_tiertable_delete", args=[made.pk])
    assert "membership" in text(staff.post(page, {"post": "yes"})), "stock admin names what is in the way"
    assert TierTable.objects.count() == 1


def test_goods_of_a_challenge_change_places(staff: Client, clock: Clock) -> None:
    made = Challenge.objects.create(
        name="Cups", target=3, starts_at=clock.now, ends_at=clock.now + timedelta(days=30), points=10,
        created_at=clock.now,
    )  # fmt: skip
    rows = [ChallengeGoods.objects.create(challenge=made, reference=name) for name in ("cup", "pot")]
    page = change("challenge", made.pk)
    form = filled(staff, page) | {"goods-0-reference": "pot", "goods-1-reference": "cup"}
    save(staff, page, form)
    assert [ChallengeGoods.objects.get(pk=row.pk).reference for row in rows] == ["pot", "cup"]


# Whatever is typed


def filled(staff: Client, page: str) -> dict[str, str]:
    """Return what a browser would send of a page as it is shown."""
    context = staff.get(page).context
    shown = [context["adminform"].form]
    for inline in context["inline_admin_formsets"]:
        shown += [inline.formset.management_form, *inline.formset.forms]
    sent: dict[str, str] = {}
    for form in shown:
        for box in form:
            value = box.value()
            if isinstance(box.field, forms.SplitDateTimeField):
                for number, part in enumerate(box.field.widget.decompress(value)):
                    sent[f"{box.html_name}_{number}"] = "" if part is None else str(part)
            elif isinstance(box.field, forms.BooleanField):
                if value:
                    sent[box.html_name] = "on"
            else:
                sent[box.html_name] = str(box.field.prepare_value(value)) if value is not None else ""
    return sent


WHOLE = {
    "programme": {"name": "Points", "rates-0-currency": "EUR", "rates-0-points": "1", "rates-0-worth": "0.01"},
    "tiertable": {"name": "Tiers", "currency": "EUR", "tiers-0-rank": "1", "tiers-0-name": "Silver",
                  "tiers-0-threshold": "500", "tiers-0-keep": "400", "term": "days", "term_days": "90"},
    "reward": {"name": "Five off", "cost": "500", "offer": "{offer}", "stock": "5", "per_person": "1"},
    "challenge": {"name": "Three", "goal": "amount", "currency": "EUR", "how_much": "3", "points": "100",
                  "span": "order", "days": "30", "starts_at_0": "2026-03-01", "starts_at_1": "09:00:00"},
    "referralterms": {"name": "Friends", "points": "100", "active": "on", "most_ever": "5"},
    "plan": {"name": "Club"},
    "giftplan": {"name": "Fifth", "every": "5", "gives": "points", "points": "100", "minimums": "20 EUR"},
    "cause": {"name": "Forest", "pledges-0-currency": "EUR", "pledges-0-percent": "1"},
    "actionrule": {"action": "review", "points": "30", "often": "thing"},
    "earningrule": {"name": "Double", "effect": "order", "points": "50", "when": "nth", "nth": "3"},
    "tierbenefit": {"tier": "{tier}", "kind": "points", "points": "50", "words": "A gift"},
}  # fmt: skip
"""Model → what makes its form one that can be saved."""

HUGE = str(2**31)
"""More than some columns hold, and more days than there are dates; SQLite would take it."""


def numbers(staff: Client, page: str) -> Iterator[str]:
    """Yield the names of the fields for numbers; of rows, those of the first."""
    context = staff.get(page).context
    shown = [context["adminform"].form]
    for inline in context["inline_admin_formsets"]:
        shown += inline.formset.forms[:1]
    for form in shown:
        for box in form:
            if isinstance(box.field, (forms.IntegerField, forms.DecimalField)):
                yield box.html_name


@pytest.mark.parametrize("kind", sorted(WHOLE))
def test_no_number_that_is_typed_ends_in_an_error_page(staff: Client, shop: FakeShop, kind: str) -> None:
    made = table(("Silver", 50000))
    TierTable.objects.update(active=False)
    tier = made.tiers.get()
    if kind != "programme":
        start(cap_day=100)
    terms = Terms(kind="amount", valid_days=90, money=(Money(currency="EUR", amount=500),))
    offer = offers.create(slug="five", name="Five off", terms=terms, at=timezone.now())
    page = f"/admin/retention_loyalty/{kind}/add/"
    good = filled(staff, page) | {
        name: value.format(offer=offer.pk, tier=tier.pk) for name, value in WHOLE[kind].items()
    }  # fmt: skip
    assert "Nothing is saved yet." in text(staff.post(page, good))
    for name in numbers(staff, page):
        with transaction.atomic():
            answer = staff.post(page, {**good, name: HUGE, "_confirmed": "1", "_continue": "1"})
            if answer.status_code == 302:
                assert staff.get(answer["Location"]).status_code == 200
            else:
                assert "Please correct the error" in text(answer), name
            transaction.set_rollback(True)


@pytest.mark.parametrize(
    ("kind", "field"), [("actionrule", "points"), ("earningrule", "points"), ("programme", "cap_day")]
)
def test_more_points_than_any_shop_means_are_a_slip_of_the_keyboard(staff: Client, kind: str, field: str) -> None:
    if kind != "programme":
        start()
    page = f"/admin/retention_loyalty/{kind}/add/"
    good = filled(staff, page) | WHOLE[kind]
    assert "Nothing is saved yet." in text(staff.post(page, {**good, field: str(10**12)}))
    said = "Ensure this value is less than or equal to 1000000000000."
    for button in ({}, {"_confirmed": "1"}):
        assert said in text(staff.post(page, {**good, field: str(10**12 + 1), **button}))


@pytest.mark.parametrize("kind", ["programme", "tiertable", "challenge", "cause"])
def test_a_form_whose_rows_got_lost_on_the_way_is_shown_again(staff: Client, shop: FakeShop, kind: str) -> None:
    page = f"/admin/retention_loyalty/{kind}/add/"
    whole = filled(staff, page) | WHOLE[kind]
    rowless = {name: value for name, value in whole.items() if "-" not in name}
    for sent in (rowless, dict.fromkeys(whole, ""), {}):
        for button in ({}, {"_confirmed": "1"}):
            answer = staff.post(page, {**sent, **button})
            assert answer.status_code == 200
            assert "Please correct the error" in text(answer), sent


def test_what_others_lean_on_is_not_deleted_by_a_list(
    staff: Client, shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    programme, made = start(), table(("Silver", 1000))
    shop.place(user=join(), total=Decimal("60.00"))
    drain(clock.now)
    for kind, row in (("programme", programme), ("tiertable", made)):
        listed = reverse(f"admin:retention_loyalty_{kind}_changelist")
        form = {"action": "delete_selected", "_selected_action": str(row.pk), "post": "yes"}
        answer = staff.post(listed, form)
        assert "Cannot delete" in text(answer), kind
        assert type(row)._default_manager.filter(pk=row.pk).exists()
