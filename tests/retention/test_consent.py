"""What was chosen at checkout, and who may be written to because of it."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from retention.models import CheckoutChoice, Consent, ConsentEvidence, Customer
from retention.services import consent, customers
from tests.retention.ground import guest, happened, tell
from tests.retention.shop import NOON, LocalShop

DAY = timedelta(days=1)
LINE = "We write to you about similar things. No thanks."


def choose(order: str, *, out: bool, days: int = 0) -> None:
    """Tick the opt-out box of the checkout, or not."""
    CheckoutChoice.objects.create(
        order=order, opted_out=out, text=LINE, text_version="3", origin_hash="h", at=NOON + days * DAY
    )


def now(customer: Customer | None = None) -> list[tuple[bool, str]]:
    rows = Consent.objects.filter(customer=customer or guest(), purpose="marketing")
    return list(rows.values_list("granted", "basis"))


def bought(shop: LocalShop, reference: str, *, out: bool, days: int = 0) -> None:
    shop.place(reference)
    choose(reference, out=out, days=days)
    tell(reference, at=NOON + days * DAY)


def test_not_ticked_is_a_soft_opt_in_with_evidence(shop: LocalShop) -> None:
    bought(shop, "A1", out=False)
    assert now() == [(True, "soft_opt_in")]
    [evidence] = ConsentEvidence.objects.all()
    assert (evidence.text, evidence.text_version, evidence.source) == (LINE, "3", "checkout:A1")
    assert (evidence.origin_hash, evidence.at, evidence.granted) == ("h", NOON, True)
    assert happened() == ["OrderPlaced A1", "ConsentGiven"]


def test_ticked_is_a_no(shop: LocalShop) -> None:
    bought(shop, "A1", out=True)
    assert now() == [(False, "")]
    assert happened() == ["OrderPlaced A1", "ConsentWithdrawn"]


def test_a_choice_counts_once_however_often_the_order_is_read(shop: LocalShop) -> None:
    bought(shop, "A1", out=False)
    for day in range(1, 5):
        shop.change("A1", status=f"day {day}")
        tell("A1", at=NOON + day * DAY)
    assert ConsentEvidence.objects.count() == 1
    assert CheckoutChoice.objects.get().applied_at == NOON


def test_a_choice_that_was_stored_after_the_order_was_read_counts_at_the_next_reading(shop: LocalShop) -> None:
    shop.place("A1")
    tell("A1")
    choose("A1", out=False)
    tell("A1", at=NOON + DAY)
    assert now() == [(True, "soft_opt_in")]


def test_a_choice_waits_for_its_order(shop: LocalShop) -> None:
    choose("A1", out=False)
    tell("A1")
    assert CheckoutChoice.objects.get().applied_at is None
    shop.place("A1")
    tell("A1")
    assert now() == [(True, "soft_opt_in")]


def test_a_no_is_not_undone_by_a_box_that_is_left_empty(shop: LocalShop) -> None:
    bought(shop, "A1", out=True)
    bought(shop, "A2", out=False, days=1)
    assert now() == [(False, "")]
    assert ConsentEvidence.objects.count() == 2, "what was shown and chosen is kept all the same"


def test_a_no_ends_what_was_granted(shop: LocalShop) -> None:
    bought(shop, "A1", out=False)
    bought(shop, "A2", out=True, days=1)
    assert now() == [(False, "")]


def test_an_opt_in_is_not_weakened(shop: LocalShop, customer: Callable[..., Customer]) -> None:
    customer(wants=("marketing",))
    bought(shop, "A1", out=False)
    assert now() == [(True, "opt_in")]


def test_two_orders_read_at_once_are_taken_in_the_order_of_the_choices(shop: LocalShop) -> None:
    shop.place("A1")
    shop.place("A2")
    choose("A1", out=True, days=1)
    choose("A2", out=False, days=0)
    tell("A2", "A1", at=NOON + DAY)
    assert now() == [(False, "")]
    assert ConsentEvidence.objects.count() == 2


def test_a_guests_no_goes_along_when_the_member_has_not_answered(shop: LocalShop, user: Callable[..., object]) -> None:
    bought(shop, "A1", out=True)
    member = customers.for_user(user("ada@example.com"), at=NOON)
    customers.prove_address(member, at=NOON)
    assert now(member) == [(False, "")]


SAID = {
    "no": (False, ""),
    "soft": (True, "soft_opt_in"),
    "yes": (True, "opt_in"),
    "confirmed": (True, "double_opt_in"),
}


@pytest.mark.parametrize(
    ("guests", "members", "guest_last", "member_last"),
    [
        ("no", "soft", "no", "no"),
        ("soft", "no", "no", "no"),
        ("yes", "no", "yes", "no"),
        ("confirmed", "no", "confirmed", "no"),
        ("no", "yes", "no", "yes"),
        ("soft", "yes", "yes", "yes"),
        ("yes", "soft", "yes", "yes"),
        ("no", "no", "no", "no"),
    ],
)
def test_of_two_answers_that_become_one_the_later_stands_but_a_weak_yes_undoes_no_no(
    shop: LocalShop, user: Callable[..., object], guests: str, members: str, guest_last: str, member_last: str
) -> None:
    shop.place("A1")
    tell("A1")
    old = guest()
    for number, (guest_at, member_at, stands) in enumerate(
        [(NOON + DAY, NOON, guest_last), (NOON, NOON + DAY, member_last)]
    ):
        member = customers.for_user(user(f"ada{number}@example.com"), at=NOON)
        for row, said, at in ((old, guests, guest_at), (member, members, member_at)):
            granted, basis = SAID[said]
            Consent.objects.update_or_create(
                customer=row, purpose="marketing", defaults={"granted": granted, "basis": basis, "changed_at": at}
            )
        consent.join(old, into=member)
        assert now(member) == [SAID[stands]]
