"""The ledger only grows, and each reason stands in it once."""

from typing import Any

import pytest
from django.db import IntegrityError, transaction

from loyalty.facts import PointsAwarded
from loyalty.models import Account, Correction, Entry
from loyalty.models.entry import LedgerOnlyGrows
from loyalty.services import corrections, points, verifying
from loyalty.services.points import Posting
from retention.models import Customer, Fact
from retention.testing.clock import Clock
from tests.loyalty.till import account, join, ledger, who


@pytest.fixture
def user(db: None) -> Any:
    return join()


def give(user: Any, number: int = 10, *, key: str = "gift", clock: Clock) -> list[Entry]:
    return points.grant([(key, who(user).pk, "")], points=number, source="journey:test", at=clock.now)


def test_an_entry_is_never_changed_or_deleted(user: Any, clock: Clock) -> None:
    [entry] = give(user, clock=clock)
    entry.points = 0
    with pytest.raises(LedgerOnlyGrows):
        entry.save()
    with pytest.raises(LedgerOnlyGrows):
        entry.delete()
    with pytest.raises(LedgerOnlyGrows):
        Entry.objects.filter(pk=entry.pk).update(points=0)
    with pytest.raises(LedgerOnlyGrows):
        Entry.objects.filter(pk=entry.pk).delete()
    with pytest.raises(LedgerOnlyGrows), transaction.atomic():
        Entry.objects.bulk_update([entry], ["points"])
    assert Entry.objects.get().points == 10


def test_the_same_key_is_one_entry(user: Any, clock: Clock) -> None:
    assert [entry.points for entry in give(user, clock=clock)] == [10]
    assert give(user, clock=clock) == []
    pk = who(user).pk
    twice = points.grant([("a", pk, ""), ("a", pk, ""), ("b", pk, "")], points=1, source="", at=clock.now)
    assert [entry.key for entry in twice] == ["a", "b"]
    assert account(user) == (12, 0)
    assert Fact.objects.filter(kind=PointsAwarded.kind).count() == 3


def test_the_same_key_for_other_points_or_somebody_else_is_refused(user: Any, clock: Clock) -> None:
    give(user, clock=clock)
    other = join("bob@example.com")
    with pytest.raises(points.KeyReused):
        give(user, 11, clock=clock)
    with pytest.raises(points.KeyReused):
        give(other, clock=clock)
    assert (account(user), account(other)) == ((10, 0), (0, 0))


def test_the_database_holds_a_key_to_one_entry(user: Any, clock: Clock) -> None:
    [entry] = give(user, clock=clock)
    entry.pk = None
    entry._state.adding = True
    with pytest.raises(IntegrityError), transaction.atomic():
        entry.save()


def test_a_mistake_is_answered_by_its_mirror_once(user: Any, clock: Clock) -> None:
    [entry] = give(user, clock=clock)
    mirror = points.reverse(entry, source="staff", at=clock.forward(days=1))
    assert mirror is not None
    assert (mirror.points, mirror.kind, mirror.breakdown) == (-10, "reversal", {"reverses": entry.pk})
    assert points.reverse(entry, source="staff", at=clock.now) is None
    assert ledger(user) == [("grant", "balance", 10), ("reversal", "balance", -10)]


def test_points_of_an_order_are_not_reversed_by_hand(user: Any, clock: Clock) -> None:
    [entry] = give(user, clock=clock)
    entry.order = "A1"
    with pytest.raises(points.FollowsItsOrder):
        points.reverse(entry, source="staff", at=clock.now)


def test_guests_are_given_nothing_and_the_log_says_so(
    user: Any, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    guest = Customer.objects.create(kind="guest", address="bob@example.com", created_at=clock.now)
    wishes = [("a", guest.pk, ""), ("b", who(user).pk, "")]
    assert len(points.grant(wishes, points=5, source="journey:test", at=clock.now)) == 1
    assert Account.objects.count() == 1
    assert "1 customers are guests" in caplog.text
    assert "example.com" not in caplog.text


@pytest.mark.parametrize("number", [0, -1])
def test_fewer_than_one_point_cannot_be_given(user: Any, clock: Clock, number: int) -> None:
    with pytest.raises(ValueError, match="cannot be given"):
        give(user, number, clock=clock)


def test_ten_billion_points_fit_and_more_than_any_shop_means_is_refused(user: Any, clock: Clock) -> None:
    give(user, 10**10, clock=clock)
    assert account(user) == (10**10, 0)
    with pytest.raises(points.TooLarge):
        give(user, 10**15 + 1, key="slip", clock=clock)
    assert account(user) == (10**10, 0)


def test_one_bad_posting_leaves_none_of_its_batch(user: Any, clock: Clock) -> None:
    pk = who(user).pk
    batch = [
        Posting(key="good", customer=pk, points=5, kind=points.Kind.GRANT, at=clock.now),
        Posting(key="bad", customer=pk, points=-6, kind=points.Kind.GRANT, at=clock.now),
    ]
    with pytest.raises(points.NotEnough):
        points.post(batch, at=clock.now)
    assert Entry.objects.count() == 0


def test_each_entry_knows_the_balance_after_it(user: Any, clock: Clock) -> None:
    for number, key in ((10, "a"), (5, "b"), (7, "c")):
        give(user, number, key=key, clock=clock)
    assert list(Entry.objects.order_by("pk").values_list("balance_after", flat=True)) == [10, 15, 22]
    assert list(verifying.differences()) == []


def test_a_correction_has_reason_and_author_and_may_lead_below_zero(user: Any, clock: Clock) -> None:
    entry = corrections.correct(who(user), amount=-15, reason=" lost parcel ", author="grace", key="k1", at=clock.now)
    assert entry is not None
    assert account(user) == (-15, 0)
    assert Correction.objects.values_list("entry", "reason", "author").get() == (entry.pk, "lost parcel", "grace")
    again = corrections.correct(who(user), amount=-15, reason="lost parcel", author="grace", key="k1", at=clock.now)
    assert again is None
    assert account(user) == (-15, 0)


@pytest.mark.parametrize(("amount", "reason", "author"), [(0, "why", "grace"), (5, " ", "grace"), (5, "why", "")])
def test_a_correction_of_nothing_or_without_reason_is_refused(
    user: Any, clock: Clock, amount: int, reason: str, author: str
) -> None:
    with pytest.raises(corrections.NothingToCorrect):
        corrections.correct(who(user), amount=amount, reason=reason, author=author, key="k", at=clock.now)
    assert Entry.objects.count() == 0


def test_a_correction_has_a_cap_and_is_not_for_guests(user: Any, clock: Clock, settings: Any) -> None:
    settings.LOYALTY = {"ADJUST_MAX": 100}
    with pytest.raises(corrections.TooMuch):
        corrections.correct(who(user), amount=101, reason="why", author="grace", key="k", at=clock.now)
    guest = Customer.objects.create(kind="guest", address="bob@example.com", created_at=clock.now)
    with pytest.raises(corrections.HoldsNoPoints):
        corrections.correct(guest, amount=5, reason="why", author="grace", key="k", at=clock.now)
    assert Entry.objects.count() == 0
