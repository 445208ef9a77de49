"""What a shopper says of themselves: profile, consent with its evidence, prompts, proof of the address."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine

from retention.conf import conf
from retention.hashing import origin_hash
from retention.models import Consent, ConsentEvidence, Customer, Fact, Message, Prompt, Suppression
from retention.services import customers, persons, suppression
from tests.api import people
from tests.api.people import NOON, V1, Shopper

YES = {"granted": True, "text": "News by mail, twice a month", "text_version": "7"}
NO = {"granted": False}


def put(shopper: Shopper, purpose: str, body: Any) -> Any:
    return shopper.client.put(f"{V1}me/consent/{purpose}/", body, format="json")


def test_who_asks_first_gets_a_row_of_their_own(db: None) -> None:
    newcomer = people.user("newcomer", first_name="Ada")
    answer = people.client(newcomer).get(f"{V1}me/")
    row = Customer.objects.get(user=newcomer)
    assert answer.json() == {
        "id": row.pk,
        "first_name": "Ada",
        "language": "",
        "email": "newcomer-mark@example.com",
        "address_proven": False,
        "joined_at": "2026-03-02T13:00:00+01:00",
        "orders_count": 0,
    }


def test_what_is_left_out_of_a_change_stays(ada: Shopper) -> None:
    ada.client.patch(f"{V1}me/", {"language": "es"}, format="json")
    answer = ada.client.patch(f"{V1}me/", {"first_name": "Ada"}, format="json")
    assert (answer.json()["language"], answer.json()["first_name"]) == ("es", "Ada")


def test_nothing_else_of_the_profile_can_be_changed(ada: Shopper) -> None:
    body = {"email": "x@example.com", "address_proven": True, "orders_count": 9, "user": 1, "kind": "guest"}
    assert ada.client.patch(f"{V1}me/", body, format="json").status_code == 200
    row = Customer.objects.get(pk=ada.customer.pk)
    assert (row.email, row.address_proven_at, row.orders_count, row.kind) == (ada.user.email, None, 0, "member")


def test_consent_says_a_no_where_nothing_was_ever_asked(ada: Shopper) -> None:
    assert ada.client.get(f"{V1}me/consent/").json() == [
        {"purpose": "marketing", "granted": True, "basis": "opt_in", "changed_at": "2026-03-02T13:00:00+01:00"},
        {"purpose": "survey", "granted": False, "basis": "", "changed_at": None},
    ]


def test_a_yes_is_kept_with_what_was_shown_and_where_it_came_from(ada: Shopper) -> None:
    answer = put(ada, "survey", YES)
    assert (answer.status_code, answer.json()["granted"], answer.json()["basis"]) == (200, True, "opt_in")
    evidence = ConsentEvidence.objects.get(customer=ada.customer, purpose="survey")
    assert (evidence.granted, evidence.text, evidence.text_version, evidence.source, evidence.at) == (
        True, YES["text"], "7", "api", NOON,
    )  # fmt: skip
    assert evidence.origin_hash == origin_hash("127.0.0.1")
    assert Fact.objects.filter(kind="retention.ConsentGiven", customer=ada.customer.pk).count() == 2


@pytest.mark.parametrize("body", [{"granted": True}, {"granted": True, "text": "  "}])
def test_a_yes_without_what_was_shown_is_none(ada: Shopper, body: Any) -> None:
    answer = put(ada, "survey", body)
    assert answer.status_code == 400
    assert answer.json()["fields"]["text"][0]["code"] == "required"
    assert not Consent.objects.filter(customer=ada.customer, purpose="survey").exists()


def test_a_no_needs_no_words_and_stops_one_purpose_only(ada: Shopper) -> None:
    put(ada, "survey", YES)
    assert put(ada, "marketing", NO).json()["granted"] is False
    assert dict(Consent.objects.filter(customer=ada.customer).values_list("purpose", "granted")) == {
        "marketing": False,
        "survey": True,
    }


def test_the_same_answer_again_adds_no_evidence(ada: Shopper) -> None:
    for body in (YES, YES, NO, NO, YES):
        put(ada, "survey", body)
    evidence = ConsentEvidence.objects.filter(customer=ada.customer, purpose="survey").order_by("pk")
    assert [row.granted for row in evidence] == [True, False, True]


def test_another_text_is_another_consent(ada: Shopper) -> None:
    put(ada, "survey", YES)
    put(ada, "survey", {**YES, "text_version": "8"})
    assert ConsentEvidence.objects.filter(customer=ada.customer, purpose="survey").count() == 2


def test_a_proven_mailbox_speaks_for_itself(ada: Shopper) -> None:
    customers.prove_address(ada.customer, at=NOON)
    put(ada, "marketing", NO)
    assert Suppression.objects.filter(scope="marketing", reason="unsubscribed").count() == 1
    put(ada, "marketing", YES)
    assert Suppression.objects.count() == 0


def test_an_account_with_somebody_elses_address_does_not_speak_for_that_mailbox(ada: Shopper) -> None:
    reason = Suppression.Reason.UNSUBSCRIBED
    suppression.add(ada.user.email, scope="marketing", reason=reason, at=NOON)
    put(ada, "marketing", YES)
    assert Suppression.objects.count() == 1
    put(ada, "survey", NO)
    assert Suppression.objects.count() == 1


def test_a_complaint_is_not_undone_by_a_click(ada: Shopper) -> None:
    customers.prove_address(ada.customer, at=NOON)
    suppression.add(ada.user.email, scope="all", reason=Suppression.Reason.COMPLAINED, at=NOON)
    put(ada, "marketing", YES)
    assert Suppression.objects.filter(scope="all").count() == 1


def test_who_was_forgotten_is_not_written_down_again(ada: Shopper) -> None:
    persons.erase_person(ada.customer, at=NOON)
    for answer in (ada.client.patch(f"{V1}me/", {"first_name": "Ada"}, format="json"), put(ada, "survey", YES)):
        assert (answer.status_code, answer.json()["code"]) == (409, "erased")
    assert Customer.objects.get(pk=ada.customer.pk).first_name == ""
    assert ada.client.get(f"{V1}me/prompts/").json() == []


def test_prompts_say_what_helps_until_it_is_done_or_refused(ada: Shopper, ben: Shopper) -> None:
    assert ada.client.get(f"{V1}me/prompts/").json() == [
        {"name": "prove-address", "text": "Confirm your address, and your earlier orders join your account."}
    ]
    assert Prompt.objects.count() == 0, "reading is not showing"
    assert ada.client.post(f"{V1}me/prompts/prove-address/shown/").status_code == 204
    assert ada.client.post(f"{V1}me/prompts/prove-address/shown/").status_code == 204
    assert Prompt.objects.get().shown_at == NOON
    assert len(ada.client.get(f"{V1}me/prompts/").json()) == 1
    assert ada.client.post(f"{V1}me/prompts/prove-address/dismiss/").status_code == 204
    assert ada.client.get(f"{V1}me/prompts/").json() == []
    assert len(ben.client.get(f"{V1}me/prompts/").json()) == 1


def test_a_no_holds_for_its_days_and_counts_anew_after_them(ada: Shopper) -> None:
    def prompts(days: int) -> int:
        with time_machine.travel(NOON + timedelta(days=days), tick=False):
            return len(ada.client.get(f"{V1}me/prompts/").json())

    ada.client.post(f"{V1}me/prompts/prove-address/dismiss/")
    assert [prompts(conf.PROMPT_DAYS), prompts(conf.PROMPT_DAYS + 1)] == [0, 1]
    with time_machine.travel(NOON + timedelta(days=conf.PROMPT_DAYS + 1), tick=False):
        ada.client.post(f"{V1}me/prompts/prove-address/dismiss/")
    assert [prompts(conf.PROMPT_DAYS + 2), prompts(2 * conf.PROMPT_DAYS + 2)] == [0, 1]


def test_who_has_proven_the_address_is_not_asked(ada: Shopper) -> None:
    customers.prove_address(ada.customer, at=NOON)
    assert ada.client.get(f"{V1}me/prompts/").json() == []


def test_the_proof_is_mailed_so_often_an_hour_and_no_more(ada: Shopper) -> None:
    statuses = []
    for minute in range(conf.CLAIM_MAILS_PER_HOUR + 1):
        with time_machine.travel(NOON + timedelta(minutes=minute), tick=False):
            statuses.append(ada.client.post(f"{V1}me/proof/").status_code)
    assert statuses == [202] * conf.CLAIM_MAILS_PER_HOUR + [429]
    mails = Message.objects.filter(mail="retention.prove_address", customer=ada.customer)
    assert mails.count() == conf.CLAIM_MAILS_PER_HOUR


def test_all_that_is_kept_about_me_is_mine_for_the_asking(ada: Shopper) -> None:
    answer = ada.client.get(f"{V1}me/export/")
    told = answer.json()
    assert told["retention"]["email"] == ada.customer.email
    assert len(told["retention"]["orders"]) == len(ada.orders)
    assert {"retention", "retention.wishes", "campaigns.coupons", "loyalty"} <= told.keys()
    assert answer["Cache-Control"] == "private, no-store"


def test_what_is_known_of_an_address_alone_is_told_to_whom_it_is_proven(ada: Shopper) -> None:
    suppression.add(ada.customer.email, scope="survey", reason="unsubscribed", at=NOON)
    Customer.objects.filter(pk=ada.customer.pk).update(address_proven_at=None)
    assert ada.client.get(f"{V1}me/export/").json()["retention"]["not_written_to"] == []
    Customer.objects.filter(pk=ada.customer.pk).update(address_proven_at=NOON)
    [stop] = ada.client.get(f"{V1}me/export/").json()["retention"]["not_written_to"]
    assert (stop["scope"], stop["reason"]) == ("survey", "unsubscribed")
