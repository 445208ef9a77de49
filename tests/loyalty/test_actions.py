"""Points for what people do besides buying: once, to members, after approval where the merchant wants it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns.facts import SurveyAnswered
from loyalty import deeds
from loyalty.models import ActionAward, ActionRule, Entry, Programme
from loyalty.models.action import Often
from loyalty.models.rule import RuleIsKept
from loyalty.services import actions, expiry, persons, verifying
from loyalty.services.actions import Done
from retention.facts import AccountOpened, OrderDelivered, ProfileAnswered, SignupConfirmed
from retention.models import Customer
from retention.services import customers, facts, reviews
from retention.testing.clock import Clock
from retention.testing.shop import FakeShop
from tests.loyalty.till import START, account, join, ledger, start, who

Drain = Callable[[datetime], None]


@pytest.fixture(autouse=True)
def books_agree(db: None) -> Any:
    yield
    assert list(verifying.differences()) == []


def worth(programme: Programme, action: str, points: int, *, often: str = "", at: datetime = START, **more: Any) -> Any:
    often = often or deeds.deeds[action].often[0]
    return actions.set_rule(programme, action=action, points=points, often=often, at=at, **more)


def states() -> list[tuple[str, str]]:
    return [(award.rule.action, award.state) for award in ActionAward.objects.order_by("pk").select_related("rule")]


def test_what_a_merchant_registers_with_a_fact_is_worth_points_when_the_fact_comes(
    shop: FakeShop, clock: Clock, drain: Drain, monkeypatch: pytest.MonkeyPatch
) -> None:
    deed = deeds.Deed(
        name="parcel", label="has a parcel", promise="%(reward)s for a parcel", past="A parcel", often=(Often.EVER,),
        fact=OrderDelivered,
    )  # fmt: skip
    monkeypatch.setitem(deeds.deeds._items, "parcel", deed)
    actions.set_rule(start(), action="parcel", points=7, often="ever", at=START)
    user = join()
    order = shop.place(user=user)
    drain(clock.now)
    shop.mark(order, "delivered")
    drain(clock.now)
    assert account(user) == (47, 0)


def test_each_thing_that_somebody_does_is_worth_what_its_rule_says_once(
    shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    programme = start()
    for number, action in enumerate(("account", "profile", "survey", "review", "signup")):
        worth(programme, action, 10**number)
    user = join(at=clock.now)
    drain(clock.now)
    me = who(user)
    assert account(user) == (1, 0)
    for _ in range(3):
        facts.publish(
            [
                AccountOpened(customer=me.pk, at=clock.now),
                ProfileAnswered(customer=me.pk, at=clock.now, question="retention.birthday"),
                SurveyAnswered(customer=me.pk, at=clock.now, answer=7, survey="nps", order="1", score=0),
                SignupConfirmed(customer=me.pk, at=clock.now),
            ]
        )
        reviews.note(me, product="tea", review="r1", at=clock.now)
        drain(clock.now)
    assert account(user) == (11111, 0)
    assert {kind for kind, _, _ in ledger(user)} == {"grant"}


def test_a_survey_is_worth_the_same_whatever_was_answered_and_a_second_one_counts_again(
    shop: FakeShop, clock: Clock, drain: Drain
) -> None:
    worth(start(), "survey", 20)
    user = join()
    for answer, score in ((1, 0), (2, 10), (1, 10)):
        facts.publish(
            [SurveyAnswered(customer=who(user).pk, at=clock.now, answer=answer, survey="nps", order="1", score=score)]
        )
        drain(clock.now)
    assert ledger(user) == [("grant", "balance", 20)] * 2


@pytest.mark.parametrize(("often", "points"), [("ever", 5), ("thing", 10), ("day", 10)])
def test_once_ever_once_a_thing_or_once_a_day(shop: FakeShop, clock: Clock, often: str, points: int) -> None:
    worth(start(), "review", 5, often=often)
    user = join()
    me = who(user).pk
    for subject, later in (("tea", 0), ("cup", 0), ("tea", 24)):
        at = clock.now + timedelta(hours=later)
        actions.did([Done(action="review", customer=me, subject=subject, at=at)], at=at)
    assert account(user) == (points, 0)


def test_what_is_done_before_a_rule_or_after_its_end_or_without_a_programme_is_worth_nothing(
    shop: FakeShop, clock: Clock
) -> None:
    user = join()
    me = who(user).pk

    def review(subject: str, at: datetime) -> None:
        actions.did([Done(action="review", customer=me, subject=subject, at=at)], at=clock.now)

    review("before any programme", clock.now)
    programme = start()
    made = worth(programme, "review", 5, at=clock.now)
    review("early", clock.now - timedelta(seconds=1))
    assert actions.end([made], at=clock.now + timedelta(hours=1)) == 1
    review("late", clock.now + timedelta(hours=1))
    assert account(user) == (0, 0)
    assert ActionAward.objects.count() == 0
    review("in time, told late", clock.now)
    assert account(user) == (5, 0)


def test_a_changed_rule_gets_a_successor_and_gives_nobody_the_same_again(shop: FakeShop, clock: Clock) -> None:
    programme = start()
    first = worth(programme, "review", 5)
    user = join()
    me = who(user).pk
    actions.did([Done(action="review", customer=me, subject="tea", at=clock.now)], at=clock.now)
    later = clock.forward(days=1)
    worth(programme, "review", 50, at=later)
    assert worth(programme, "review", 50, at=later) == ActionRule.objects.current().get()
    actions.did([Done(action="review", customer=me, subject=thing, at=later) for thing in ("tea", "cup")], at=later)
    assert [points for _, _, points in ledger(user)] == [5, 50]
    with pytest.raises(RuleIsKept):
        first.save()


def test_where_somebody_approves_nothing_is_given_until_they_do(shop: FakeShop, clock: Clock) -> None:
    worth(start(), "review", 5, approval=True)
    user = join()
    me = who(user).pk
    for thing in ("tea", "cup"):
        actions.did([Done(action="review", customer=me, subject=thing, at=clock.now)], at=clock.now)
    tea, cup = ActionAward.objects.order_by("pk")
    assert (account(user), tea.state) == ((0, 0), "waiting")
    assert [actions.approve([tea], by="grace", at=clock.now) for _ in range(2)] == [1, 0]
    assert actions.decline([tea, cup], by="grace", reason=" copied ", at=clock.now) == 1
    assert actions.approve([cup], by="grace", at=clock.now) == 0
    tea.refresh_from_db()
    cup.refresh_from_db()
    assert (tea.state, tea.decided_by, cup.state, cup.reason) == ("given", "grace", "declined", "copied")
    assert account(user) == (5, 0)


def test_what_a_guest_did_waits_for_an_account(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    worth(start(), "survey", 20)
    shop.place(email="ada@example.com")
    drain(clock.now)
    guest = Customer.objects.get(kind="guest")
    for answer in (1, 2):
        actions.did([Done(action="survey", customer=guest.pk, subject=str(answer), at=clock.now)], at=clock.now)
    assert states() == [("survey", "guest")] * 2
    assert Entry.objects.count() == 0
    user = join("ada@example.com")
    actions.did([Done(action="survey", customer=who(user).pk, subject="2", at=clock.now)], at=clock.now)
    customers.prove_address(who(user), at=clock.now)
    drain(clock.now)
    assert states() == [("survey", "given"), ("survey", "double"), ("survey", "given")]
    grants = [points for kind, _, points in ledger(user) if kind == "grant"]
    assert grants == [20, 20]


def absorbed(clock: Clock, *, before: Callable[[Customer, Customer], None]) -> Any:
    """Make a row of a log and a member, let something happen to them, and join them. Returns the user."""
    row = Customer.objects.create(kind="import", source="till", number="7", created_at=clock.now)
    user = join()
    before(row, who(user))
    assert customers.absorb(row, into=who(user), at=clock.now)
    return user


def test_what_both_rows_got_points_for_is_paid_once(shop: FakeShop, clock: Clock) -> None:
    worth(start(), "survey", 20, often="thing")

    def both(row: Customer, member: Customer) -> None:
        for one, answer in ((row, "1"), (row, "2"), (member, "2")):
            actions.did([Done(action="survey", customer=one.pk, subject=answer, at=clock.now)], at=clock.now)

    user = absorbed(clock, before=both)
    assert states() == [("survey", "given"), ("survey", "double"), ("survey", "given")]
    assert account(user) == (40, 0)
    assert [entry.points for entry in Entry.objects.filter(kind="reversal")] == [-20]


def test_what_has_ended_of_points_that_were_paid_twice_is_not_taken_once_more(shop: FakeShop, clock: Clock) -> None:
    worth(start(expires="days", expires_after=10), "survey", 20, often="ever")
    expiry.expire(at=clock.now)

    def first_one_ended(row: Customer, member: Customer) -> None:
        for one in (row, member):
            actions.did([Done(action="survey", customer=one.pk, subject="1", at=clock.now)], at=clock.now)
            if one == row:
                expiry.expire(at=clock.forward(days=11))

    assert account(absorbed(clock, before=first_one_ended)) == (20, 0)


def test_of_what_one_row_was_given_the_other_ones_wait_is_over(shop: FakeShop, clock: Clock) -> None:
    programme = start()
    worth(programme, "review", 5)

    def member_waits(row: Customer, member: Customer) -> None:
        actions.did([Done(action="review", customer=row.pk, subject="tea", at=clock.now)], at=clock.now)
        clock.forward(hours=1)
        worth(programme, "review", 5, approval=True, at=clock.now)
        actions.did([Done(action="review", customer=member.pk, subject="tea", at=clock.now)], at=clock.now)

    user = absorbed(clock, before=member_waits)
    assert states() == [("review", "given"), ("review", "double")]
    assert actions.approve(ActionAward.objects.all(), by="grace", at=clock.now) == 0
    assert account(user) == (5, 0)


def test_an_action_that_nobody_knows_and_a_person_who_was_forgotten_get_nothing(shop: FakeShop, clock: Clock) -> None:
    worth(start(), "review", 5)
    user = join()
    me = who(user)
    assert actions.did([Done(action="dancing", customer=me.pk, at=clock.now)], at=clock.now) == 0
    assert actions.did([Done(action="review", customer=10**9, at=clock.now)], at=clock.now) == 0
    Customer.objects.filter(pk=me.pk).update(erased_at=clock.now)
    assert actions.did([Done(action="review", customer=me.pk, at=clock.now)], at=clock.now) == 0
    assert actions.did([], at=clock.now) == 0
    assert account(user) == (0, 0)


def test_an_account_that_is_old_news_is_worth_nothing(shop: FakeShop, clock: Clock, drain: Drain) -> None:
    user = join()
    worth(start(), "account", 50, at=clock.now)
    facts.publish([AccountOpened(customer=who(user).pk, at=clock.now, history=True)])
    drain(clock.now)
    assert account(user) == (0, 0)


def test_a_persons_actions_are_in_their_data_and_staffs_words_are_forgotten_with_them(
    shop: FakeShop, clock: Clock
) -> None:
    worth(start(), "review", 5, approval=True)
    user = join()
    actions.did([Done(action="review", customer=who(user).pk, subject="tea", at=clock.now)], at=clock.now)
    actions.decline(ActionAward.objects.all(), by="grace", reason="Ada wrote it herself", at=clock.now)
    [told] = persons.export(who(user))["actions"]
    assert (told["rule__action"], told["subject"], told["reason"]) == ("review", "tea", "Ada wrote it herself")
    persons.erase(who(user), clock.now)
    assert ActionAward.objects.get().reason == "(erased)"


@pytest.mark.postgres
def test_a_hundred_actions_take_as_many_queries_as_one(shop: FakeShop, clock: Clock) -> None:
    worth(start(cap_day=8), "review", 5)

    def queries(first: int, many: int) -> int:
        people = Customer.objects.bulk_create(
            Customer(kind="member", address=f"{first + number}@example.com", created_at=clock.now)
            for number in range(many)
        )
        done = [Done(action="review", customer=one.pk, subject=thing, at=clock.now) for one in people for thing in "ab"]
        with CaptureQueriesContext(connection) as asked:
            assert actions.did(done, at=clock.now) == 2 * many
        return len(asked)

    assert queries(0, 1) == queries(1, 100)
    assert Entry.objects.filter(kind="capped", points=0).count() == 101
