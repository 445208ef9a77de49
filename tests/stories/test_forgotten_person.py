"""A person with everything there is asks for their data and then to be forgotten; the real shop keeps its own rows."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from django.core import mail
from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection
from django.utils import timezone
from oscar.core.loading import get_model

from campaigns.models import Answer, CaseNote, Coupon, Enrolment, Invitation, RecoveryCase, Segment
from campaigns.services import answers, cases, coupons, enrolments, invitations, offers, rejections, segment_lists
from campaigns.services.coupons import Wish
from campaigns.terms import Money, Terms
from example.demo.seed.history import merchant
from loyalty.models import Account, Entry
from loyalty.services import corrections
from retention import consent_file
from retention.models import (
    ConsentImportPart,
    Customer,
    Fact,
    Heartbeat,
    IdempotentRequest,
    Job,
    MailEvent,
    Message,
    Order,
    ParkedFact,
    Preference,
    Prompt,
    Signal,
    Spend,
    Suppression,
    Token,
    Topic,
    TopicChoice,
)
from retention.services import (
    consent,
    consent_imports,
    customers,
    delivery,
    imports,
    persons,
    profile,
    prompts,
    signup,
    sweep,
    tokens,
)
from retention.shop import CouponRejected
from retention.testing.settling import settle
from tests.oscar.world import PASSWORD, OscarWorld

EMAIL, FOLDED = "Quilla.Vantongeren+shop@example.org", "quilla.vantongeren@example.org"
ADDRESS = {
    "first_name": "Quilla", "last_name": "Vantongeren-Ødegård", "line1": "77 Marzipan Row", "postcode": "SW1Y 4QU",
    "phone_number": "+44 20 7946 0182",
    "country": "GB",
}  # fmt: skip
COMMENT, NOTE, REASON = "the blue teapot leaks on philippa", "phoned her at the bakery", "her cat broke the parcel"
PERSONAL = (
    EMAIL, FOLDED, "vantongeren", "quilla", "ødegård", "sw1y", "marzipan", "79460182", COMMENT, NOTE, REASON,
    "philippa", "bakery", "her cat",
)  # fmt: skip
DAY = timedelta(days=1)

pytestmark = pytest.mark.django_db


@pytest.fixture
def world() -> OscarWorld:
    get_model("address", "Country").objects.create(
        iso_3166_1_a2="GB", printable_name="United Kingdom", is_shipping_country=True
    )
    return OscarWorld()


# What our tables hold


def tables() -> list[str]:
    """Return every table of ours, by the models and by what the database has."""
    ours = {model._meta.db_table for model in models()}
    there = {name for name in connection.introspection.table_names() if name.startswith("retention")}
    assert ours <= there
    return sorted(there)


def models() -> Iterator[Any]:
    for model in apps.get_models(include_auto_created=True):
        if model.__module__.split(".")[0] in ("retention", "campaigns", "loyalty"):
            yield model


def dump() -> str:
    """Return every value of every table of ours as text, in lower case, once by the models and once by raw SQL."""
    said = [repr(list(model._base_manager.values_list())) for model in models()]
    with connection.cursor() as cursor:
        for table in tables():
            if connection.vendor == "postgresql":
                cursor.execute(f'SELECT t::text FROM "{table}" t')
            else:
                cursor.execute(f'SELECT * FROM "{table}"')
            said += [str(row) for row in cursor.fetchall()]
    text = "\n".join(said).lower()
    return re.sub(r"\\+u([0-9a-f]{4})", lambda found: chr(int(found[1], 16)), text)


def personal() -> list[str]:
    text = dump()
    return [word for word in PERSONAL if word.lower() in text]


def figures(row: Customer) -> list[Any]:
    """Return what must not change: balances, sums, counts, scores, the log."""
    row.refresh_from_db()
    return [
        row.orders_count, row.first_order_at, row.last_order_at,
        list(Spend.objects.order_by("pk").values_list("customer", "currency", "net_minor")),
        list(Order.objects.order_by("pk").values_list("customer", "reference", "total_minor", "placed_at")),
        list(Account.objects.order_by("pk").values_list("customer", "balance", "pending")),
        list(Entry.objects.order_by("pk").values_list("account", "points", "kind", "bucket")),
        list(Answer.objects.values_list("score", "answered_at")),
        list(RecoveryCase.objects.values_list("customer", "outcome")),
        list(Fact.objects.order_by("pk").values_list("kind", "customer")),
    ]  # fmt: skip


# A person with everything


def buy(world: OscarWorld, visitor: Any, product: str, email: str = "") -> str:
    world.put(visitor, product)
    world.to_preview(visitor, email, **ADDRESS)
    answer = world.place(visitor)
    assert answer.status_code == 302, re.findall(r"error[^<]*<[^<]*", answer.content.decode())
    return str(visitor.session["checkout_order_id"])


def work(at: datetime) -> None:
    """Do all that is due."""
    settle(at=at)
    enrolments.advance(at=at)
    invitations.send(at=at)
    delivery.deliver(at=at)
    settle(at=at)


def live(world: OscarWorld, at: datetime) -> Customer:
    """Let a person do everything there is to do, and things go wrong with them."""
    merchant.open_shop(at=at - DAY)
    cup = world.add_product("Cup", Decimal("40.00"))
    buy(world, world.visit(), cup, EMAIL)
    settle(at=at)
    user = world.shop.create_customer(
        None, email=EMAIL, password=PASSWORD, first_name="Quilla", last_name="Vantongeren-Ødegård"
    )
    row = customers.for_user(user, at=at)
    customers.prove_address(row, at=at)
    visitor = world.visit()
    world.sign_in(visitor, user)
    visitor.get("/checkout/thank-you/")
    world.fulfill(buy(world, visitor, cup))
    for days in (0, 1, 15, 30, 45):
        work(at + days * DAY)
    say(row, at)
    answer(row, at)
    go_wrong(row, at)
    row.refresh_from_db()
    assert row.orders_count == 2, "the guest's order and the member's"
    return row


def say(row: Customer, at: datetime) -> None:
    signup.ask(email=EMAIL, source="footer", language="en", origin="127.0.0.1", at=at)
    [secret] = tokens.mint(purpose="confirm", about=[(row.pk, "signup:footer")], lasts=DAY, at=at)
    signup.confirm(secret=secret, origin="hash", at=at)
    tokens.mint(purpose="claim", about=[(row.pk, "A1")], lasts=DAY, at=at)
    consent.grant(row, purpose="survey", basis="opt_in", source="page", text="Dear Quilla, may we ask?", at=at)
    TopicChoice.objects.create(customer=row, topic=Topic.objects.create(slug="cups"), wanted=False, changed_at=at)
    Preference.objects.create(customer=row, every_days=7, changed_at=at)
    profile.give_birthday(row, month=3, day=14, at=at)
    prompts.dismiss(name="account", order="A1", email=EMAIL, at=at)
    terms = Terms(kind="amount", valid_days=90, money=(Money(currency="EUR", amount=500),))
    thanks = offers.create(slug="thanks", name="Thanks", terms=terms, at=at)
    coupon = coupons.issue(Wish(key="q", customer=row.pk), offer=thanks, source="x", at=at)
    assert coupon
    refused = CouponRejected("broken", code=coupon.code, detail="Quilla Vantongeren-Ødegård has it")
    rejections.note(refused, "form", "7", at)
    vip = Segment.objects.create(slug="vip", name="VIP", kind="list", created_at=at)
    segment_lists.put(vip, [row.pk], at=at)
    head, line = "address,kind,at,source\n", f"{EMAIL},consent,2024-01-01,Quilla\nben@example.com,bounce,,\n"
    reading = consent_file.read((head + line).encode(), at=at)
    consent_imports.keep(reading, {}, by="mia", at=at)


def answer(row: Customer, at: datetime) -> None:
    invitation = Invitation.objects.get(customer=row, state="sent")
    [secret] = tokens.mint(purpose="answer", about=[(row.pk, answers.subject_of(invitation.pk))], lasts=DAY, at=at)
    answers.give(secret, score=2, comment=COMMENT, at=at)
    settle(at=at)
    boss = get_user_model().objects.create_superuser("boss", "boss@example.com", PASSWORD)
    case = RecoveryCase.objects.filter(customer=row).first() or cases.open_by_staff(row, by=boss, note=NOTE, at=at)
    cases.add_note(case, by=boss, text=NOTE, at=at)
    corrections.correct(row, amount=50, reason=REASON, author="boss", key="c1", at=at)
    IdempotentRequest.objects.create(
        user=boss, key="k", fingerprint="f", status=200, created_at=at,
        body={"id": row.pk, "email": EMAIL, "name": "Quilla Vantongeren-Ødegård"},
    )  # fmt: skip


def go_wrong(row: Customer, at: datetime) -> None:
    words = f"Error: Quilla Vantongeren-Ødegård, {EMAIL.lower()}, SW1Y 4QU ({FOLDED})"
    message = Message.objects.filter(customer=row).earliest("pk")
    Message.objects.filter(pk=message.pk).update(state="failed", error=f"550 {words}")
    for number, whose in enumerate((message, None)):
        MailEvent.objects.create(
            key=str(number), kind="bounced", message=whose, detail=f"no mailbox {words}", at=at, received_at=at
        )
    Enrolment.objects.update(error=words)
    Heartbeat.objects.create(name="retention.drain", at=at, error=words)
    Job.objects.create(key="j", kind="import", log=words, started_at=at, moved_at=at)
    for fact in (Fact.objects.filter(customer=row.pk).latest("pk"), Fact.objects.filter(customer=None).first()):
        if fact:
            ParkedFact.objects.create(subscriber="points", fact=fact, traceback=words, parked_at=at)
    Signal.objects.create(
        kind="order", reference=Order.objects.filter(customer=row).latest("pk").reference, error=words
    )
    Signal.objects.create(kind="order", reference="elsewhere", error=words)


def test_after_export_and_erasure_nothing_of_the_person_is_left_and_no_figure_has_moved(world: OscarWorld) -> None:
    at = timezone.now()
    row = live(world, at)
    before, there = figures(row), personal()
    hosts_own = {"marzipan", "79460182"}
    assert set(PERSONAL) - set(there) == hosts_own, "or the test proves nothing"

    told = json.dumps(persons.export_person(row), cls=DjangoJSONEncoder, ensure_ascii=False)
    for word in (
        EMAIL,
        "Vantongeren-Ødegård",
        "SW1Y 4QU",
        COMMENT,
        NOTE,
        REASON,
        "03-14",
        "Dear Quilla",
        "cups",
        "VIP",
    ):
        assert word in told
    assert len(persons.export_person(row)["retention"]["orders"]) == 2
    assert [said["order"] for said in persons.export_person(row)["retention"]["prompts"]] == ["A1"]

    kept = persons.forget(row, at=at)
    assert kept == [
        f"the account, number {row.user_id}",
        "2 orders with their addresses and notes",
        "1 address in the address book",
        "1 kept copy of a mail",
        "1 basket",
        "sessions in the browser, until they end",
    ]
    assert personal() == []
    assert figures(row) == before
    assert CaseNote.objects.exclude(text="").count() == 0
    assert (Token.objects.count(), TopicChoice.objects.count(), Preference.objects.count()) == (0, 0, 0)
    assert [packed[0] for packed in ConsentImportPart.objects.get().lines] == ["ben@example.com"]
    assert Coupon.objects.filter(customer=row, state="issued").count() == 0
    assert Message.objects.waiting().filter(customer=row).count() == 0
    assert Suppression.objects.filter(reason="erased", scope="all").count() == 1
    assert list(Prompt.objects.values_list("order", "address_hash")) == [("A1", "")]

    mail.outbox.clear()
    assert get_model("order", "Order").objects.count() == 2, "Oscar has its own still"
    for order in get_model("order", "Order").objects.all():  # the shop goes on, and tells us
        order.set_status("Complete" if order.status == "Shipped" else "Being processed")
    later = at + 30 * DAY
    sweep.sweep_new(at=later)
    sweep.sweep_open(at=later, younger=60 * DAY)
    imports.take_in_shop(at=later)
    work(later)
    assert personal() == []
    assert mail.outbox == []
    counted = figures(row)
    assert counted[:5] == before[:5]
    assert sum(balance + pending for _, balance, pending in counted[5]) == sum(b + p for _, b, p in before[5])


def test_an_order_of_theirs_after_that_is_a_new_beginning(world: OscarWorld) -> None:
    row = live(world, timezone.now())
    persons.forget(row, at=timezone.now())
    get_user_model().objects.get(pk=row.user_id).delete()  # as the merchant was told
    buy(world, world.visit(), world.add_product("Bowl", Decimal("10.00")), EMAIL)
    settle(at=timezone.now())
    fresh = Customer.objects.get(address=EMAIL.lower())
    assert fresh.pk != row.pk
    assert (fresh.orders_count, fresh.first_name, fresh.kind) == (1, "Quilla", "guest")
    row.refresh_from_db()
    assert (row.email, row.orders_count) == ("", 2)
