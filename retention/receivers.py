"""The host's users change their address or are deleted: our rows follow."""

from __future__ import annotations

import logging
from typing import Any

from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models.signals import post_save, pre_delete
from django.utils import timezone

from retention.models import Customer
from retention.services import customers, persons

log = logging.getLogger(__name__)


def connect() -> None:
    """Wire the signals of the user model. Called once, when the apps are ready."""
    user_model = get_user_model()
    post_save.connect(follow_address, sender=user_model, dispatch_uid="retention.follow_address")
    pre_delete.connect(forget, sender=user_model, dispatch_uid="retention.forget")


def follow_address(sender: Any, instance: Any, created: bool, raw: bool = False, **signal: Any) -> None:
    """Follow a new address of a known member. Nothing happens for a new user or a log-in."""
    written = signal.get("update_fields")
    if created or raw or (written is not None and instance.get_email_field_name() not in written):
        return
    try:
        with transaction.atomic():
            customers.change_address(user=instance, at=timezone.now())
    except Exception:
        log.exception("the new address of user %s could not be followed", instance.pk)


def forget(sender: Any, instance: Any, **signal: Any) -> None:
    """Erase the person whose user is being deleted; the ledger stays. A failure never stops the host."""
    try:
        with transaction.atomic():
            for customer in Customer.objects.filter(user=instance):
                persons.erase_person(customer, at=timezone.now())
    except Exception:
        log.exception("the customer of user %s could not be erased", instance.pk)
