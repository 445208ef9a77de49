"""The seeded year goes through the real services, so what staff see of it is true."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import transaction
from django.test import override_settings
from oscar.core.loading import get_model

from campaigns.models import Answer, Coupon, Journey, RecoveryCase, Redemption
from example.demo.models import RecordedMessage
from example.demo.seed import catalogue, people
from example.demo.seed.history import year
from loyalty.models import Account, Claim, Entry, GiftPlan, Present, Programme, Referral, ReferralFlag, Reward
from loyalty.services import causes, rewards, verifying
from retention.models import Customer, Fact, Message, Order, ParkedFact, Signal, TopicWords
from retention.services import installation, topics
from retention.watch import Watch

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
        with pytest.MonkeyPatch.context() as patch:
            # the clock of the sending goes on while it works, that of the year stands still
            patch.setattr(Watch, "now", lambda self: self._at)
            year.play(end=END, people=30, days=DAYS, chance=11)
        yield
        transaction.set_rollback(True)


def test_the_shop_is_full():
    assert Product.objects.count() == 17
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
    shared = Coupon.objects.filter(customer=None).values_list("code", "max_uses", "used")
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
    assert list(shopper.paid_terms.values_list("plan__name", "bought")) == [("Workshop circle", 1)]
    joined = shopper.challenges.get(challenge__name="Three teas")
    assert (joined.state, joined.progress) == ("running", 1)
    assert list(shopper.topic_choices.values_list("topic__slug", "wanted")) == [("evenings", False)]
    assert list(shopper.action_awards.filter(rule__action="review").values_list("state", flat=True)) == ["waiting"]


def test_what_points_can_buy_is_alive():
    assert set(Reward.objects.values_list("kind", flat=True)) == set(Reward.Kind.values)
    shopper = Customer.objects.get(user__email=people.SHOPPER.email)
    found = {one.reward.name: one.no for one in rewards.choices(shopper, shopper.points_account, at=END)}

    assert found["A dinner set for six"] == rewards.No.NOT_ENOUGH
    assert found["A look at the spring glazes"] == rewards.No.NOT_FOR_YOU
    assert {"reserved", "committed"} <= set(Claim.objects.values_list("state", flat=True))


def test_friends_are_rewarded_wait_and_stand_in_the_queue():
    states = Referral.objects.order_by("at").values_list("state", "why", "review")

    assert sorted(states) == [
        ("rewarded", "", ""), ("waiting", "", ""), ("waiting", "", "approved"), ("waiting", "", "open"),
        ("waiting", "", "open"),
    ]  # fmt: skip
    reasons = ReferralFlag.objects.filter(referral__review="open").values_list("kind", flat=True)
    assert sorted(reasons) == ["home", "network", "network"]


def test_orders_give_to_causes_and_bring_gifts():
    assert {row.cause.name for row in causes.owed() if row.given_minor} == {"Alders for the river", "Paper for schools"}
    assert Present.objects.filter(state="given").exists()
    assert GiftPlan.objects.filter(surprise=True).count() == 1


def test_topics_are_worded_in_every_language_of_the_shop():
    for language, _name in settings.LANGUAGES:
        assert len({topic.name for topic in topics.offered(language)}) == 3
    assert TopicWords.objects.count() == 3 * len(settings.LANGUAGES)


def test_the_mail_in_the_shops_own_words_went_out_so():
    sent = RecordedMessage.objects.filter(subject__endswith="for when you come back")

    assert sent.exists()
    assert all("Sam, who packs the parcels" in mail.text for mail in sent)


def test_points_end_with_months_of_the_calendar_and_the_notice_is_as_long_in_the_running_demo():
    env = {**os.environ, "DEMO_SPEED": "8640", "DJANGO_SETTINGS_MODULE": "example.settings"}
    asked = (
        "import django; django.setup(); from loyalty.conf import conf; from retention.conf import conf as ground; "
        "print(conf.EXPIRY_NOTICE_DAYS / ground.SPEED)"
    )

    assert Programme.objects.get(active=True).expires == "month"
    assert subprocess.check_output([sys.executable, "-c", asked], env=env, text=True).strip() == "30.0"
