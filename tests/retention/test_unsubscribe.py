"""Leaving by one click: no cookie, no token, no log-in, for ever."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core.mail import EmailMessage
from django.test import Client

from retention import links
from retention.models import Consent, ConsentEvidence, Customer, Suppression
from retention.services import consent, customers, delivery, persons
from tests.retention.choosing import strict, undo_of
from tests.retention.ground import happened, promise
from tests.retention.mails import NEWS, QUESTION
from tests.retention.post import rows
from tests.retention.shop import NOON, LocalShop

DAY = timedelta(days=1)
ONE_CLICK = {"List-Unsubscribe": "One-Click"}
Make = Callable[..., Customer]


@pytest.fixture(autouse=True)
def clock(shop: LocalShop, mails: None) -> Iterator[Any]:
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture
def ada(customer: Make) -> Customer:
    """Wants the shop's mail, and surveys."""
    return customer(wants=("marketing", "survey"))


def path(customer: Customer, purpose: str = "marketing") -> str:
    return links.unsubscribe_url(customer=customer.pk, purpose=purpose).removeprefix("https://shop.example.com")


def granted() -> set[str]:
    return set(Consent.objects.filter(granted=True).values_list("purpose", flat=True))


def urlencoded(client: Client, where: str) -> Any:
    return client.post(where, "List-Unsubscribe=One-Click", content_type="application/x-www-form-urlencoded")


def multipart(client: Client, where: str) -> Any:
    return client.post(where, ONE_CLICK)


def nothing(client: Client, where: str) -> Any:
    return client.post(where)


@pytest.mark.parametrize("post", [urlencoded, multipart, nothing])
def test_one_post_is_enough(ada: Customer, mailoutbox: list[EmailMessage], post: Callable[..., Any]) -> None:
    news, question = promise(ada, NEWS), promise(ada, QUESTION)
    response = post(strict(), path(ada))
    assert response.status_code == 200
    assert "Location" not in response
    assert not response.cookies
    assert granted() == {"survey"}, "it is by purpose"
    delivery.deliver(at=NOON)
    news.refresh_from_db()
    question.refresh_from_db()
    assert (news.state, news.reason, question.state) == ("skipped", "unsubscribed", "sent")
    assert len(mailoutbox) == 1


def test_the_header_of_the_mail_is_that_link(ada: Customer, mailoutbox: list[EmailMessage]) -> None:
    promise(ada, NEWS)
    delivery.deliver(at=NOON)
    assert mailoutbox[0].extra_headers["List-Unsubscribe"] == f"<https://shop.example.com{path(ada)}>"


def test_what_was_chosen_is_kept_as_evidence(ada: Customer) -> None:
    strict().post(path(ada), ONE_CLICK)
    evidence = ConsentEvidence.objects.filter(granted=False).get()
    assert (evidence.purpose, evidence.source, evidence.at) == ("marketing", "unsubscribe link", NOON)
    assert happened()[-1] == "ConsentWithdrawn"


def test_twenty_posts_are_one(ada: Customer) -> None:
    strict().post(path(ada), ONE_CLICK)
    before = rows()
    for _ in range(19):
        assert strict().post(path(ada), ONE_CLICK).status_code == 200
    assert rows() == before
    assert Suppression.objects.count() == 1


def test_get_and_head_twenty_times_change_nothing(ada: Customer) -> None:
    before = rows()
    for _ in range(20):
        for purpose in ("marketing", "survey"):
            assert strict().get(path(ada, purpose)).status_code == 200
            assert strict().head(path(ada, purpose)).status_code == 200
    assert rows() == before


def test_it_works_for_who_never_said_yes(customer: Make) -> None:
    ada = customer()
    assert strict().post(path(ada), ONE_CLICK).status_code == 200
    assert Suppression.objects.get().scope == "marketing"


def test_it_works_years_later_and_after_the_keys_have_changed(
    ada: Customer, clock: Any, wiring: Callable[..., None], settings: Any
) -> None:
    where = path(ada)
    wiring(LINK_KEYS=["a new key", "a-key-for-links-in-tests"])
    settings.SECRET_KEY = "another one"
    clock.move_to(NOON + 3650 * DAY)
    assert path(ada) != where
    assert strict().post(where, ONE_CLICK).status_code == 200
    assert granted() == {"survey"}


def test_a_key_that_is_gone_signs_nothing_any_more(ada: Customer, wiring: Callable[..., None]) -> None:
    where = path(ada)
    wiring(LINK_KEYS=["a new key"])
    assert strict().post(where, ONE_CLICK).status_code == 404
    assert granted() == {"marketing", "survey"}


def test_it_works_after_the_guest_became_a_member(ada: Customer, user: Callable[..., Any]) -> None:
    where = path(ada)
    member = customers.for_user(user("ada@example.com"), at=NOON)
    customers.prove_address(member, at=NOON)
    assert Consent.objects.get(purpose="marketing").customer_id == member.pk
    assert strict().post(where, ONE_CLICK).status_code == 200
    assert granted() == {"survey"}


@pytest.mark.parametrize("purpose", ["marketing", "survey"])
def test_an_account_whose_address_nobody_has_proven_stops_its_own_mail_and_nobody_elses(
    ada: Customer, user: Callable[..., Any], mailoutbox: list[EmailMessage], purpose: str
) -> None:
    member = customers.for_user(user("ada@example.com"), at=NOON)
    consent.grant(member, purpose="marketing", basis="opt_in", source="test", at=NOON)
    where = path(member, purpose)
    page = strict().post(where, ONE_CLICK)
    assert page.status_code == 200
    assert Suppression.objects.count() == 0
    said = Consent.objects.get(customer=member, purpose=purpose)
    assert (said.granted, Consent.objects.filter(customer=ada, granted=True).count()) == (False, 2)
    mail = NEWS if purpose == "marketing" else QUESTION
    own, hers = promise(member, mail), promise(ada, mail)
    delivery.deliver(at=NOON)
    own.refresh_from_db()
    hers.refresh_from_db()
    assert (own.state, hers.state, len(mailoutbox)) == ("skipped", "sent", 1)
    assert undo_of(strict().post(where, ONE_CLICK)) == "", "stopped already"
    assert ConsentEvidence.objects.filter(customer=member, granted=False).count() == 1
    undo(where, page)
    own = promise(member, mail, key="again")
    delivery.deliver(at=NOON)
    own.refresh_from_db()
    assert own.state == "sent"


def test_it_answers_well_after_the_person_was_erased(ada: Customer) -> None:
    where = path(ada)
    persons.erase_person(ada, at=NOON)
    assert strict().post(where, ONE_CLICK).status_code == 200
    assert "marketing" not in granted()


def undo(where: str, page: Any) -> Any:
    return strict().post(where, {"undo": undo_of(page)})


def test_it_can_be_undone_on_the_same_page(customer: Make, mailoutbox: list[EmailMessage]) -> None:
    ada = customer()
    consent.grant(ada, purpose="marketing", basis="soft_opt_in", source="checkout:A1", at=NOON - DAY)
    page = strict().post(path(ada), ONE_CLICK)
    assert undo(path(ada), page).status_code == 200
    row = Consent.objects.get()
    assert (row.granted, row.basis, row.changed_at) == (True, "soft_opt_in", NOON - DAY), "exactly as before"
    assert Suppression.objects.count() == 0
    assert list(ConsentEvidence.objects.order_by("pk").values_list("granted", "source")) == [
        (True, "checkout:A1"),
        (False, "unsubscribe link"),
        (True, "undo of a choice"),
    ]
    promise(ada, NEWS)
    delivery.deliver(at=NOON)
    assert len(mailoutbox) == 1


@pytest.mark.parametrize("forged", ["1", "", "x" * 4000])
def test_an_undo_that_nobody_was_given_grants_nothing(ada: Customer, forged: str) -> None:
    strict().post(path(ada), ONE_CLICK)
    strict().post(path(ada), {"undo": forged})
    assert granted() == {"survey"}


def test_who_had_left_before_is_offered_to_choose_and_no_undo(ada: Customer) -> None:
    strict().post(path(ada), ONE_CLICK)
    page = strict().post(path(ada), ONE_CLICK)
    assert undo_of(page) == ""
    assert b"Choose what you get" in page.content


def test_an_undo_does_not_lift_a_complaint(ada: Customer) -> None:
    page = strict().post(path(ada), ONE_CLICK)
    Suppression.objects.update(reason="complained")
    undo(path(ada), page)
    assert granted() == {"survey"}
    assert Suppression.objects.get().reason == "complained"


def test_an_undo_twenty_times_is_one(ada: Customer) -> None:
    page = strict().post(path(ada), ONE_CLICK)
    undo(path(ada), page)
    before = rows()
    for _ in range(20):
        assert b"Undone" in undo(path(ada), page).content
    assert rows() == before


def test_an_undo_of_one_kind_leaves_the_other_alone(ada: Customer) -> None:
    strict().post(path(ada, "survey"), ONE_CLICK)
    undo(path(ada), strict().post(path(ada), ONE_CLICK))
    assert granted() == {"marketing"}


@pytest.mark.parametrize(
    "change",
    [
        lambda token: "A" + token[1:] if token[0] != "A" else "B" + token[1:],
        lambda token: token[:4] + ("A" if token[4] != "A" else "B") + token[5:],
        lambda token: token[:-3],
        lambda token: token + "AAAA",
        lambda token: "é",
        lambda token: "x" * 5000,
        lambda token: "=",
    ],
    ids=["first", "middle", "shorter", "longer", "foreign", "long", "padding"],
)
def test_a_tampered_link_is_no_link(ada: Customer, change: Callable[[str], str]) -> None:
    token = change(path(ada).rpartition("/")[2])
    before = rows()
    for client, method in ((strict(), "get"), (strict(), "post")):
        response = getattr(client, method)(f"/retention/u/{token}")
        assert response.status_code == 404
        assert "does not lead anywhere" in response.content.decode()
    assert rows() == before


def test_nobody_can_be_named_without_the_key(ada: Customer, customer: Make) -> None:
    """A link signs whom it names: another customer's number in it is no link."""
    ben = customer("ben@example.com", wants=("marketing",))
    assert links.read_unsubscribe_token(path(ada).rpartition("/")[2]) == (ada.pk, "marketing")
    assert links.read_unsubscribe_token(path(ben, "survey").rpartition("/")[2]) == (ben.pk, "survey")
    assert path(ada) != path(ben)


def test_a_customer_who_is_gone_has_no_link(ada: Customer) -> None:
    where = links.unsubscribe_url(customer=ada.pk + 1000, purpose="marketing").removeprefix("https://shop.example.com")
    assert strict().post(where, ONE_CLICK).status_code == 404


@pytest.mark.parametrize("customer_id", [1, 255, 256, 2**31, 2**63 - 1])
def test_a_token_reads_back_what_it_names(customer_id: int, wiring: Callable[..., None]) -> None:
    for purpose in links.PURPOSES:
        token = links.unsubscribe_token(customer=customer_id, purpose=purpose)
        assert links.read_unsubscribe_token(token) == (customer_id, purpose)


def test_the_page_needs_no_token_of_a_session(ada: Customer) -> None:
    """Its own form works for who has cookies switched off."""
    page = strict().get(path(ada)).content.decode()
    assert "csrfmiddlewaretoken" not in page
    assert "ada@example.com" not in page
    assert strict().post(path(ada)).status_code == 200
