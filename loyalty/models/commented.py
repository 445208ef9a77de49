from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage
from django.db import models


class Commented(models.Model):
    """A table whose columns carry comments. SQLite keeps none, which is no reason for a warning a column."""

    class Meta:
        abstract = True

    @classmethod
    def check(cls, **kwargs: Any) -> list[CheckMessage]:
        return [message for message in super().check(**kwargs) if message.id != "fields.W163"]
