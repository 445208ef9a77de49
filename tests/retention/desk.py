"""Members of staff at their desks, each with some permissions of ours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import Client

WORDS = {
    "mail": "test.news",
    "language": "en",
    "subject": "New cups",
    "preheader": "They are blue.",
    "html": "<p>Hello {{ first_name | default: 'you' }}</p>",
    "text": "Hello {{ first_name | default: 'you' }}",
}
"""A text that nothing is wrong with, as the form posts it."""


@pytest.fixture
def staff(db: None) -> Callable[..., Client]:
    """Sign in a member of staff with these permissions of ours."""

    def make(*names: str, email: str = "sam@shop.example.com") -> Client:
        users: Any = get_user_model().objects
        person = users.create_user(username=f"staff{users.count()}", email=email, is_staff=True)
        person.user_permissions.set(Permission.objects.filter(content_type__app_label="retention", codename__in=names))
        client = Client()
        client.force_login(person)
        return client

    return make
