"""What Oscar signals becomes rows of the inbox, one each."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from oscar.core.loading import get_model

from retention.models import Customer, Fact, Order, Signal
from retention.services import inbox
from retention.testing.contract.making import GUEST, order
from retention.testing.settling import settle
from tests.oscar.world import PASSWORD, OscarWorld


def test_a_change_of_status_is_one_insert(world: OscarWorld) -> None:
    reference = order(world)
    with CaptureQueriesContext(connection) as queries:
        world.order(reference).set_status("Being processed")
    ours = [query["sql"] for query in queries if '"retention_' in query["sql"]]
    assert len(ours) == 1
    assert ours[0].startswith('INSERT INTO "retention_signal"')
    assert Signal.objects.latest("pk").kind == "status_changed"


def test_the_dashboards_own_button_is_heard(world: OscarWorld) -> None:
    reference = order(world)
    settle(at=timezone.now())
    staff = world.visit(world.add_staff())
    staff.post(
        f"/dashboard/orders/{world.order(reference).number}/",
        {"order_action": "change_order_status", "new_status": "Cancelled"},
    )
    settle(at=timezone.now())
    stored = Order.objects.get()
    assert stored.host_status == "Cancelled"
    assert stored.cancelled_at is not None


def test_who_registers_in_the_shop_becomes_a_customer(world: OscarWorld) -> None:
    response = world.visit().post(
        "/accounts/register/",
        {"email": "new@example.com", "password1": PASSWORD, "password2": PASSWORD, "redirect_url": ""},
    )
    assert response.status_code == 302
    assert list(Signal.objects.values_list("kind", flat=True)) == ["customer"]
    settle(at=timezone.now())
    customer = Customer.objects.get()
    assert (customer.kind, customer.email) == ("member", "new@example.com")
    assert customer.address_proven_at is None
    assert Signal.objects.get().outcome == Signal.Outcome.READ


def test_rows_loaded_from_a_file_signal_nothing(world: OscarWorld) -> None:
    reference = order(world)
    Signal.objects.all().delete()
    kind = get_model("order", "PaymentEventType").objects.create(name="Settled")
    event = get_model("order", "PaymentEvent")(order=world.order(reference), event_type=kind, amount=1)
    event.date_created = timezone.now()
    event.save_base(raw=True)
    assert Signal.objects.count() == 0


def test_an_order_that_is_read_twenty_times_changes_once(world: OscarWorld) -> None:
    reference = order(world)
    settle(at=timezone.now())
    before = Fact.objects.count()
    for _ in range(20):
        inbox.record(kind="order_placed", reference=reference)
    settle(at=timezone.now())
    assert Fact.objects.count() == before
    assert Order.objects.count() == 1


@pytest.mark.parametrize("stranger", ["987654321", "no such order", ""])
def test_a_signal_for_an_order_that_is_not_there_is_shown_and_harms_nothing(world: OscarWorld, stranger: str) -> None:
    inbox.record(kind="order_placed", reference=stranger)
    order(world)
    settle(at=timezone.now())
    assert Signal.objects.get(reference=stranger).outcome == Signal.Outcome.UNKNOWN
    assert Order.objects.get().email == GUEST.replace("Example", "example")


def test_a_user_deleted_by_the_shop_leaves_an_order_that_can_be_read(world: OscarWorld) -> None:
    user: Any = world.add_user(GUEST)
    reference = order(world, user=user)
    settle(at=timezone.now())
    user.delete()
    data = world.shop.get_orders([reference])[reference]
    assert (data.user_id, data.email) == (None, "")
    settle(at=timezone.now())
    assert Order.objects.get().reference == reference
