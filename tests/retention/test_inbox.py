"""The inbox takes everything down and is never a reason for a checkout to fail."""

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from retention.models import Signal
from retention.services import inbox

pytestmark = pytest.mark.django_db


def test_a_signal_is_one_insert_in_its_savepoint() -> None:
    with transaction.atomic(), CaptureQueriesContext(connection) as queries:
        inbox.record(kind="order_placed", reference="A1")
    words = [query["sql"].split()[0] for query in queries]
    assert words == ["SAVEPOINT", "INSERT", "RELEASE"]
    assert list(Signal.objects.values_list("kind", "reference", "outcome", "drained_at")) == [
        ("order_placed", "A1", "", None)
    ]


@pytest.mark.django_db(transaction=True)
def test_where_the_shop_has_no_transaction_it_is_the_insert_alone() -> None:
    with CaptureQueriesContext(connection) as queries:
        inbox.record(kind="order_placed", reference="A1")
    assert [query["sql"].split()[0] for query in queries] == ["INSERT"]
    assert Signal.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_failure_without_a_transaction_leaves_the_connection_usable() -> None:
    inbox.record(kind="a failure", reference=None)  # type: ignore[arg-type]
    inbox.record(kind="order_placed", reference="A1")
    assert list(Signal.objects.values_list("kind", flat=True)) == ["order_placed"]


@pytest.mark.parametrize("reference", ["\x00", "A" * 129, None], ids=["nul", "too long", "none"])
def test_what_cannot_be_stored_leaves_the_checkout_alone(reference: str) -> None:
    with transaction.atomic():
        Signal.objects.create(kind="the order itself", reference="A1")
        inbox.record(kind="order_placed", reference=reference)
        Signal.objects.create(kind="the confirmation", reference="A1")
    kinds = set(Signal.objects.values_list("kind", flat=True))
    assert {"the order itself", "the confirmation"} <= kinds


def test_a_failure_of_the_database_is_swallowed_and_logged(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Signal.objects, "create", _down)
    with transaction.atomic():
        inbox.record(kind="order_placed", reference="A1")
        assert Signal.objects.count() == 0, "the shop's transaction can still be used"
    assert [record.getMessage() for record in caplog.records] == [
        "could not take down order_placed of A1; the sweep will find it"
    ]


def test_a_webhook_that_comes_twenty_times_is_stored_once() -> None:
    known = [inbox.receive(kind="hook", reference="A1", event_id="evt_1", body=b"{}") for _ in range(20)]
    assert known == [True] + [False] * 19
    assert Signal.objects.count() == 1


def test_a_webhook_with_a_known_id_and_another_body_is_refused() -> None:
    inbox.receive(kind="hook", reference="A1", event_id="evt_1", body=b'{"total": 1}')
    with pytest.raises(inbox.EventReused, match=r"^Event evt_1 came before with another body\.$"):
        inbox.receive(kind="hook", reference="A1", event_id="evt_1", body=b'{"total": 2}')
    assert Signal.objects.count() == 1


def test_two_senders_may_use_the_same_id() -> None:
    assert inbox.receive(kind="payments", reference="A1", event_id="1", body=b"{}")
    assert inbox.receive(kind="shipping", reference="A1", event_id="1", body=b"[]")
    assert Signal.objects.count() == 2


def test_a_refused_webhook_leaves_its_transaction_usable() -> None:
    with transaction.atomic():
        inbox.receive(kind="hook", reference="A1", event_id="evt_1", body=b"1")
        with pytest.raises(inbox.EventReused):
            inbox.receive(kind="hook", reference="A1", event_id="evt_1", body=b"2")
        inbox.record(kind="order_placed", reference="A2")
    assert sorted(Signal.objects.values_list("reference", flat=True)) == ["A1", "A2"]


@pytest.mark.django_db(transaction=True)
def test_outside_a_transaction_it_is_one_statement_and_a_failure_leaves_nothing_open(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    with CaptureQueriesContext(connection) as queries:
        inbox.record(kind="order_placed", reference="A1")
    assert [query["sql"].split()[0] for query in queries] == ["INSERT"]
    with monkeypatch.context() as patch:
        patch.setattr(Signal.objects, "create", _down)
        inbox.record(kind="order_placed", reference="A2")
    assert len(caplog.records) == 1
    assert connection.get_autocommit()
    inbox.record(kind="order_placed", reference="A3")
    assert sorted(Signal.objects.values_list("reference", flat=True)) == ["A1", "A3"]


def test_what_the_shop_rolls_back_leaves_no_signal() -> None:
    with transaction.atomic():
        inbox.record(kind="order_placed", reference="A1")
        transaction.set_rollback(True)
    assert Signal.objects.count() == 0


def _down(*args: object, **given: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT no_such_column")
