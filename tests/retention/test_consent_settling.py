"""Marketing to people of before waits until it is known who had said no elsewhere; nothing is lost meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from retention.models import Consent, ConsentImport, ConsentImportPart, Customer, Installation, Job, Message
from retention.services import consent, consent_imports, delivery, installation, line, unsettled
from tests.retention.ground import LIVE, guest, promise, tell
from tests.retention.shop import NOON, LocalShop
from tests.retention.test_consent_import import HEAD, look, take_in

DAY, HOUR = timedelta(days=1), timedelta(hours=1)

pytestmark = pytest.mark.usefixtures("mails")


@pytest.fixture
def old(shop: LocalShop) -> Customer:
    """Somebody who ordered before the shop went live, and was given the choice at the checkout of today."""
    shop.place("A1", placed_at=LIVE - DAY)
    tell("A1")
    consent.grant(guest(), purpose="marketing", basis="soft_opt_in", source="checkout:A2", at=NOON)
    return guest()


def fate(row: Customer, mail: str = "test.news") -> tuple[str, str, str]:
    """Promise a mail, let what is due go out, and return its state, reason and what it waits for."""
    message = promise(row, mail)
    delivery.deliver(at=NOON)
    message.refresh_from_db()
    return message.state, message.reason, message.deferred


def test_news_to_who_ordered_before_waits_and_goes_once_it_is_settled(old: Customer, mailoutbox: list[Any]) -> None:
    assert fate(old) == ("due", "", "earlier unsubscribes")
    delivery.deliver(at=NOON + HOUR)
    assert mailoutbox == []
    installation.settle_consents(by="mia", at=NOON + HOUR)
    delivery.deliver(at=NOON + 2 * HOUR)
    assert [mail.to for mail in mailoutbox] == [["ada@example.com"]]
    assert Message.objects.get().state == "sent"


def test_a_receipt_and_a_question_do_not_wait(old: Customer) -> None:
    assert fate(old, "test.receipt")[0] == "sent"
    assert fate(old, "test.question")[0] == "sent"


def test_an_account_of_before_waits_too(shop: LocalShop, user: Callable[..., Any]) -> None:
    member = user(joined=True).retention_customer
    Customer.objects.filter(pk=member.pk).update(joined_at=LIVE - DAY)
    consent.grant(member, purpose="marketing", basis="soft_opt_in", source="checkout:A2", at=NOON)
    member.refresh_from_db()
    assert fate(member)[0] == "due"


def test_who_began_after_the_shop_went_live_does_not_wait(shop: LocalShop) -> None:
    shop.place("A1")
    tell("A1")
    consent.grant(guest(), purpose="marketing", basis="soft_opt_in", source="checkout:A1", at=NOON)
    assert fate(guest())[0] == "sent"


@pytest.mark.parametrize("basis", ["opt_in", "double_opt_in"])
def test_who_has_said_yes_to_us_in_so_many_words_does_not_wait(old: Customer, basis: str) -> None:
    consent.grant(old, purpose="marketing", basis=basis, source="sign-up", at=NOON)
    assert fate(old)[0] == "sent"


def test_before_going_live_everybody_with_an_order_is_of_before(bare_shop: LocalShop, db: None) -> None:
    bare_shop.place("A1")
    tell("A1")
    consent.grant(guest(), purpose="marketing", basis="soft_opt_in", source="checkout:A1", at=NOON)
    assert fate(guest())[0] == "due"


def test_a_file_of_consents_alone_settles_nothing_and_one_with_noes_does(
    shop: LocalShop, mailoutbox: list[Any]
) -> None:
    take_in("ada@example.com,consent,,2024-05-01,,,opt_in\n")
    assert installation.get().consents_settled_at is None
    assert fate(Customer.objects.get()) == ("due", "", "earlier unsubscribes")
    take_in("ben@example.com,unsubscribe,,2024-05-01,,,\n")
    settled = installation.get()
    assert (settled.consents_settled_at, settled.consents_settled_by) == (NOON, "mia")
    delivery.deliver(at=NOON + HOUR)
    assert [mail.to for mail in mailoutbox] == [["ada@example.com"]]


def waiting(text: str) -> ConsentImport:
    """Look at a file; nobody has said yes yet."""
    reading, found = look(HEAD + text)
    return consent_imports.keep(reading, found, by="ben", at=NOON)


def run(whole: ConsentImport) -> Job:
    """Say yes to a file and take it in."""
    job = consent_imports.start(whole, at=NOON)
    assert job
    consent_imports.carry_on(at=NOON)
    job.refresh_from_db()
    return job


def settled() -> bool:
    return installation.get().consents_settled_at is not None


NO, BOUNCE = "ben@example.com,unsubscribe,,,,,\n", "cat@example.com,bounce,,,,,\n"


@pytest.mark.parametrize(
    ("kind", "settles"),
    [("consent", False), ("bounce", False), ("complaint", False), ("unsubscribe", True), ("suppression", True)],
)
def test_only_a_file_that_says_who_wanted_no_mail_settles(db: None, kind: str, settles: bool) -> None:
    take_in(f"ada@example.com,{kind},,2024-05-01,,,\n")
    assert settled() is settles


def test_while_another_file_waits_nothing_is_settled(db: None) -> None:
    bounces = waiting(BOUNCE)
    take_in_beside(NO)
    assert not settled()
    assert run(bounces).state == "done"
    assert (settled(), installation.get().consents_settled_by) == (True, "mia"), "by whom the noes are"


def test_a_file_that_nobody_says_yes_to_keeps_the_others_for_an_hour_at_most(db: None) -> None:
    waiting(BOUNCE)
    take_in_beside(NO)
    consent_imports.carry_on(at=NOON + HOUR)
    assert not settled()
    consent_imports.carry_on(at=NOON + HOUR + timedelta(minutes=1))
    assert settled()


def test_a_file_that_waited_and_is_thrown_away_keeps_nothing_waiting(db: None) -> None:
    bounces = waiting(BOUNCE)
    take_in_beside(NO)
    assert consent_imports.throw_away(bounces, at=NOON)
    assert settled()


def test_a_file_that_stopped_half_way_keeps_the_others_until_it_goes_on_or_is_thrown_away(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped = stop_half_way(NO + BOUNCE, monkeypatch)
    take_in_beside("dee@example.com,unsubscribe,,,,,\n")
    assert not settled()
    assert consent_imports.throw_away(stopped, at=NOON)
    assert (settled(), installation.get().consents_settled_by) == (True, "mia"), "that file is whole"


def test_what_was_thrown_away_half_way_is_ended_and_settles_nothing(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    stopped = stop_half_way(NO + BOUNCE, monkeypatch)
    job = stopped.job
    assert job
    assert consent_imports.throw_away(stopped, at=NOON)
    job.refresh_from_db()
    assert (job.state, job.done, job.total) == ("done", 1, 2)
    assert not consent_imports.retry(job, at=NOON)
    consent_imports.carry_on(at=NOON)
    take_in(BOUNCE)
    assert not settled()
    assert not consent_imports.throw_away(stopped, at=NOON), "twice is once"


def test_a_job_without_a_line_left_settles_nothing(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    stopped = stop_half_way(NO + BOUNCE, monkeypatch)
    ConsentImportPart.objects.all().delete()
    job = stopped.job
    assert job
    assert not consent_imports.retry(job, at=NOON)
    Job.objects.update(state="running")  # as a worker of an earlier release left it
    consent_imports.carry_on(at=NOON)
    job.refresh_from_db()
    assert (job.state, settled()) == ("done", False)


def stop_half_way(lines: str, monkeypatch: pytest.MonkeyPatch) -> ConsentImport:
    """Let a file stop after its first line."""
    monkeypatch.setattr(consent_imports, "PIECE", 1)
    monkeypatch.setattr(consent_imports, "PIECE_ON_SQLITE", 1)
    whole = waiting(lines)
    job = consent_imports.start(whole, at=NOON)
    assert job
    consent_imports.carry_on(at=NOON, most=1)
    Job.objects.update(state="failed")
    return ConsentImport.objects.get(pk=whole.pk)


def take_in_beside(lines: str) -> None:
    """Take a file in to its end, whatever else waits."""
    reading, found = look(HEAD + lines)
    assert run(consent_imports.keep(reading, found, by="mia", at=NOON)).state == "done"


def test_who_becomes_somebody_of_before_in_mid_send_waits_and_is_not_skipped(
    shop: LocalShop, mailoutbox: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.place("A2")
    tell("A2")
    consent.grant(guest(), purpose="marketing", basis="soft_opt_in", source="checkout:A2", at=NOON)
    send_all = line.send_all

    def an_old_order_is_read_first(*args: Any, **given: Any) -> Any:
        Customer.objects.update(first_order_at=LIVE - DAY)
        return send_all(*args, **given)

    monkeypatch.setattr(line, "send_all", an_old_order_is_read_first)
    assert fate(guest())[:2] == ("due", "")
    assert mailoutbox == []


def test_settling_is_stamped_once(db: None) -> None:
    assert installation.settle_consents(by="mia", at=NOON)
    assert not installation.settle_consents(by="ben", at=NOON + DAY)
    assert list(Installation.objects.values_list("consents_settled_at", "consents_settled_by")) == [(NOON, "mia")]


def test_whom_it_is_about_is_asked_of_the_database_alone(old: Customer) -> None:
    assert list(unsettled.people()) == [old]
    Consent.objects.all().delete()
    assert list(unsettled.people()) == [old]
