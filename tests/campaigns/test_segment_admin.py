"""Staff read whom a segment means before it is saved, see who that is, and fill lists from files."""

from __future__ import annotations

import csv
import io
from html import unescape
from typing import Any

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.core import signing
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from campaigns.models import Segment, SegmentMember, SegmentRule
from campaigns.services import segment_lists
from retention.models import Customer
from retention.services import customers
from retention.testing.shop import FakeShop
from retention.testing.world import FakeWorld
from tests.campaigns.counter import cost
from tests.campaigns.crowd import segment, who, within
from tests.campaigns.shelf import NOW, guest, make_offer

pytestmark = pytest.mark.django_db

ADD = "/admin/retention_campaigns/segment/add/"
LIST = "/admin/retention_campaigns/segment/"
MEMBER = ("retention.member", {})


@pytest.fixture(autouse=True)
def at_nine() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def staff(client: Client, fake_shop: FakeShop) -> Client:
    client.force_login(get_user_model().objects.create_superuser("staff", "", "a long password"))
    return client


def colleague(client: Client, *permissions: str) -> Client:
    """Sign somebody in who may do just this."""
    user = get_user_model().objects.create_user("colleague", password="a long password", is_staff=True)
    for permission in permissions:
        app, codename = permission.split(".")
        user.user_permissions.add(Permission.objects.get(content_type__app_label=app, codename=codename))
    client.force_login(user)
    return client


def page(name: str, row: Segment) -> str:
    return reverse(f"admin:retention_campaigns_segment_{name}", args=[row.pk])


def said(response: Any) -> str:
    return unescape(response.content.decode())


def form(*rules: dict[str, Any], **given: Any) -> dict[str, Any]:
    data = {
        "name": "Dormant", "slug": "dormant", "kind": "rules", "match": "all",
        "rules-TOTAL_FORMS": str(len(rules)), "rules-INITIAL_FORMS": "0", **given,
    }  # fmt: skip
    for n, rule in enumerate(rules):
        data |= {f"rules-{n}-{name}" if name else f"rules-{n}": value for name, value in rule.items()}
    return data


MEMBERS = {"condition": "retention.member"}
AWAY = {
    "condition": "retention.ordered_since", "condition-retention.ordered_since-days": "90", "negated": "on",
}  # fmt: skip


def test_whom_it_means_is_read_before_it_is_saved(staff: Client, fake_world: FakeWorld) -> None:
    customers.for_user(fake_world.add_user("ada@example.com"), at=NOW)
    guest("bo@example.com")
    answer = staff.post(ADD, form(MEMBERS, AWAY))
    assert answer.status_code == 200
    for sentence in (
        "Who has an account and has not ordered in the last 90 days.",
        "Today that is 1 of 2 customers.",
        "It is a new segment. Nothing asks for it yet.",
        "Nothing has been saved yet.",
    ):
        assert sentence in said(answer)
    assert Segment.objects.count() == SegmentRule.objects.count() == 0
    posted = dict(answer.context["posted"])
    assert staff.post(ADD, {**posted, "_confirmed": "1"}).status_code == 302
    row = Segment.objects.get()
    assert (row.slug, row.kind, row.match, row.created_at) == ("dormant", "rules", "all", NOW)
    assert list(row.rules.order_by("pk").values_list("name", "parameters", "negated")) == [
        ("retention.member", {}, False), ("retention.ordered_since", {"days": 90}, True),
    ]  # fmt: skip
    assert who(row) == {"member ada"}


def changed(row: Segment, *rules: dict[str, Any], **given: Any) -> dict[str, Any]:
    data = form(*rules, **{"name": row.name, "match": row.match, **given})
    before = list(row.rules.order_by("pk"))
    for n, rule in enumerate(before):
        data |= {f"rules-{n}-id": rule.pk, f"rules-{n}-segment": row.pk}
    return {**data, "rules-INITIAL_FORMS": str(len(before))}


def test_a_change_says_for_what_it_decides(staff: Client) -> None:
    row = segment("members", MEMBER)
    make_offer().conditions.create(name="campaigns.in_segment", parameters={"segment": "members"})
    segment("others", within("members"))
    answer = staff.post(page("change", row), changed(row, {**MEMBERS, "negated": "on"}))
    assert "Who has no account." in said(answer)
    assert "From now on this decides for the offer “Thanks”." in said(answer)
    assert "From now on this decides for the segment “Others”." in said(answer)
    assert SegmentRule.objects.filter(negated=True).count() == 0


@pytest.mark.parametrize(
    ("rules", "given", "words"),
    [
        ([], {}, "Add a rule: without one it means nobody."),
        ([{"condition": ""}], {}, "Add a rule: without one it means nobody."),
        ([MEMBERS], {"kind": "list"}, "A list has no rules"),
        ([{"condition": "retention.ordered_since"}], {}, "This field is required."),
        ([{"condition": "shop.starsign"}], {}, "There is no such condition."),
        ([{"condition": "campaigns.in_segment"}], {}, "This field is required."),
        ([{"condition": "campaigns.in_segment", "condition-campaigns.in_segment-segment": "gone"}], {},
         "gone is not one of the available choices"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_said_and_nothing_saved(
    staff: Client, rules: list[Any], given: dict[str, Any], words: str
) -> None:
    answer = staff.post(ADD, form(*rules, **given, _confirmed="1"))
    assert answer.status_code == 200
    assert words in said(answer)
    assert Segment.objects.count() == 0


def in_segment(slug: str) -> dict[str, str]:
    return {"condition": "campaigns.in_segment", "condition-campaigns.in_segment-segment": slug}


def test_a_circle_is_refused_with_its_names(staff: Client) -> None:
    first = segment("first", MEMBER)
    segment("second", within("first"))
    answer = staff.post(page("change", first), changed(first, in_segment("second"), _confirmed="1"))
    assert "This would go round in a circle: First → Second → First." in said(answer)
    answer = staff.post(page("change", first), changed(first, in_segment("first"), _confirmed="1"))
    assert "This would go round in a circle: First → First." in said(answer)
    assert first.rules.get().name == "retention.member"


def test_the_page_says_what_cannot_be_asked(staff: Client) -> None:
    row = segment("odd", MEMBER, within("gone"))
    text = said(staff.get(page("change", row)))
    assert "It refers to the segment “gone”, which is not there any more." in text
    assert "0 customers" in text
    assert "It refers to the segment “gone”" in said(staff.get(page("people", row)))
    whole = said(staff.get(page("change", segment("whole", MEMBER))))
    assert "what is wrong" not in whole.lower()


def test_what_is_asked_for_is_not_deleted_and_says_by_whom(staff: Client) -> None:
    row, free = segment("members", MEMBER), segment("free", MEMBER)
    offer = make_offer()
    offer.conditions.create(name="campaigns.in_segment", parameters={"segment": "members"})
    text = said(staff.post(page("delete", row), {"post": "yes"}))
    assert f'<a href="/admin/retention_campaigns/offer/{offer.pk}/change/">the offer “Thanks”</a>' in text
    both = {"action": "delete_selected", "_selected_action": [row.pk, free.pk], "post": "yes"}
    assert "the offer “Thanks”" in said(staff.post(LIST, both))
    assert Segment.objects.count() == 2
    assert staff.post(page("delete", free), {"post": "yes"}).status_code == 302
    assert list(Segment.objects.all()) == [row]


def test_the_list_says_whom_each_means_and_counts_when_asked(staff: Client) -> None:
    guest("bo@example.com")
    rows = [segment("guests", ("retention.guest", {})), segment("vip", kind="list")]
    text = said(staff.get(LIST))
    assert "Who has no account." in text
    assert "Who is on the list." in text
    counted = said(staff.post(LIST, {"action": "count_people", "_selected_action": [r.pk for r in rows]}, follow=True))
    assert "Guests: 1 customer" in counted
    assert "Vip: 0 customers" in counted


def test_many_segments_cost_the_list_no_more_queries(staff: Client) -> None:
    segment("one", MEMBER)
    one = cost(staff, LIST)
    for n in range(5):
        segment(f"more-{n}", MEMBER, within("one"))
    assert cost(staff, LIST) == one


def test_many_rules_and_choices_cost_the_page_no_more_queries(staff: Client) -> None:
    row = segment("one", MEMBER, within("other"))
    segment("other", MEMBER)
    make_offer()

    one = cost(staff, page("change", row))
    for n in range(6):
        segment(f"more-{n}", MEMBER)
        SegmentRule.objects.create(segment=row, name="campaigns.in_segment", parameters={"segment": f"more-{n}"})
    assert cost(staff, page("change", row)) == one


# Who is in it


def test_who_is_in_it_is_paged_and_leads_to_each_customer(staff: Client) -> None:
    people = [guest(f"{n:03}@example.com") for n in range(120)]
    row = segment("guests", ("retention.guest", {}))
    first = said(staff.get(page("people", row)))
    assert "120 customers" in first
    assert "Page 1 of 3" in first
    assert f'<a href="/admin/retention/customer/{people[0].pk}/change/">' in first
    assert "049@example.com" in first
    assert "050@example.com" not in first
    assert "119@example.com" in said(staff.get(page("people", row), {"page": 3}))
    with CaptureQueriesContext(connection) as asked:
        staff.get(page("people", row), {"page": 2})
    assert len([one for one in asked if "retention_customer" in one["sql"]]) == 2


def test_addresses_are_for_those_who_may_see_them(client: Client, fake_shop: FakeShop) -> None:
    ada = guest("ada@example.com")
    row = segment("guests", ("retention.guest", {}))
    colleague(client, "retention_campaigns.view_segment", "retention.view_customer")
    text = said(client.get(page("people", row)))
    assert f"customer {ada.pk}" in text
    assert "ada@example.com" not in text
    assert "Export as CSV" not in text
    assert client.post(page("export", row)).status_code == 403
    assert client.get(page("change", row)).status_code == 200


@pytest.mark.parametrize("name", ["people", "export", "upload"])
def test_who_may_not_see_segments_sees_none_of_their_pages(client: Client, fake_shop: FakeShop, name: str) -> None:
    row = segment("vip", kind="list")
    colleague(client, "retention.view_customer", "retention.export_personal_data")
    assert client.get(page(name, row)).status_code == 403
    assert client.post(page(name, row)).status_code == 403


def test_an_export_holds_who_is_in_it_and_no_formula(staff: Client) -> None:
    ada = guest("ada@example.com", first_name="=HYPERLINK(1)", last_name="O'Hara")
    bo = guest("+bo@example.com", first_name="@SUM", last_name="-1")
    Customer.objects.filter(pk=ada.pk).update(last_order_at=NOW, orders_count=3, country="DE", language="de")
    row = segment("guests", ("retention.guest", {}))
    assert staff.get(page("export", row)).status_code == 403, "a GET takes nothing out"
    answer = staff.post(page("export", row))
    assert answer["Content-Disposition"] == 'attachment; filename="guests-2026-03-02.csv"'
    body = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]
    assert body.startswith("\ufeffcustomer,email,")
    assert list(csv.reader(io.StringIO(body.removeprefix("\ufeff"))))[1:] == [
        [str(ada.pk), "ada@example.com", "'=HYPERLINK(1)", "O'Hara", "de", "DE", "3", "2026-03-02"],
        [str(bo.pk), "'+bo@example.com", "'@SUM", "'-1", "", "", "0", ""],
    ]


def test_an_export_can_fill_a_list(staff: Client) -> None:
    people = [guest(f"{n}@example.com") for n in range(3)]
    answer = staff.post(page("export", segment("guests", ("retention.guest", {}))))
    body = b"".join(answer.streaming_content)  # type: ignore[attr-defined]
    row = segment("vip", kind="list")
    preview = staff.post(page("upload", row), {"file": SimpleUploadedFile("a.csv", body)}).context["preview"]
    assert preview.found == tuple(one.pk for one in people)


# Lists


def upload(client: Client, row: Segment, content: bytes | str, **given: Any) -> Any:
    content = content.encode() if isinstance(content, str) else content
    return client.post(page("upload", row), {"file": SimpleUploadedFile("people.csv", content), **given})


def test_a_new_list_leads_to_its_file(staff: Client) -> None:
    answer = staff.post(ADD, form(name="VIP", slug="vip", kind="list"))
    assert "Who is on the list." in said(answer)
    assert "Put people on it by a file, once it is saved." in said(answer)
    answer = staff.post(ADD, {**dict(answer.context["posted"]), "_confirmed": "1"})
    assert answer["Location"] == page("upload", Segment.objects.get())
    assert staff.get(answer["Location"]).status_code == 200


def test_a_file_is_looked_at_then_saved(staff: Client) -> None:
    people = [guest(f"{name}@example.com") for name in ("ada", "bo", "cy")]
    row = segment("vip", kind="list")
    segment_lists.put(row, [people[2].pk], at=NOW)
    answer = upload(
        staff, row, "email;name\nada@example.com;A\nBO@example.com;B\nada@example.com;A\nzoe@example.com;Z\n"
    )
    text = said(answer)
    for sentence in (
        "The file has 4 lines.",
        "2 people come onto the list.",
        "1 line names somebody once more.",
        "1 line is nobody that the shop knows; it is left out.",
        "Line 5: nobody that the shop knows has this address.",
        "Nothing has been saved yet.",
    ):
        assert sentence in text
    assert "@example.com" not in text, "the page repeats no address"
    assert SegmentMember.objects.count() == 1
    answer = staff.post(page("upload", row), {"found": answer.context["found"]}, follow=True)
    assert "2 people of the file are on the list." in said(answer)
    assert who(row) == {"guest ada", "guest bo", "guest cy"}


def test_a_list_can_become_just_the_file(staff: Client) -> None:
    people = [guest(f"{name}@example.com") for name in ("ada", "bo")]
    row = segment("vip", kind="list")
    segment_lists.put(row, [people[0].pk], at=NOW)
    answer = upload(staff, row, "bo@example.com", only="on")
    assert "1 person who is not in the file leaves the list." in said(answer)
    staff.post(page("upload", row), {"found": answer.context["found"], "only": "1"})
    assert who(row) == {"guest bo"}


def test_addresses_can_be_pasted(staff: Client) -> None:
    ada, row = guest("ada@example.com"), segment("vip", kind="list")
    answer = staff.post(page("upload", row), {"pasted": " ada@example.com \nno address"})
    assert answer.context["preview"].found == (ada.pk,)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("ren\u00e9@example.com".encode("latin-1"), "Line 1 is not in UTF-8. Save the file as “CSV UTF-8”"),
        (b"", "The submitted file is empty."),
        (b"name,town\nAda,London", "Which column?"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_at_its_field(staff: Client, content: bytes, words: str) -> None:
    answer = upload(staff, segment("vip", kind="list"), content)
    assert words in said(answer)
    assert "preview" not in answer.context


def test_neither_file_nor_addresses_is_asked_for(staff: Client) -> None:
    answer = staff.post(page("upload", segment("vip", kind="list")), {"pasted": "  "})
    assert "Choose a file, or paste addresses." in said(answer)


def test_what_was_confirmed_is_what_was_looked_at(staff: Client) -> None:
    ada, bo = guest("ada@example.com"), guest("bo@example.com")
    row, other = segment("vip", kind="list"), segment("other", kind="list")
    found = upload(staff, other, "ada@example.com").context["found"]
    mine = upload(staff, row, "ada@example.com").context["found"]
    for forged in (found, mine[:-2], signing.dumps([bo.pk], salt="guess"), "", str(bo.pk)):
        answer = staff.post(page("upload", row), {"found": forged}, follow=True)
        assert "please choose the file again" in said(answer)
    with time_machine.travel(NOW.replace(hour=11), tick=False):
        assert "please choose the file again" in said(staff.post(page("upload", row), {"found": mine}, follow=True))
    assert SegmentMember.objects.count() == 0
    staff.post(page("upload", row), {"found": mine})
    assert SegmentMember.objects.get().customer_id == ada.pk


def test_people_are_taken_off_a_list_and_only_by_who_may(staff: Client, fake_world: FakeWorld) -> None:
    people = [guest(f"{name}@example.com") for name in ("ada", "bo")]
    row = segment("vip", kind="list")
    segment_lists.put(row, [one.pk for one in people], at=NOW)
    answer = staff.post(page("people", row), {"customer": [people[0].pk, "x"]}, follow=True)
    assert "1 person is off the list." in said(answer)
    assert who(row) == {"guest bo"}
    colleague(staff, "retention_campaigns.view_segment", "retention.view_customer")
    assert staff.post(page("people", row), {"customer": [people[1].pk]}).status_code == 403
    assert upload(staff, row, "ada@example.com").status_code == 403
    assert who(row) == {"guest bo"}


def test_a_segment_of_rules_takes_no_file_and_loses_nobody(staff: Client) -> None:
    row = segment("members", MEMBER)
    assert upload(staff, row, "ada@example.com").status_code == 404
    assert staff.post(page("people", row), {"customer": ["1"]}).status_code == 403


def test_a_hundred_thousand_numbers_travel_in_a_form(staff: Client) -> None:
    """Django refuses a form of more than 2.5 MB."""
    row = segment("vip", kind="list")
    Customer.objects.bulk_create(
        [Customer(kind="guest", address=f"{n}@x.com", created_at=NOW) for n in range(20_000)], batch_size=2_000
    )
    found = upload(staff, row, "".join(f"{n * 5}@x.com\n" for n in range(4_000))).context["found"]
    assert len(found) * 25 < 1_000_000
