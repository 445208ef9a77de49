"""Lists filled from a file: looked at first, line by line told what is wrong, and never asked for line by line."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns import address_file
from campaigns.models import SegmentMember
from campaigns.services import segment_lists
from campaigns.services.segment_lists import Preview
from retention.models import Customer
from retention.services import customers, persons
from retention.testing.world import FakeWorld
from tests.campaigns.crowd import segment, who
from tests.campaigns.shelf import NOW, guest

pytestmark = pytest.mark.django_db


def look(text: str | bytes, row: Any = None) -> Preview:
    content = text.encode() if isinstance(text, str) else text
    return segment_lists.look(row or segment("vip", kind="list"), address_file.read(content))


def notes(preview: Preview) -> list[tuple[int, str]]:
    return [(note.line, note.words) for note in preview.notes]


@pytest.fixture
def three() -> list[int]:
    return [guest(f"{name}@example.com").pk for name in ("ada", "bo", "cy")]


@pytest.mark.parametrize(
    "text",
    [
        "ada@example.com\nbo@example.com\n",
        "email\nada@example.com\nbo@example.com",
        "\ufeffemail\r\nada@example.com\r\nbo@example.com\r\n",
        "E-Mail;Name\nADA@example.com;Ada\n bo@example.com ;Bo\n",
        "Ada;ada@example.com\nBo;bo@example.com\n",
        'name,email\n"Lovelace, Ada",ada@example.com\n"Peep, Bo",bo@example.com\n',
        "\n\nada@example.com\n\n;;\nbo@example.com\n\n",
        "name\taddress\nAda\tada@example.com\nBo\tbo@example.com\n",
    ],
    ids=["plain", "header", "mark and CRLF", "semicolons", "second column", "quotes", "empty lines", "tabs"],
)
def test_a_file_is_read_as_people_write_them(three: list[int], text: str) -> None:
    preview = look(text)
    assert preview.found == tuple(three[:2])
    assert (preview.lines, preview.twice, preview.nobody, preview.wrong) == (2, 0, 0, 0)


def test_our_numbers_stand_in_a_column_called_customer(three: list[int]) -> None:
    preview = look(f"email;customer\nx;{three[2]}\ny;{three[0]}\nz;999999\nz;no\nz;{10**30}\n")
    assert preview.found == (three[0], three[2])
    assert notes(preview) == [
        (4, "nobody has this number"), (5, "this is no customer’s number"), (6, "this is no customer’s number"),
    ]  # fmt: skip
    assert (preview.lines, preview.nobody, preview.wrong) == (5, 1, 2)


def test_lines_that_are_nobody_or_twice_are_counted_and_named_by_number(three: list[int]) -> None:
    preview = look("email\nada@example.com\nzoe@example.com\nADA@example.com\nno address\na@b@c\nbo@example.com\n")
    assert preview.found == tuple(three[:2])
    assert (preview.lines, preview.twice, preview.nobody, preview.wrong) == (6, 1, 1, 2)
    assert notes(preview) == [
        (3, "nobody that the shop knows has this address"),
        (5, "this is no e-mail address"),
        (6, "this is no e-mail address"),
    ]


def test_a_preview_repeats_no_address(three: list[int]) -> None:
    assert "@" not in repr(look("ada@example.com\nzoe@example.com\nnot@an@address\n"))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("ada@example.com\nren\u00e9@example.com\n".encode("latin-1"), r"Line 2 is not in UTF-8\. Save the file as"),
        ("ada@example.com".encode("utf-16"), "not plain text in UTF-8"),
        (b"PK\x03\x04\0\0\0", "not plain text in UTF-8"),
        (b"", "The file is empty"),
        (b"\xef\xbb\xbf\n \n", "The file is empty"),
        (b"name;town\nAda;London\n", "Which column\\?"),
        (b'ada@example.com\n"' + b"x" * 200_000 + b"\n", "Line 2 cannot be read as CSV: field larger"),
    ],
    ids=["latin-1", "utf-16", "a spreadsheet", "nothing", "only a mark", "no address anywhere", "an endless quote"],
)
def test_a_file_that_cannot_be_read_is_refused_with_what_to_do(content: bytes, words: str) -> None:
    with pytest.raises(address_file.NotReadable, match=words):
        address_file.read(content)


def test_a_file_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(address_file, "MOST_LINES", 3)
    assert address_file.read(b"email\na@x.com\nb@x.com\nc@x.com\n").lines == 3
    with pytest.raises(address_file.NotReadable, match="more than 3 lines: split it"):
        address_file.read(b"a@x.com\nb@x.com\nc@x.com\nd@x.com\n")


def test_a_member_stands_for_the_address_and_an_absorbed_guest_for_the_member(fake_world: FakeWorld) -> None:
    ada, old = customers.for_user(fake_world.add_user("ada@example.com"), at=NOW), guest("ada@example.com")
    assert look("ada@example.com").found == (ada.pk,)
    customers.prove_address(ada, at=NOW)
    row = segment("numbers", kind="list")
    both = look(f"customer\n{old.pk}\n{ada.pk}\n", row)
    assert (both.found, both.twice) == ((ada.pk,), 1)
    persons.erase_person(ada, at=NOW)
    assert look(f"customer\n{ada.pk}\n", row).found == ()


def test_put_once_or_twice_they_are_on_it_once(three: list[int]) -> None:
    row = segment("vip", kind="list")
    segment_lists.put(row, three[:2], at=NOW)
    segment_lists.put(row, three, at=NOW + timedelta(days=1))
    assert who(row) == {"guest ada", "guest bo", "guest cy"}
    assert list(SegmentMember.objects.order_by("customer").values_list("added_at", flat=True)) == [
        NOW, NOW, NOW + timedelta(days=1),
    ]  # fmt: skip
    again = look("ada@example.com\ndi@example.com\n", row)
    assert (again.before, again.nobody, again.leaving) == (1, 1, 2)


def test_who_is_not_in_the_file_leaves_only_where_that_was_asked_for(three: list[int]) -> None:
    row = segment("vip", kind="list")
    segment_lists.put(row, three[:2], at=NOW)
    segment_lists.put(row, three[1:], at=NOW, only=True)
    assert who(row) == {"guest bo", "guest cy"}


def test_who_is_taken_off_is_off_whatever_row_put_them_on(fake_world: FakeWorld, three: list[int]) -> None:
    member = customers.for_user(fake_world.add_user("ada@example.com"), at=NOW)
    row = segment("vip", kind="list")
    segment_lists.put(row, [member.pk, three[1]], at=NOW)
    segment_lists.take_off(row, [three[0]])
    assert who(row) == {"guest bo"}


def test_a_hundred_thousand_lines_take_seconds_and_no_query_each() -> None:
    rows = [
        Customer(kind="guest", email=f"{n}@example.com", address=f"{n}@example.com", created_at=NOW)
        for n in range(20_000)
    ]
    Customer.objects.bulk_create(rows, batch_size=2_000)
    content = "".join(f"{n}@example.com\n" for n in range(100_000)).encode()
    row = segment("vip", kind="list")
    start = time.perf_counter()
    with CaptureQueriesContext(connection) as asked:
        preview = look(content, row)
    assert (len(preview.found), preview.nobody, preview.lines) == (20_000, 80_000, 100_000)
    most = connection.features.max_query_params
    assert len(asked) <= 1 + 100_000 / ((most - 10) if most else segment_lists.LOOKED_UP) + 1
    segment_lists.put(row, preview.found, at=NOW)
    assert time.perf_counter() - start < 60, "it took minutes"
    assert SegmentMember.objects.count() == 20_000
