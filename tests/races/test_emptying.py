"""The quick way to empty the database between tests that commit leaves what stood there, and nothing else."""

import pytest
from django.contrib.auth.models import Permission

from retention.models import Customer
from retention.testing.clock import Clock
from tests import emptying

pytestmark = pytest.mark.django_db(transaction=True)


def test_what_was_committed_goes_and_the_first_rows_stay(clock: Clock) -> None:
    first = emptying._first_rows()
    Customer.objects.create(kind="member", address="ada@example.com", created_at=clock.now)
    assert Permission._meta.db_table in first
    assert emptying._emptied(first)
    assert emptying._first_rows() == first


def test_first_rows_that_have_changed_are_left_to_django(clock: Clock) -> None:
    first = emptying._first_rows()
    Customer.objects.create(kind="member", address="ada@example.com", created_at=clock.now)
    Permission.objects.order_by("pk")[0].delete()
    assert not emptying._emptied(first)
    assert Customer.objects.exists()


def test_after_both_they_are_there_for_the_next() -> None:
    assert Permission.objects.filter(codename="view_customer").exists()
    assert not Customer.objects.exists()
