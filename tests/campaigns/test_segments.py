"""Who is in a segment: exactly whom the rules hold for, and nobody where they cannot be asked."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns.models import Coupon, Offer, Redemption, Segment, SegmentMember, SegmentRule
from campaigns.services import segment_book, segment_uses, segments
from campaigns.terms import Asked
from retention import registry
from retention.models import Customer
from retention.services import customers, persons
from retention.testing.settling import settle
from retention.testing.shop import FakeShop
from retention.testing.world import FakeWorld
from tests.campaigns.crowd import faults, of, segment, who, within, without
from tests.campaigns.shelf import NOW, give, guest, make_offer, percentage, reserve

pytestmark = pytest.mark.django_db

MEMBER = ("retention.member", {})
DORMANT = ("campaigns.not_ordered_for", {"days": 90})
SPENT = ("retention.spent", {"amount": "50", "currency": "EUR"})

ADA = {"member ada", "guest ada"}
"""One person: the account, and orders as a guest with the same address."""


@pytest.fixture(autouse=True)
def crowd(fake_shop: FakeShop, fake_world: FakeWorld) -> None:
    """Ada is a member who ordered 100 days ago as a guest; Bo a guest who ordered today; Cy a member without orders."""
    customers.for_user(fake_world.add_user("ada@example.com"), at=NOW)
    customers.for_user(fake_world.add_user("cy@example.com"), at=NOW)
    fake_shop.place(email="ada@example.com", total=Decimal("60.00"), at=NOW - timedelta(days=100))
    fake_shop.place(email="bo@example.com", total=Decimal("40.00"), at=NOW)
    settle(at=NOW)
    guest("di@example.com")


def test_all_of_the_rules_or_one_of_them() -> None:
    assert who(segment("both", MEMBER, DORMANT)) == ADA
    assert who(segment("either", MEMBER, DORMANT, match="any")) == ADA | {"member cy"}
    assert who(segment("one", MEMBER)) == ADA | {"member cy"}


def test_a_rule_and_its_opposite_are_everybody_once() -> None:
    for name, parameters in (MEMBER, DORMANT, SPENT):
        yes, no = segment(f"yes-{name[-4:]}", (name, parameters)), segment(f"no-{name[-4:]}", (name, parameters, "not"))
        assert who(yes) | who(no) == ADA | {"guest bo", "member cy", "guest di"}
        assert who(yes) & who(no) == set()


def test_no_order_is_no_reason_to_be_left_out_of_a_not() -> None:
    """Who never ordered has no last order: SQL says NULL, and NOT NULL is not true."""
    assert who(segment("awake", (*DORMANT, "not"))) == {"guest bo", "member cy", "guest di"}
    assert who(segment("poor", (*SPENT, "not"))) == {"guest bo", "member cy", "guest di"}


def test_who_was_absorbed_or_erased_is_not_there() -> None:
    row = segment("dormant", DORMANT)
    customers.prove_address(of("ada", "member"), at=NOW)
    assert who(row) == {"member ada"}
    persons.erase_person(of("ada", "member"), at=NOW)
    assert who(row) == set()


def test_a_list_means_the_person_with_every_row() -> None:
    row = segment("vip", kind="list")
    SegmentMember.objects.create(segment=row, customer=of("ada", "member"), added_at=NOW)
    SegmentMember.objects.create(segment=row, customer=of("bo"), added_at=NOW)
    assert who(row) == ADA | {"guest bo"}
    assert who(segment("rest", without("vip"))) == {"member cy", "guest di"}


def test_people_without_an_address_are_on_a_list_one_by_one() -> None:
    first, second = (Customer.objects.create(kind="guest", created_at=NOW) for _ in range(2))
    row = segment("vip", kind="list")
    SegmentMember.objects.create(segment=row, customer=first, added_at=NOW)
    assert set(segments.people(row, at=NOW).values_list("pk", flat=True)) == {first.pk} != {second.pk}


def test_a_segment_in_a_segment() -> None:
    segment("members", MEMBER)
    segment("dormant", DORMANT)
    assert who(segment("both", within("members"), within("dormant"))) == ADA
    assert who(segment("awake-members", within("members"), without("dormant"))) == {"member cy"}
    assert who(segment("not-both", without("both"))) == {"guest bo", "member cy", "guest di"}


def test_rules_of_rules_are_a_segment_of_its_own() -> None:
    """(member and dormant) or has spent less than 50, which nobody says in one row of rules."""
    segment("dormant-members", MEMBER, DORMANT)
    row = segment("mixed", within("dormant-members"), ("retention.spent", SPENT[1], "not"), match="any")
    assert who(row) == ADA | {"guest bo", "member cy", "guest di"}


def test_coupons_that_somebody_holds_or_has_used() -> None:
    offer = make_offer()
    make_offer(slug="other")
    holds = segment("holders", ("campaigns.holds_coupon", {"offer": "thanks"}))
    used = segment("users", ("campaigns.used_offer", {"offer": "thanks"}))
    other = segment("other", ("campaigns.used_offer", {"offer": "other"}, "not"))
    coupon = give(offer, of("ada"))
    assert (who(holds), who(used)) == (ADA, set())
    reserve(coupon)
    assert (who(holds), who(used)) == (set(), set()), "a basket holds its only use, and has not ordered"
    Redemption.objects.update(state="committed", order="A1")
    assert (who(holds), who(used)) == (set(), ADA)
    assert who(other) == ADA | {"guest bo", "member cy", "guest di"}
    give(offer, of("bo"))
    assert who(holds) == {"guest bo"}
    Coupon.objects.update(expires_at=NOW, issued_at=NOW - timedelta(days=1))
    assert who(holds) == set()


# What cannot be asked


def test_a_segment_without_rules_is_nobody() -> None:
    row = segment("empty")
    assert (who(row), faults(row)) == (set(), ["It has no rules"])


@pytest.mark.parametrize("negated", [(), ("not",)], ids=["asked", "negated"])
def test_a_condition_that_is_gone_lets_nobody_in(negated: Any) -> None:
    row = segment("odd", MEMBER, ("shop.starsign", {"is": "leo"}, *negated))
    assert (who(row), faults(row)) == (set(), ["It asks for the condition shop.starsign, which is not there"])
    row.match = "any"
    row.save()
    assert who(row) == ADA | {"member cy"}, "the other rule can be asked"


@pytest.mark.parametrize("negated", [(), ("not",)], ids=["asked", "negated"])
@pytest.mark.parametrize("parameters", [{"days": "soon"}, {}, {"weeks": 2}, [2], "90", {"days": 10**12}])
def test_parameters_that_do_not_fit_let_nobody_in(parameters: Any, negated: Any) -> None:
    row = segment("odd", ("campaigns.not_ordered_for", parameters, *negated))
    assert who(row) == set()
    [fault] = faults(row)
    assert fault.startswith("The rule “has ordered before, but not for some days” cannot be asked (")


@pytest.mark.parametrize("negated", [(), ("not",)], ids=["asked", "negated"])
@pytest.mark.parametrize("name", ["campaigns.used_offer", "campaigns.holds_coupon"])
def test_an_offer_that_was_deleted_lets_nobody_in(name: str, negated: Any) -> None:
    offer = make_offer()
    row = segment("users", (name, {"offer": "thanks"}, *negated))
    assert faults(row) == []
    assert who(row) == (set() if not negated else ADA | {"guest bo", "member cy", "guest di"})
    offer.versions.all().delete()
    Offer.objects.all().delete()
    assert who(row) == set()
    assert "thanks is not one of the available choices" in faults(row)[0]


@pytest.mark.parametrize("rule", [within, without])
def test_a_segment_that_was_deleted_lets_nobody_in(rule: Any) -> None:
    gone = segment("gone", MEMBER)
    row = segment("odd", MEMBER, rule("gone"))
    gone.delete()
    assert who(row) == set()
    assert faults(row) == ["It refers to the segment “gone”, which is not there any more"]


def test_what_cannot_be_asked_in_full_lets_nobody_in_by_its_opposite() -> None:
    """Too few in there would be too many out here."""
    segment("half", MEMBER, ("shop.starsign", {}), match="any")
    segment("half-too", within("half"))
    assert who(segment("in-half", within("half"))) == ADA | {"member cy"}
    assert who(segment("out", without("half"))) == set()
    assert who(segment("far-out", without("half-too"))) == set()
    row = segment("out-or-dormant", without("half"), DORMANT, match="any")
    assert who(row) == ADA


# Circles


def test_a_segment_that_refers_to_itself_is_refused_and_named() -> None:
    row = segment("vip", MEMBER)
    SegmentRule.objects.create(segment=row, name="campaigns.in_segment", parameters={"segment": "vip"})
    with pytest.raises(segment_book.InACircle, match=r"round in a circle: Vip → Vip\."):
        segment_book.check(segment_book.definition(row))


def test_a_circle_through_others_is_refused_and_named_on_its_way() -> None:
    first = segment("first", MEMBER)
    segment("second", within("first"))
    segment("third", without("second"))
    about_to = segment_book.Definition(
        pk=first.pk,
        slug="first",
        name="First",
        rules=(segment_book.Rule(name="campaigns.in_segment", parameters={"segment": "third"}),),
    )
    with pytest.raises(segment_book.InACircle, match="First → Third → Second → First"):
        segment_book.check(about_to)
    assert who(first) == ADA | {"member cy"}, "nothing was saved"


def test_a_circle_that_got_in_ends_with_nobody_and_a_trouble() -> None:
    """Two saves at once, each fine by itself."""
    one, other = segment("one", MEMBER, match="any"), segment("other", MEMBER, match="any")
    asked = {
        row: segment_book.Definition(
            pk=row.pk, slug=row.slug, name=row.name, match="any",
            rules=(segment_book.Rule(name="campaigns.in_segment", parameters={"segment": whom}),),
        )
        for row, whom in ((one, "other"), (other, "one"))
    }  # fmt: skip
    for definition in asked.values():
        segment_book.check(definition)
    for row, definition in asked.items():
        for rule in definition.rules:
            SegmentRule.objects.create(segment=row, name=rule.name, parameters=rule.parameters)
    outside = segment("outside", without("one"))
    assert who(one) == who(other) == who(outside) == set()
    told = {str(trouble.what) for trouble in registry.troubles["campaigns.segments"](NOW)}
    assert told == {
        "Segment “One”: it goes round in a circle: One → Other → One",
        "Segment “Other”: it goes round in a circle: Other → One → Other",
    }


def test_a_long_chain_is_refused_and_one_that_got_in_is_nobody() -> None:
    segment("s0", MEMBER)
    chain(1, 400)
    assert who(Segment.objects.get(slug="s19")) == ADA | {"member cy"}
    with pytest.raises(segment_book.TooLarge):
        segment_book.check(segment_book.definition(Segment.objects.get(slug="s20")))
    assert who(Segment.objects.get(slug="s399")) == set()


def chain(first: int, beyond: int, *, times: int = 1) -> None:
    """Make segments each of which refers to the one before."""
    rows = [Segment(slug=f"s{n}", name=f"S{n}", created_at=NOW) for n in range(first, beyond)]
    Segment.objects.bulk_create(rows)
    SegmentRule.objects.bulk_create(
        SegmentRule(segment=row, name="campaigns.in_segment", parameters={"segment": f"s{n - 1}"})
        for n, row in enumerate(rows, start=first)
        for _ in range(times)
    )


def test_what_doubles_at_each_step_is_refused() -> None:
    segment("s0", MEMBER)
    chain(1, 12, times=2)
    assert who(Segment.objects.get(slug="s5")) == ADA | {"member cy"}
    with pytest.raises(segment_book.TooLarge, match="more than 200 rules"):
        segment_book.check(segment_book.definition(Segment.objects.get(slug="s11")))
    assert who(Segment.objects.get(slug="s11")) == set()


# Troubles


def test_what_offers_ask_and_cannot_be_asked_is_a_trouble_with_its_cure() -> None:
    offer = make_offer()
    offer.conditions.create(name="campaigns.in_segment", parameters={"segment": "vip"})
    row = segment("vip", MEMBER)
    assert list(registry.troubles["campaigns.segments"](NOW)) == []
    row.delete()
    [trouble] = registry.troubles["campaigns.segments"](NOW)
    assert str(trouble.what).startswith("Offer “Thanks” lets nobody in: “is in a segment” cannot be asked (")
    assert str(trouble.cure) == "Open it and fill the condition in again, or take it out."
    assert trouble.url == f"/admin/retention_campaigns/offer/{offer.pk}/change/"


# Asked by others


def test_the_condition_is_the_segment() -> None:
    segment("dormant", DORMANT)
    everybody = set(Customer.objects.values_list("pk", flat=True))
    condition = registry.conditions["campaigns.in_segment"]
    assert condition.matching(everybody, {"segment": "dormant"}, NOW) == {of("ada").pk, of("ada", "member").pk}
    for nobody in ({"segment": "gone"}, {}, {"segment": None}):
        assert condition.matching(everybody, nobody, NOW) == set()


def test_what_refers_to_a_segment_keeps_it() -> None:
    row = segment("vip", MEMBER)
    assert segment_uses.uses(row, at=NOW) == []
    offer = make_offer()
    offer.conditions.create(name="campaigns.in_segment", parameters={"segment": "vip"})
    segment("rest", without("vip"))
    with pytest.raises(segment_uses.InUse) as refusal:
        segment_uses.delete(row, at=NOW)
    assert [use.words for use in refusal.value.uses] == ["the offer “Thanks”", "the segment “Rest”"]
    offer.conditions.all().delete()
    Segment.objects.get(slug="rest").delete()
    segment_uses.delete(row, at=NOW)
    assert not Segment.objects.exists()


def test_coupons_that_are_out_keep_the_segment_that_they_were_promised_on() -> None:
    row = segment("early", MEMBER, DORMANT, match="any")
    offer = make_offer(percentage(conditions=(Asked(name="campaigns.in_segment", parameters={"segment": "early"}),)))
    offer.conditions.all().delete()
    assert segment_uses.uses(row, at=NOW) == []
    coupon = give(offer, of("ada"))
    assert [use.words for use in segment_uses.uses(row, at=NOW)] == ["coupons of the offer “Thanks” that are out"]
    assert segment_uses.uses(row, at=coupon.expires_at) == []


# How much it asks


def test_one_query_reads_every_segment_and_one_more_finds_the_people() -> None:
    segment("members", MEMBER)
    segment("dormant", DORMANT)
    segment("both", within("members"), within("dormant"), (*SPENT, "not"))
    vip = segment("vip", kind="list")
    SegmentMember.objects.create(segment=vip, customer=of("bo"), added_at=NOW)
    row = segment("all", within("both"), without("vip"), match="any")
    with CaptureQueriesContext(connection) as asked:
        assert who(row) == ADA | {"member cy", "guest di"}
    assert len(asked) == 2


def test_lists_follow_who_is_absorbed_and_who_is_erased() -> None:
    row, other = segment("vip", kind="list"), segment("more", kind="list")
    for one in (row, other):
        SegmentMember.objects.create(segment=one, customer=of("ada"), added_at=NOW)
    SegmentMember.objects.create(segment=other, customer=of("ada", "member"), added_at=NOW)
    ada = of("ada", "member")
    customers.prove_address(ada, at=NOW)
    assert list(SegmentMember.objects.order_by("segment").values_list("segment__slug", "customer")) == [
        ("vip", ada.pk), ("more", ada.pk),
    ]  # fmt: skip
    exported = persons.export_person(ada)["campaigns.segments"]
    assert [entry["segment__name"] for entry in exported["lists"]] == ["Vip", "More"]
    persons.erase_person(ada, at=NOW)
    assert SegmentMember.objects.count() == 0
