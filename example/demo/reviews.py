"""Tells our apps of reviews. Oscar's adapter leaves that to the shop, since each looks at them in its own way."""

from typing import Any

from django.utils import timezone
from oscar.apps.catalogue.reviews.signals import review_added

from retention.models import Customer
from retention.services import reviews


def connect() -> None:
    """Listen for reviews."""
    review_added.connect(_note, dispatch_uid="demo.reviews")


def _note(*, review: Any, user: Any, **more: Any) -> None:
    """Note a member's review; what a guest writes is nobody's."""
    customer = Customer.objects.filter(user=user.pk).first() if user.is_authenticated else None
    if customer is not None:
        reviews.note(customer, product=str(review.product_id), review=str(review.pk), at=timezone.now())
