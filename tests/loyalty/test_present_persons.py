"""One person's gifts, challenges and giving: on one page for staff, taken out, forgotten, joined."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import time_machine
from django.core.serializers.json import DjangoJSONEncoder

from campaigns.models import Coupon, Offer
from loyalty import present_panels, present_troubles
from loyalty.models import Cause, Contribution, Participation, Present, Task
from loyalty.services import causes, challenges, gifts, participants, presents, verifying
from retention.models import Customer, Fact, Order
from retention.services import customers, persons
from retention.testing.clock import Clock
from retention.testing.shop import FakeShop
from tests.loyalty import gifts as given
from tests.loyalty.gifts import buy, challenge, offer, plan
from tests.loyalty.till import START, account, join, who

Drain = Callable[[datetime], None]


def busy(shop: FakeShop, clock: Clock, drain: Drain) -> Any:
    """Return a user with a gift of points and one for the parcel, a challenge and a cause."""
    plan(2, points=50)
    plan(3, thing="A postcard", name="Postcards")
    forest = Cause.objects.create(name="Forest")
    causes.pledge(forest, currency="EUR", at=START, amount_minor=50)
    user = join()
    participants.join(challenge(clock), who(user), at=clock.now)
    buy(shop, user, 3)
    drain(clock.now)
    return user


def test_staff_see_it_all_on_the_customers_page(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    user = busy(shop, clock, drain)
    panel = present_panels.presents(who(user))
    assert sorted((str(row.cells[1]), str(row.cells[2]), str(row.cells[4])) for row in panel.rows) == [
        ("A little extra", "50 points", "1002"),
        ("Postcards", "A postcard", "1003"),
        ("Three in a month", "100 points", "1003"),
    ]
    assert panel.summary == "A little extra: 1 of 2 orders; Postcards: 0 of 3 orders"
    [row] = present_panels.challenges(who(user)).rows
    assert [str(cell) for cell in row.cells[1:4]] == ["Three in a month", "3 of 3 orders", "done"]
    [row] = present_panels.given(who(user)).rows
    assert row.cells == ("Forest", "orders", "€1.50")
    told = [str(event.text) for event in present_panels.timeline(who(user))]
    assert "A little extra: 50 points given" in told
    assert "Takes part in “Three in a month”" in told


def test_the_export_holds_it(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    user = busy(shop, clock, drain)
    ours = json.loads(json.dumps(persons.export_person(who(user)), cls=DjangoJSONEncoder))["loyalty.presents"]
    assert len(ours["gifts"]) == 3
    assert [(one["challenge__name"], one["state"], one["wins"]) for one in ours["challenges"]] == [
        ("Three in a month", "won", 1)
    ]
    assert sum(one["amount_minor"] for one in ours["given_to_causes"]) == 150


def test_erasure_withdraws_the_parcel_and_keeps_the_sums(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    user = busy(shop, clock, drain)
    Task.objects.update(note="Ada likes red")
    customer = who(user)
    persons.erase_person(customer, at=clock.now)
    task = Task.objects.get()
    assert task.state == "withdrawn"
    assert "Ada" not in task.note
    assert Contribution.objects.filter(amount_minor=50).count() == 3
    before = list(Present.objects.order_by("pk").values_list("state", flat=True))
    gifts.settle([customer.pk], at=clock.now)
    challenges.settle([customer.pk], at=clock.now)
    assert list(Present.objects.order_by("pk").values_list("state", flat=True)) == before
    assert list(verifying.differences()) == []


def test_who_was_forgotten_wins_nothing_any_more(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    cup, user = offer(), join()
    made = challenge(clock, gives="coupon", offer=cup, target=2)
    closes_at = participants.join(made, who(user), at=clock.now).closes_at
    assert closes_at is not None
    Offer.objects.update(active=False)
    buy(shop, user, 2)
    drain(clock.now)
    assert given.presents(user) == [(1, "due")]
    customer = who(user)
    persons.erase_person(customer, at=clock.now)
    Offer.objects.update(active=True)
    assert Participation.objects.get().closed_at == clock.now
    clock.now = closes_at
    assert challenges.close(at=clock.now) == 0
    assert presents.give_due(at=clock.now) == 0
    assert list(Present.objects.values_list("number", "state")) == [(1, "undone")]
    assert (Coupon.objects.count(), Fact.objects.filter(kind="loyalty.ChallengeWon").count()) == (0, 0)


def test_an_imports_gifts_are_not_given_again_to_the_member(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    plan(2, points=50)
    made = challenge(clock, automatic=True, target=2)
    old = Customer.objects.create(kind="import", address="ada@example.com", source="file", number="7", created_at=START)
    for number in range(2):
        Order.objects.create(
            reference=f"A{number}", number=f"A{number}", customer=old, currency="EUR", items_minor=4000,
            total_minor=4000, placed_at=clock.now + timedelta(minutes=number), paid_at=clock.now,
            first_seen_at=clock.now, read_at=clock.now,
        )  # fmt: skip
    gifts.settle([old.pk], at=clock.now)
    challenges.settle([old.pk], at=clock.now)
    user = join()
    buy(shop, user, 2)
    drain(clock.now)
    assert account(user) == (150, 0)
    assert customers.absorb(old, into=who(user), at=clock.now)
    Order.objects.filter(customer=old).update(customer=who(user))
    for settle in (gifts.settle, challenges.settle):
        settle([old.pk, who(user).pk], at=clock.now)
    assert given.presents(user) == [(2, "given"), (2, "undone"), (1, "given"), (1, "given")]
    assert Participation.objects.filter(customer=who(user), challenge=made).count() == 1
    assert account(user) == (200, 0)  # two gifts for four orders, one challenge
    assert list(verifying.differences()) == []


def test_what_waits_and_what_is_wrong_is_told_with_its_cure(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    closed, user = offer(), join()
    plan(1, offer=closed)
    forest = Cause.objects.create(name="Forest")
    causes.pledge(forest, currency="EUR", at=START, amount_minor=50)
    challenge(clock, condition="gone.away")
    assert len(list(present_troubles.find(clock.now))) == 1
    closed.active = False
    closed.save()
    placed = buy(shop, user, 2)
    drain(clock.now)
    causes.pay_out(
        forest, currency="EUR", amount_minor=100, first_month=START.date(), last_month=START.date(), by="sam", key="k",
        at=clock.now,
    )  # fmt: skip
    shop.mark(placed[0], "cancelled", at=clock.now)
    drain(clock.now)
    found = {str(trouble.what): trouble.count for trouble in present_troubles.find(clock.now)}
    assert found == {
        "1 gift waits to be given: Cup: The offer is switched off.": 1,
        "The challenge “Three in a month” is for nobody: its condition gone.away cannot be asked": 1,
        "Forest: €0.50 given, €1.00 paid out: €0.50 too much, for which the next orders make up": 1,
    }
    assert Coupon.objects.count() == 0


def test_the_customers_page_opens(shop: FakeShop, clock: Clock, drain: Drain, admin_client: Any) -> None:
    user = busy(shop, clock, drain)
    with time_machine.travel(clock.now, tick=False):
        page = admin_client.get(f"/admin/retention/customer/{who(user).pk}/change/").content.decode()
    assert "Gifts and rewards of challenges" in page
    assert "A postcard" in page
