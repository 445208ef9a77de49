"""The seeded year goes through the real services, so what staff see of it is true."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth import get_user_model
from django.db import transaction
from django.test import override_settings
from oscar.core.loading import get_model

from campaigns.models import Answer, Coupon, Journey, RecoveryCase, Redemption
from example.demo.models import RecordedMessage
from example.demo.seed import catalogue, people
from example.demo.seed.history import year
from loyalty.models import Account, Entry
from loyalty.services import verifying
from retention.models import Customer, Fact, Message, Order, ParkedFact, Signal
from retention.services import installation

HostOrder = get_model("order", "Order")
PaymentEvent = get_model("order", "PaymentEvent")
Product = get_model("catalogue", "Product")
VoucherApplication = get_model("voucher", "VoucherApplication")

pytestmark = pytest.mark.django_db
END = datetime(2026, 6, 30, 15, tzinfo=UTC)
DAYS = 70


@pytest.fixture(scope="module", autouse=True)
def played(django_db_setup, django_db_blocker, tmp_path_factory):
    """Ten weeks of thirty people, played once for this file and rolled back behind it."""
    folder = tmp_path_factory.mktemp("media")
    with django_db_blocker.unblock(), override_settings(MEDIA_ROOT=folder), transaction.atomic():
        people.name_site()
        people.plant()
        catalogue.plant()
        year.play(end=END, people=30, days=DAYS, chance=5)
        yield
        transaction.set_rollback(True)


def test_the_shop_is_full():
    assert Product.objects.count() == 16
    assert all(product.primary_image().original.size > 5000 for product in Product.objects.all())
    assert HostOrder.objects.count() >= 30


def test_every_order_of_the_host_is_known_as_it_is_now():
    ours = dict(Order.objects.values_list("reference", "host_status"))

    assert ours == {str(pk): status for pk, status in HostOrder.objects.values_list("pk", "status")}


def test_the_shop_went_live_on_the_first_day_so_nothing_is_history():
    assert installation.get().live_since == (END - timedelta(days=DAYS)).replace(hour=6)
    assert Order.objects.filter(history=True).count() == 0


def test_nothing_is_left_undone_and_nothing_is_broken():
    assert Signal.objects.filter(drained_at=None).count() == 0
    assert Fact.objects.filter(position=None).count() == 0
    assert ParkedFact.objects.count() == 0
    assert set(Message.objects.values_list("state", flat=True)) <= {"sent", "skipped", "cancelled"}


def test_each_mail_was_really_sent_on_its_day():
    sent = dict(Message.objects.filter(state="sent").values_list("header_id", "sent_at"))
    recorded = {mail.headers["Message-ID"]: mail.sent_at for mail in RecordedMessage.objects.all()}

    assert sent == recorded
    assert len(sent) > 30
    assert max(recorded.values()) <= END


def test_every_kind_of_person_is_there():
    assert Customer.objects.filter(kind="guest", absorbed_into=None).exists()
    assert Customer.objects.filter(user__isnull=False).exists()
    assert Customer.objects.filter(address_proven_at__isnull=False).exists()
    assert HostOrder.objects.filter(status="Cancelled").exists()
    assert PaymentEvent.objects.filter(event_type__name="Refunded").exists()


def test_coupons_came_by_mail_and_oscar_agrees_on_who_used_one():
    used = set(Redemption.objects.filter(state="committed").values_list("coupon__code", "order"))

    assert used == {(code, str(pk)) for code, pk in VoucherApplication.objects.values_list("voucher__code", "order")}
    assert len(used) >= 3
    shared = Coupon.objects.exclude(source__startswith="journey:").values_list("code", "max_uses", "used")
    assert list(shared) == [("CLAY", 200, 0)]


def test_every_point_is_in_the_ledger():
    assert verifying.verify() == Account.objects.count() > 0
    assert Entry.objects.filter(at__gt=END).count() == 0
    assert not Account.objects.filter(customer__user=None).exists()


def test_answers_came_by_the_mailed_links_and_low_ones_are_cases():
    assert Answer.objects.filter(survey__slug="satisfaction").count() >= 5
    assert RecoveryCase.objects.count() == Answer.objects.filter(score__lte=2).count()


def test_the_journeys_are_on():
    assert set(Journey.objects.values_list("slug", "state")) == {
        ("welcome", "on"),
        ("next-order", "on"),
        ("satisfaction", "on"),
    }


def test_the_printed_logins_work():
    for login in (people.STAFF, people.SHOPPER):
        user = get_user_model().objects.get(email=login.email)
        assert user.check_password(login.password)
        assert user.is_staff == (login is people.STAFF)


def test_nobody_else_can_log_in():
    others = get_user_model().objects.exclude(email__in=[people.STAFF.email, people.SHOPPER.email])

    assert others.exists()
    assert not any(user.has_usable_password() for user in others)


def test_the_shopper_has_something_to_look_at():
    shopper = Customer.objects.get(user__email=people.SHOPPER.email)

    assert shopper.orders.count() == 2
    assert shopper.points_account.pending > 0
    assert shopper.messages.filter(state="sent").exists()
