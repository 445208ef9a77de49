"""The soft opt-in line on the preview page, and the evidence of it."""

import re
from decimal import Decimal
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from retention.contrib.oscar import choices
from retention.hashing import origin_hash
from retention.models import CheckoutChoice, Consent, ConsentEvidence, Signal
from retention.testing.settling import settle
from tests.oscar.world import OscarWorld


@pytest.fixture
def visitor(world: OscarWorld) -> Client:
    visitor = world.visit()
    world.put(visitor, world.add_product("Cup", Decimal("10.00")))
    return visitor


def fields(page: Any) -> dict[str, str]:
    """Return what a browser would send of the line: hidden fields, and the box if it is ticked."""
    html = page.content.decode()
    found = {}
    for tag in re.findall(r"<input[^>]*>", html):
        attributes = dict(re.findall(r'([\w-]+)="([^"]*)"', tag))
        if attributes.get("form") != "place_order_form":
            continue
        if attributes["type"] != "checkbox" or " checked" in tag:
            found[attributes["name"]] = unescape(attributes["value"])
    return found


def test_the_line_stands_on_the_preview_page_and_its_box_is_not_ticked(world: OscarWorld, visitor: Client) -> None:
    page = world.to_preview(visitor, "ada@example.com")
    html = page.content.decode()
    words = choices.wording("en")
    assert words.sentence in unescape(html)
    assert words.label in unescape(html)
    assert html.count('id="place_order_form"') == 1, "the form that the fields belong to"
    assert html.index(choices.TICKED) < html.index("id='place-order'"), "read before the button"
    assert fields(page) == {choices.SHOWN: f"{words.version}:en"}
    assert page.status_code == 200


def test_who_leaves_the_box_alone_may_be_written_to_and_the_evidence_says_what_was_shown(
    world: OscarWorld, visitor: Client
) -> None:
    page = world.to_preview(visitor, "ada@example.com")
    before = timezone.now()
    world.place(visitor, **fields(page))
    order = str(visitor.session["checkout_order_id"])
    choice = CheckoutChoice.objects.get()
    assert choice.order == order
    assert choice.opted_out is False
    assert choice.text == choices.wording("en").text
    assert choice.text_version == choices.wording("en").version
    assert choice.language == "en"
    assert choice.origin_hash == origin_hash("127.0.0.1")
    assert before <= choice.at <= timezone.now()
    assert choices.KEY not in visitor.session

    settle(at=timezone.now())
    consent = Consent.objects.get()
    assert (consent.purpose, consent.granted, consent.basis) == ("marketing", True, "soft_opt_in")
    evidence = ConsentEvidence.objects.get()
    assert (evidence.text, evidence.source) == (choice.text, f"checkout:{order}")


def test_who_ticks_the_box_is_not_written_to(world: OscarWorld, visitor: Client) -> None:
    page = world.to_preview(visitor, "ada@example.com")
    world.place(visitor, **fields(page), **{choices.TICKED: "1"})
    assert CheckoutChoice.objects.get().opted_out is True
    settle(at=timezone.now())
    assert list(Consent.objects.values_list("purpose", "granted", "basis")) == [("marketing", False, "")]


def test_where_the_line_was_not_on_the_page_nothing_is_claimed(world: OscarWorld, visitor: Client) -> None:
    world.to_preview(visitor, "ada@example.com")
    world.place(visitor)
    assert visitor.session["checkout_order_id"]
    assert CheckoutChoice.objects.count() == 0
    settle(at=timezone.now())
    assert Consent.objects.count() == 0


def test_the_evidence_is_in_the_language_that_was_shown(world: OscarWorld, visitor: Client, settings: Any) -> None:
    visitor.cookies[settings.LANGUAGE_COOKIE_NAME] = "es"
    page = world.to_preview(visitor, "ada@example.com")
    assert choices.wording("es").sentence in unescape(page.content.decode())
    # the language changes between page and button
    visitor.cookies[settings.LANGUAGE_COOKIE_NAME] = "en"
    world.place(visitor, **fields(page))
    choice = CheckoutChoice.objects.get()
    assert choice.language == "es"
    assert choice.text == choices.wording("es").text
    data = world.shop.get_orders([choice.order])[choice.order]
    assert data.language == "es"


@pytest.mark.parametrize("shown", ["0badf00d:en", "{version}:xx", "{version}", ":en", "x" * 500])
def test_words_that_we_cannot_quote_are_no_soft_opt_in(world: OscarWorld, visitor: Client, shown: str) -> None:
    world.to_preview(visitor, "ada@example.com")
    world.place(visitor, **{choices.SHOWN: shown.format(version=choices.wording("en").version)})
    assert visitor.session["checkout_order_id"]
    assert CheckoutChoice.objects.count() == 0


def test_a_no_to_words_of_an_older_version_counts_all_the_same(world: OscarWorld, visitor: Client) -> None:
    world.to_preview(visitor, "ada@example.com")
    world.place(visitor, **{choices.SHOWN: "0badf00d:en", choices.TICKED: "1"})
    choice = CheckoutChoice.objects.get()
    assert (choice.opted_out, choice.text, choice.text_version) == (True, "", "0badf00d")


def test_each_order_of_a_session_has_its_own_choice(world: OscarWorld, visitor: Client) -> None:
    world.place(visitor, **fields(world.to_preview(visitor, "ada@example.com")))
    first = str(visitor.session["checkout_order_id"])
    world.put(visitor, world.add_product("Bowl", Decimal("10.00")))
    world.place(visitor, **fields(world.to_preview(visitor, "ada@example.com")), **{choices.TICKED: "1"})
    second = str(visitor.session["checkout_order_id"])
    assert dict(CheckoutChoice.objects.values_list("order", "opted_out")) == {first: False, second: True}


def test_the_choice_is_there_before_anybody_is_told_of_the_order(
    world: OscarWorld, visitor: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a worker could read the order, find no consent, and end its journeys."""
    page = world.to_preview(visitor, "ada@example.com")
    known: list[int] = []
    create = Signal.objects.create

    def tell(**fields: Any) -> Signal:
        known.append(CheckoutChoice.objects.filter(order=fields["reference"]).count())
        return create(**fields)

    monkeypatch.setattr(Signal.objects, "create", tell)
    world.place(visitor, **fields(page))
    assert known == [1]
    assert list(Signal.objects.values_list("kind", flat=True)) == ["order_placed"]


def test_a_choice_waits_for_a_payment_that_comes_back_on_another_page(world: OscarWorld, visitor: Client) -> None:
    """As with card pages elsewhere: the button only sends the shopper away, another request places the order."""
    page = world.to_preview(visitor, "ada@example.com")
    session = visitor.session
    session[choices.KEY] = {
        "version": fields(page)[choices.SHOWN].split(":")[0], "language": "en", "opted_out": True, "before": None,
    }  # fmt: skip
    session.save()
    visitor.get("/basket/")
    assert CheckoutChoice.objects.count() == 0
    session = visitor.session
    session["checkout_order_id"] = 4711
    session.save()
    visitor.get("/basket/")
    assert list(CheckoutChoice.objects.values_list("order", "opted_out")) == [("4711", True)]
    # the order may have been read already
    assert list(Signal.objects.values_list("kind", "reference")) == [("choice", "4711")]


def test_the_words_have_a_version_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    before = choices.wording("en")
    assert before.version == choices.wording("ru").version
    monkeypatch.setattr(choices, "LABEL", "Something else.")
    assert choices.wording("en").version != before.version
