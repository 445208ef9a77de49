"""The shop's accounts."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.http import HttpRequest
from django.utils.crypto import get_random_string
from oscar.apps.customer.signals import user_registered

from retention.contrib.oscar import host
from retention.shop import CustomerData

PAGE = 1000


def find(email: str) -> list[Any]:
    """Return the users whose address this is, letter case aside, oldest first."""
    address = email.strip()
    users = get_user_model()._default_manager
    return list(users.filter(**{f"{_email()}__iexact": address}).order_by("pk")) if address else []


def get(references: Collection[str]) -> dict[str, CustomerData]:
    """Return the accounts by reference; one that the shop does not have is left out."""
    model = get_user_model()
    return {str(user.pk): _data(user) for user in model._default_manager.filter(pk__in=host.keys(model, references))}


def every(*, since: datetime | None) -> Iterator[CustomerData]:
    """Yield active accounts that joined from ``since`` on, by primary key, page by page."""
    model = get_user_model()
    rows = model._default_manager.filter(is_active=True).order_by("pk")
    if since and _has(model, "date_joined"):
        rows = rows.filter(date_joined__gte=since)
    page = list(rows[:PAGE])
    while page:
        yield from map(_data, page)
        page = list(rows.filter(pk__gt=page[-1].pk)[:PAGE])


def create(
    request: HttpRequest | None, *, email: str, password: str | None, first_name: str = "", last_name: str = ""
) -> Any:
    """Create an account as Oscar's own form does, and tell Oscar's listeners. Password None: an unusable one.

    Oscar's registration mail is not sent: our own mails say what there is to say, and an answer that took
    longer for new addresses would tell who has an account.
    """
    model = get_user_model()
    local, _, domain = email.strip().rpartition("@")
    given = {_email(): f"{local}@{domain.lower()}", "first_name": first_name[:150], "last_name": last_name[:150]}
    user = model(**{field: value for field, value in given.items() if _has(model, field)})
    if _has(model, "username") and model.USERNAME_FIELD == "username":
        user.username = get_random_string(30)  # Oscar's customers sign in by address
    user.set_password(password)
    user.save()
    if request is not None:
        user_registered.send_robust(sender=create, request=request, user=user)
    return user


def _email() -> str:
    return get_user_model().get_email_field_name()


def _has(model: Any, name: str) -> bool:
    return any(field.name == name for field in model._meta.get_fields())


def _data(user: Any) -> CustomerData:
    return CustomerData(
        user_id=user.pk,
        email=getattr(user, _email()) or "",
        first_name=getattr(user, "first_name", ""),
        last_name=getattr(user, "last_name", ""),
        joined_at=getattr(user, "date_joined", None),
    )
