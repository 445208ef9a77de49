"""What goods cost the shop comes from a file that is looked at first."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from campaigns import cost_file
from campaigns.models import ProductCost
from campaigns.services import costs
from retention.csv_rows import NotReadable
from retention.shop import Capability
from retention.testing.shop import FakeShop
from tests.campaigns.desk import said
from tests.campaigns.shelf import NOW

pytestmark = pytest.mark.django_db

LIST = "/admin/retention_campaigns/productcost/"
UPLOAD = f"{LIST}upload/"


@pytest.fixture(autouse=True)
def at_nine() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def shelf(fake_shop: FakeShop) -> list[str]:
    """Three products of the shop: p1, p2, p3."""
    return [fake_shop.add_product(title) for title in ("Cup", "Bowl", "Vase")]


def read(*lines: str) -> cost_file.Reading:
    return cost_file.read("\n".join(lines).encode())


def known() -> list[tuple[str, str, int]]:
    return list(ProductCost.objects.order_by("product", "currency").values_list("product", "currency", "cost_minor"))


# Reading


@pytest.mark.parametrize(
    "content",
    [
        b"product,currency,cost\np1,EUR,12.50\np2,JPY,300\n",
        b"\xef\xbb\xbfproduct;currency;cost\r\np1;EUR;12,50\r\np2;JPY;300\r\n",
        b"Cost\tTitle\tProduct\tCurrency\n12.5\tCup\tp1\teur\n300\tBowl\tp2\tjpy",
        b"p1,EUR,12.50\np2,JPY,300",
        b"\n\nReference, Currency , Cost price\n\np1 , EUR, 12.50\n;;\np2,JPY,300,more\n".replace(b";;", b",,"),
        b'"product","currency","cost"\n"p1","EUR","12,50"\n"p2","JPY","300"\n',
    ],
    ids=["commas", "semicolons and a mark", "tabs in another order", "no header", "empty lines", "quotes"],
)
def test_a_file_is_read_however_a_spreadsheet_saved_it(content: bytes) -> None:
    reading = cost_file.read(content)
    assert reading.costs == {("p1", "EUR"): 1250, ("p2", "JPY"): 300}
    assert (reading.lines, reading.notes) == (2, [])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "The file is empty."),
        (b"\n \n,,\n", "The file is empty."),
        ("product,currency,cost\np1,EUR,1".encode("utf-16"), "The file is not plain text in UTF-8."),
        ("product,currency,cost\np1,EUR,1\nTöpfe,EUR,2".encode("cp1252"), "Line 3 is not in UTF-8."),
        (b"PK\x03\x04\x00\x00", "The file is not plain text in UTF-8."),
        (b"product,cost\np1,1", "Which columns?"),
        (b"p1,EUR\n", "Which columns?"),
        (b"sku,currency,price\np1,EUR,1", "Which columns?"),
        (b'product,currency,cost\n"' + b"x" * 200_000, "Line 2 cannot be read as CSV"),
    ],
    ids=["empty", "blank", "utf-16", "cp1252", "a spreadsheet", "two columns", "headless", "other names", "too long"],
)
def test_a_file_that_cannot_be_read_says_why(content: bytes, words: str) -> None:
    with pytest.raises(NotReadable, match=re.escape(words)):
        cost_file.read(content)


def test_a_file_that_is_too_long_is_refused_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cost_file, "MOST_LINES", 2)
    assert read("product,currency,cost", "p1,EUR,1", "p2,EUR,1").lines == 2
    with pytest.raises(NotReadable, match="more than 2 lines"):
        read("product,currency,cost", "p1,EUR,1", "p2,EUR,1", "p3,EUR,1")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("p2,EUR,-1", "a cost cannot be negative"),
        ("p2,EUR,free", "“free” is no cost: write it like 12.50"),
        ("p2,EUR,", "“” is no cost: write it like 12.50"),
        ("p2,EUR", "“” is no cost: write it like 12.50"),
        ("p2,EUR,1e3", "“1e3” is no cost: write it like 12.50"),
        ('p2,EUR,"1,234.50"', "“1,234.50” is no cost: write it like 12.50"),
        ('p2,EUR,"1,234"', "1,234 has more digits after the point than EUR has"),
        ("p2,JPY,1.5", "1.5 has more digits after the point than JPY has"),
        ("p2,EUR,1000000000.01", "this is too much"),
        ("p2,QQQ,1", "there is no currency “QQQ”"),
        ("p2,,1", "there is no currency “”"),
        (",EUR,1", "there is no product"),
        (f"{'x' * 129},EUR,1", "this is no reference of a product"),
        ("p1,eur,2", "line 2 says the cost of this product in EUR already"),
        ("p1,EUR,1", "line 2 says the cost of this product in EUR already"),
    ],
)
def test_a_line_that_cannot_be_taken_is_left_out_with_its_number(line: str, words: str) -> None:
    reading = read("product,currency,cost", "p1,EUR,1", line, "p3,EUR,0")
    assert reading.costs == {("p1", "EUR"): 100, ("p3", "EUR"): 0}
    assert [(note.line, note.words) for note in reading.notes] == [(3, words)]
    assert reading.lines == 3


# What it would do


def test_a_preview_counts_what_is_new_changed_the_same_and_wrong(shelf: list[str]) -> None:
    costs.put({("p1", "EUR"): 100, ("p2", "EUR"): 200, ("p9", "EUR"): 900}, at=NOW)
    preview = costs.look(
        read("product,currency,cost", "p1,EUR,1.00", "p2,EUR,3", "p3,EUR,4", "p3,USD,5", "p7,EUR,6", "p2,EUR,x")
    )
    assert (preview.lines, preview.fresh, preview.changed, preview.same, preview.left_out) == (6, 3, 1, 1, 1)
    assert [(note.line, note.words) for note in preview.strange] == [(6, "the shop has no product “p7”")]
    assert preview.unknown == 1


def test_a_shop_without_a_catalogue_is_not_asked_for_products(
    fake_shop: FakeShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeShop, "capabilities", frozenset(Capability) - {Capability.CATALOGUE})
    assert costs.look(read("p1,EUR,1")).unknown == 0


def test_what_a_file_does_not_name_stays_and_only_changes_are_written() -> None:
    before = NOW - timedelta(days=1)
    costs.put({("p1", "EUR"): 100, ("p2", "EUR"): 200, ("p9", "EUR"): 900}, at=before)
    assert costs.put({("p1", "EUR"): 100, ("p2", "EUR"): 250, ("p2", "USD"): 300}, at=NOW) == 2
    assert known() == [("p1", "EUR", 100), ("p2", "EUR", 250), ("p2", "USD", 300), ("p9", "EUR", 900)]
    assert set(ProductCost.objects.filter(changed_at=before).values_list("product", flat=True)) == {"p1", "p9"}
    assert costs.put({("p2", "EUR"): 250}, at=NOW) == 0


def test_many_costs_take_a_few_queries(fake_shop: FakeShop) -> None:
    def cost(n: int, first: int) -> int:
        with CaptureQueriesContext(connection) as asked:
            costs.put({(f"q{first + m}", "EUR"): m for m in range(n)}, at=NOW)
        return len(asked)

    assert cost(50, 0) == cost(100, 1000)
    assert ProductCost.objects.count() == 150


# The pages


def upload(staff: Client, content: bytes) -> Any:
    return staff.post(UPLOAD, {"file": SimpleUploadedFile("costs.csv", content, "text/csv")})


def test_nothing_is_saved_before_the_preview_is_confirmed(staff: Client, shelf: list[str]) -> None:
    ProductCost.objects.create(product="p1", currency="EUR", cost_minor=100, changed_at=NOW)
    page = upload(staff, b"product,currency,cost\np1,EUR,2\np2,EUR,3\np7,EUR,4\np3,EUR,-5\n")
    text = said(page)
    for words in (
        "The file has 4 lines.",
        "2 costs are new.",
        "1 cost changes.",
        "1 line cannot be taken; it is left out.",
        "1 cost is of a product that the shop does not have now; it is taken all the same.",
        "Line 5: a cost cannot be negative.",
        "Line 4: the shop has no product “p7”.",
        "Nothing has been saved yet.",
    ):
        assert words in text
    assert known() == [("p1", "EUR", 100)]
    answer = staff.post(UPLOAD, {"found": page.context["found"]}, follow=True)
    assert "3 costs are new or changed." in said(answer)
    assert known() == [("p1", "EUR", 200), ("p2", "EUR", 300), ("p7", "EUR", 400)]
    entry = LogEntry.objects.get()
    assert (entry.user.username, entry.change_message) == ("staff", "3 costs are new or changed.")


def test_a_file_that_cannot_be_read_is_said_at_its_field(staff: Client) -> None:
    assert "The submitted file is empty." in said(upload(staff, b""))
    assert "Which columns?" in said(upload(staff, b"a,b\n1,2\n"))
    assert "This field is required." in said(staff.post(UPLOAD, {}))
    assert known() == []


def test_a_file_with_nothing_to_take_has_no_button_to_save(staff: Client, shelf: list[str]) -> None:
    page = upload(staff, b"product,currency,cost\np1,EUR,-2\n")
    assert "0 costs are new." in said(page)
    assert 'name="found"' not in said(page)


@pytest.mark.parametrize("found", ["", "forged", "eyJFVVIiOnsicDEiOjF9fQ:1abc:xyz"])
def test_what_was_not_shown_cannot_be_confirmed(staff: Client, found: str) -> None:
    assert "please choose the file again" in said(staff.post(UPLOAD, {"found": found}, follow=True))
    assert known() == []


def test_an_hour_later_the_file_is_asked_for_again(staff: Client, shelf: list[str]) -> None:
    found = upload(staff, b"p1,EUR,2\n").context["found"]
    with time_machine.travel(NOW + timedelta(hours=1, seconds=1), tick=False):
        assert "please choose the file again" in said(staff.post(UPLOAD, {"found": found}, follow=True))
    assert known() == []


def test_a_large_file_fits_into_the_page_that_confirms_it(staff: Client, shelf: list[str]) -> None:
    lines = "".join(f"sku-{n * 7919 % 10_007:06}-{n},EUR,{n % 977}.{n % 100:02}\n" for n in range(20_000))
    page = upload(staff, f"product,currency,cost\n{lines}".encode())
    assert "The file has 20000 lines." in said(page)
    assert len(page.context["found"]) < 1_000_000
    assert len(page.content) < 1_100_000


def test_titles_stand_beside_the_references_for_one_question_to_the_shop(staff: Client, shelf: list[str]) -> None:
    costs.put({(product, "EUR"): 100 for product in [*shelf, "p9"]}, at=NOW)
    text = said(staff.get(LIST))
    for title in ("Cup", "Bowl", "Vase", "€1.00"):
        assert title in text
    assert f'href="{UPLOAD}"' in text


def test_by_hand_a_cost_is_typed_as_an_amount(staff: Client, shelf: list[str]) -> None:
    answer = staff.post(f"{LIST}add/", {"product": "p1", "currency": "eur", "cost": "12.50"}, follow=True)
    assert "no product" not in said(answer)
    assert known() == [("p1", "EUR", 1250)]
    row = ProductCost.objects.get()
    assert 'value="12.50"' in said(staff.get(f"{LIST}{row.pk}/change/"))
    answer = staff.post(f"{LIST}add/", {"product": "p9", "currency": "EUR", "cost": "1"}, follow=True)
    assert "The shop has no product “p9” now. The cost is kept." in said(answer)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"cost": "-1"}, "greater than or equal to 0"),
        ({"cost": "1.999"}, "EUR has no more than 2 digits after the point."),
        ({"currency": "QQQ"}, "There is no such currency."),
        ({"product": ""}, "This field is required."),
        ({"product": "p2"}, "Cost of a product with this Product and Currency already exists."),
    ],
)
def test_by_hand_what_does_not_fit_is_said(staff: Client, shelf: list[str], wrong: dict[str, str], words: str) -> None:
    costs.put({("p2", "EUR"): 100}, at=NOW)
    answer = staff.post(f"{LIST}add/", {"product": "p1", "currency": "EUR", "cost": "1", **wrong})
    assert words in said(answer)
    assert known() == [("p2", "EUR", 100)]


def test_who_may_only_look_uploads_nothing(client: Client, fake_shop: FakeShop) -> None:
    looker = get_user_model().objects.create_user("looker", "looker@example.com", "a long password", is_staff=True)
    looker.user_permissions.set(Permission.objects.filter(codename="view_productcost"))
    client.force_login(looker)
    assert "upload" not in said(client.get(LIST))
    assert client.get(UPLOAD).status_code == 403
    assert upload(client, b"p1,EUR,1\n").status_code == 403
    assert client.post(UPLOAD, {"found": "x"}).status_code == 403


def test_looking_at_the_pages_changes_nothing(staff: Client) -> None:
    for page in (LIST, UPLOAD, f"{UPLOAD}?found=x"):
        assert staff.get(page).status_code == 200
    assert ProductCost.objects.count() == LogEntry.objects.count() == 0
