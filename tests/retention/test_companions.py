"""What is bought together: counted from the shop's own orders, the same each time, in few queries."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.mail import EmailMessage
from django.db import connection
from django.test.utils import CaptureQueriesContext

from retention import registry
from retention.models import Companion, Customer, Message, Order, OrderLine, Text
from retention.services import companions, delivery
from retention.shop import ProductData
from tests.retention.ground import promise
from tests.retention.mails import NEWS, make
from tests.retention.shop import NOON, LocalShop

pytestmark = pytest.mark.django_db

Make = Callable[..., Customer]


@pytest.fixture
def buys(customer: Make) -> Callable[..., Order]:
    """Let somebody buy these products in one order."""

    def buy(*products: str, by: Customer | None = None, at: datetime = NOON, **given: Any) -> Order:
        number = Order.objects.count()
        by = by or customer(f"buyer{number}@example.com")
        row = Order.objects.create(
            reference=f"R{number}", number=f"N{number}", customer=by, currency="EUR", total_minor=4000, placed_at=at,
            first_seen_at=at, read_at=at, digest="x", **given,
        )  # fmt: skip
        OrderLine.objects.bulk_create(
            OrderLine(order=row, reference=str(line), product=product) for line, product in enumerate(products)
        )
        return row

    return buy


def found() -> dict[str, list[tuple[str, int]]]:
    """Return product → its companions, best first, with how many orders hold both."""
    rows: dict[str, list[tuple[str, int]]] = {}
    for row in Companion.objects.order_by("product", "rank"):
        rows.setdefault(row.product, []).append((row.other, row.orders))
    return rows


def test_two_orders_with_both_make_companions_and_one_is_chance(buys: Callable[..., Order]) -> None:
    buys("cup", "bowl")
    buys("cup", "bowl", "cup")
    buys("cup", "vase")
    assert companions.compute(at=NOON) == 2
    assert found() == {"cup": [("bowl", 2)], "bowl": [("cup", 2)]}


def test_cancelled_and_refunded_orders_old_ones_and_nameless_goods_do_not_count(buys: Callable[..., Order]) -> None:
    buys("cup", "bowl")
    buys("cup", "bowl", cancelled_at=NOON)
    buys("cup", "bowl", refunded_minor=4000)
    buys("cup", "bowl", at=NOON - timedelta(days=731))
    buys("cup", "", "bowl", refunded_minor=3999)
    companions.compute(at=NOON)
    assert found() == {"cup": [("bowl", 2)], "bowl": [("cup", 2)]}


def test_the_best_four_stay_and_equals_are_in_one_order_everywhere(buys: Callable[..., Order]) -> None:
    for _ in range(2):
        buys("cup", "Zebra", "apple", "Ärmel", "10", "9")
    buys("cup", "9")
    companions.compute(at=NOON)
    assert found()["cup"] == [("9", 3), ("10", 2), ("Zebra", 2), ("apple", 2)]
    assert [row.rank for row in Companion.objects.filter(product="cup").order_by("rank")] == [1, 2, 3, 4]


def test_a_second_night_writes_what_changed_and_nothing_else(buys: Callable[..., Order]) -> None:
    first = [buys("cup", "bowl"), buys("cup", "bowl")]
    buys("pot", "lid")
    buys("pot", "lid")
    assert companions.compute(at=NOON) == 4
    assert companions.compute(at=NOON) == 0
    Order.objects.filter(pk=first[0].pk).update(cancelled_at=NOON)
    buys("pot", "lid")
    assert companions.compute(at=NOON) == 4, "two gone, two changed"
    assert found() == {"pot": [("lid", 3)], "lid": [("pot", 3)]}


def test_an_order_of_a_hundred_different_goods_says_nothing(buys: Callable[..., Order]) -> None:
    for _ in range(2):
        buys(*(f"p{number}" for number in range(51)))
        buys(*(f"q{number}" for number in range(50)))
    companions.compute(at=NOON)
    assert {row.product[0] for row in Companion.objects.all()} == {"q"}


def test_what_somebody_has_bought_under_any_row_of_their_address_is_left_out(
    buys: Callable[..., Order], customer: Make
) -> None:
    for _ in range(2):
        buys("cup", "bowl", "vase")
        buys("cup", "bowl")
    companions.compute(at=NOON)
    ada = customer("ada@example.com", kind="import", source="x", number="1")
    guest = customer("ada@example.com")
    nobody = customer("", kind="import", source="x", number="2")
    stranger = customer("", kind="import", source="x", number="3")
    buys("cup", by=ada)
    buys("lid", by=stranger)
    assert companions.of_customers([ada.pk, nobody.pk], limit=9) == {ada.pk: ["bowl", "vase"]}
    buys("bowl", by=guest)
    assert companions.of_customers([ada.pk, guest.pk], limit=9) == {ada.pk: ["vase"], guest.pk: ["vase"]}
    buys("vase", by=guest, cancelled_at=NOON)
    assert companions.of_customers([ada.pk], limit=9) == {ada.pk: ["vase"]}


# In a mail


@pytest.fixture
def shelf(shop: LocalShop) -> LocalShop:
    """Five products, one sold out."""
    for name, price in (("cup", "19"), ("bowl", "34.5"), ("vase", "60"), ("lid", "5"), ("pot", "80")):
        shop.products[name] = ProductData(
            reference=name, title=f"A {name} & more", url=f"/p/{name}/", picture=f"/img/{name}.jpg",
            price=Decimal(price), currency="EUR", in_stock=name != "lid",
        )  # fmt: skip
    return shop


@pytest.fixture
def news(mails: None) -> None:
    """A marketing mail that can give goods; its German and English texts do, each in its own way."""
    make(NEWS, "marketing", parts=("retention.products", "retention.companions", "nobody.registered_this"))
    wanted = "{% if companions %}Together: {{ companions_block }}{% endif %}"
    Text.objects.create(mail=NEWS, language="en", subject="s", html=wanted, text=wanted)
    Text.objects.create(
        mail=NEWS, language="es", subject="s", html="{{ products_block }}",
        text="{% for product in products %}{{ product.title }} {{ product.price }};{% endfor %}",
        products=["vase", "lid", "gone", "cup"],
    )  # fmt: skip


def sent(people: Sequence[Customer], box: list[EmailMessage]) -> dict[str, EmailMessage]:
    for one in people:
        promise(one, NEWS)
    delivery.deliver(at=NOON)
    assert list(Message.objects.exclude(state="sent").values_list("state", "error")) == []
    return {mail.to[0]: mail for mail in box}


@pytest.mark.usefixtures("shelf", "news")
def test_a_mail_shows_what_is_in_stock_with_absolute_links_in_its_readers_format(
    buys: Callable[..., Order], customer: Make, mailoutbox: list[EmailMessage]
) -> None:
    for _ in range(2):
        buys("cup", "bowl", "lid", "vase", "unlisted")
    companions.compute(at=NOON)
    ada = customer("ada@example.com", wants=("marketing",))
    buys("cup", by=ada)
    ben = customer("ben@example.com", wants=("marketing",))
    eva = customer("eva@example.com", wants=("marketing",), language="es-mx")
    mails = sent([ada, ben, eva], mailoutbox)
    html: Any = {who: mail.alternatives[0][0] for who, mail in mails.items()}  # type: ignore[attr-defined]
    assert "Together:" in mails["ada@example.com"].body
    assert "A bowl & more, €34.50\nhttps://shop.example.com/p/bowl/" in mails["ada@example.com"].body
    assert mails["ada@example.com"].body.index("bowl") < mails["ada@example.com"].body.index("vase")
    assert "lid" not in mails["ada@example.com"].body, "it is sold out"
    assert "cup" not in mails["ada@example.com"].body, "it was bought"
    picture = re.findall(r"<img [^>]*>", html["ada@example.com"])[0]
    assert {'src="https://shop.example.com/img/bowl.jpg"', 'alt=""', 'width="88"'} <= set(picture.split())
    assert ">A bowl &amp; more</a>" in html["ada@example.com"]
    assert "Together" not in mails["ben@example.com"].body + html["ben@example.com"]
    assert "A vase & more 60,00\xa0€;A cup & more 19,00\xa0€;" in mails["eva@example.com"].body
    assert html["eva@example.com"].index("vase") < html["eva@example.com"].index("A cup")


@pytest.mark.usefixtures("shelf", "news")
def test_goods_for_many_cost_as_many_queries_as_for_one(buys: Callable[..., Order], customer: Make) -> None:
    for _ in range(2):
        buys("cup", "bowl", "vase")
    companions.compute(at=NOON)
    people = [customer(f"n{number}@example.com") for number in range(30)]
    for one in people:
        buys("cup", by=one)
    with CaptureQueriesContext(
        connection,
    ) as few:
        assert list(companions.of_customers([people[0].pk], limit=4).values()) == [["bowl", "vase"]]
    with CaptureQueriesContext(connection) as many:
        assert len(companions.of_customers([one.pk for one in people], limit=4)) == 30
    assert (len(few), len(many)) == (3, 3)


@pytest.mark.usefixtures("news")
def test_a_text_that_shows_no_goods_does_not_ask_for_them(
    shelf: LocalShop, customer: Make, mailoutbox: list[EmailMessage], monkeypatch: pytest.MonkeyPatch
) -> None:
    Text.objects.update(html="<p>x</p>", text="x")
    asked: list[object] = []
    monkeypatch.setattr(shelf, "get_products", lambda references: asked.append(references) or {})
    sent([customer(wants=("marketing",))], mailoutbox)
    assert (asked, len(mailoutbox)) == ([], 1)


def test_it_is_found_out_every_night() -> None:
    assert registry.ticks["retention.companions"].every == 86400
