"""A low score is somebody's task until something came of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core import mail
from django.db.utils import IntegrityError
from django.test import Client
from django.urls import reverse

from campaigns.models import Answer, CaseNote, RecoveryCase
from campaigns.services import answers, cases
from retention import registry
from retention.models import Customer, Fact, Spend
from retention.services import persons
from retention.testing.settling import settle
from tests.campaigns.surveys import links
from tests.campaigns.walks import Walk, guest

PERSON = "+1 555 0100"


def secret(link: str) -> str:
    return link.split("/")[-3]


@pytest.fixture
def case(walk: Walk, asked: list[str]) -> RecoveryCase:
    answers.give(secret(asked[0]), score=1, comment=f"Broken. Call {PERSON}", at=walk.clock.now)
    settle(at=walk.clock.now)
    return RecoveryCase.objects.get()


def test_a_low_score_opens_a_case_with_owner_open_and_a_day_to_go(walk: Walk, case: RecoveryCase) -> None:
    assert (case.state, case.owner, case.source, case.order) == ("open", None, "answer", "1")
    assert case.due_at == walk.clock.now + timedelta(hours=24)
    assert case.customer == Customer.objects.get()
    assert Fact.objects.get(kind="campaigns.CaseOpened").payload == {"case": case.pk, "source": "answer"}


def test_a_good_score_opens_none(walk: Walk, asked: list[str]) -> None:
    answers.give(secret(asked[0]), score=3, at=walk.clock.now)
    settle(at=walk.clock.now)
    assert RecoveryCase.objects.count() == 0


def test_an_answer_changed_up_and_down_is_one_case(walk: Walk, asked: list[str], case: RecoveryCase) -> None:
    for score in (5, 2, 1):
        answers.give(secret(asked[0]), score=score, at=walk.clock.now)
        settle(at=walk.clock.now)
    assert RecoveryCase.objects.count() == 1
    assert Fact.objects.filter(kind="campaigns.CaseOpened").count() == 1


def test_a_low_score_that_was_raised_before_anybody_looked_opens_none(walk: Walk, asked: list[str]) -> None:
    answers.give(secret(asked[0]), score=1, at=walk.clock.now)
    answers.give(secret(asked[0]), score=5, at=walk.clock.now)
    settle(at=walk.clock.now)
    assert RecoveryCase.objects.count() == 0


def test_priority_is_by_what_others_have_spent_in_the_same_currency(walk: Walk, django_assert_num_queries: Any) -> None:
    people = [guest(f"c{number}@example.com", at=walk.clock.now, consents=False) for number in range(10)]
    for number, person in enumerate(people):
        Spend.objects.create(customer=person, currency="EUR", net_minor=1000 * (number + 1))
    stranger = guest("none@example.com", at=walk.clock.now, consents=False)
    Spend.objects.create(customer=stranger, currency="JPY", net_minor=900_000)
    with django_assert_num_queries(1):
        found = cases.priority({person.pk for person in [*people, stranger]})
    assert [found[person.pk] for person in people] == [1, 1, 1, 1, 1, 2, 2, 2, 3, 3]
    assert found[stranger.pk] == 1


def test_of_two_who_take_it_one_has_it(case: RecoveryCase, django_user_model: Any) -> None:
    one, two = (django_user_model.objects.create(username=name) for name in ("one", "two"))
    assert cases.take(case, by=one) is True
    assert cases.take(case, by=two) is False
    case.refresh_from_db()
    assert (case.state, case.owner) == ("taken", one)


def test_a_lost_customer_has_a_reason_and_a_case_is_solved_once(
    walk: Walk, case: RecoveryCase, admin_user: Any
) -> None:
    with pytest.raises(cases.WhyLost):
        cases.solve(case, by=admin_user, outcome="left", at=walk.clock.now)
    cases.solve(case, by=admin_user, outcome="left", leaving="competitor", at=walk.clock.now)
    assert (case.state, case.outcome, case.leaving, case.owner) == ("solved", "left", "competitor", admin_user)
    with pytest.raises(cases.Solved):
        cases.solve(case, by=admin_user, outcome="stayed", at=walk.clock.now)
    assert cases.take(case, by=admin_user) is False
    assert Fact.objects.get(kind="campaigns.CaseSolved").payload == {
        "case": case.pk, "outcome": "left", "leaving": "competitor",
    }  # fmt: skip


@pytest.mark.parametrize(
    "wrong", [{"state": "solved"}, {"state": "solved", "outcome": "left"}, {"outcome": "left", "leaving": ""}]
)
def test_the_database_refuses_a_case_solved_without_saying_how(case: RecoveryCase, wrong: dict[str, str]) -> None:
    with pytest.raises(IntegrityError):
        RecoveryCase.objects.filter(pk=case.pk).update(**wrong)


def test_an_overdue_case_is_a_trouble_with_its_cure(walk: Walk, case: RecoveryCase) -> None:
    find = registry.troubles["campaigns.journeys"]
    assert list(find(walk.clock.now)) == []
    [trouble] = find(walk.clock.now + timedelta(hours=25))
    assert str(trouble.what) == "1 recovery case of 1 is overdue"
    assert trouble.url == reverse("admin:retention_campaigns_recoverycase_changelist")


def test_the_list_leads_to_the_customers_page_in_one_click(case: RecoveryCase, admin_client: Client) -> None:
    page = admin_client.get(reverse("admin:retention_campaigns_recoverycase_changelist")).content.decode()
    link = reverse("admin:retention_customer_change", args=[case.customer_id])
    assert f'href="{link}"' in page
    assert admin_client.get(link).status_code == 200


def test_staff_take_note_and_solve_on_one_page(case: RecoveryCase, admin_client: Client, admin_user: Any) -> None:
    url = reverse("admin:retention_campaigns_recoverycase_change", args=[case.pk])
    page = admin_client.get(url).content.decode()
    assert PERSON in page
    assert "related-widget-wrapper-link" not in page
    form = {
        "owner": admin_user.pk, "outcome": "", "leaving": "", "note": "Called.",
        "notes-TOTAL_FORMS": 0, "notes-INITIAL_FORMS": 0,
    }  # fmt: skip
    assert admin_client.post(url, form).status_code == 302
    case.refresh_from_db()
    assert (case.state, case.owner) == ("taken", admin_user)
    assert CaseNote.objects.values_list("text", "author").get() == ("Called.", admin_user.pk)
    lost = admin_client.post(url, {**form, "note": "", "outcome": "left"})
    assert b"Why did the customer leave?" in lost.content
    assert admin_client.post(url, {**form, "note": "", "outcome": "stayed"}).status_code == 302
    case.refresh_from_db()
    assert (case.state, case.outcome) == ("solved", "stayed")
    assert b'name="outcome"' not in admin_client.get(url).content


def test_staff_without_the_permission_do_not_read_what_the_shopper_wrote(
    case: RecoveryCase, client: Client, django_user_model: Any
) -> None:
    staff = django_user_model.objects.create(username="staff", is_staff=True)
    staff.user_permissions.set(
        Permission.objects.filter(codename__in=["view_recoverycase", "view_answer", "change_recoverycase"])
    )
    client.force_login(staff)
    for url in (
        reverse("admin:retention_campaigns_recoverycase_change", args=[case.pk]),
        reverse("admin:retention_campaigns_answer_change", args=[case.answer_id]),
        reverse("admin:retention_campaigns_answer_changelist"),
    ):
        page = client.get(url)
        assert page.status_code == 200
        assert PERSON not in page.content.decode()


def test_staff_open_one_from_the_customers_page_by_post_only(walk: Walk, admin_client: Client, admin_user: Any) -> None:
    person = guest("ada@example.com", at=walk.clock.now)
    url = reverse("admin:retention_campaigns_recoverycase_open", args=[person.pk])
    assert url in admin_client.get(reverse("admin:retention_customer_change", args=[person.pk])).content.decode()
    assert admin_client.get(url).status_code == 403
    assert RecoveryCase.objects.count() == 0
    assert admin_client.post(url).status_code == 302
    assert RecoveryCase.objects.values_list("customer", "owner", "state").get() == (person.pk, admin_user.pk, "taken")


def test_erasure_empties_what_was_written_and_keeps_the_score(
    walk: Walk, case: RecoveryCase, admin_user: Any, asked: list[str], client: Client
) -> None:
    cases.add_note(case, by=admin_user, text=f"Called {PERSON}", at=walk.clock.now)
    exported = persons.export_person(case.customer)["campaigns.journeys"]
    assert [one["score"] for one in exported["answers"]] == [1]
    assert exported["notes"][0]["text"] == f"Called {PERSON}"
    persons.erase_person(case.customer, at=walk.clock.now)
    assert Answer.objects.values_list("score", "comment").get() == (1, "")
    assert CaseNote.objects.get().text == ""
    assert client.get(asked[0]).status_code == 404
    walk.tick(days=5)
    assert len(mail.outbox) == 1
    assert links(mail.outbox[0]) == asked
