"""Three kinds of mail, one of each purpose."""

from __future__ import annotations

from typing import Any

import pytest

from retention import registry
from retention.mail import Heading, Mail, Para, register

NEWS, QUESTION, RECEIPT = "test.news", "test.question", "test.receipt"


def make(name: str, purpose: str, **given: Any) -> Mail:
    """Register a mail that says its own name."""
    registry.mails.remove(name)
    return register(
        Mail(
            name=name,
            label=name,
            purpose=purpose,
            subject=f"{purpose} for {{{{ first_name }}}}",
            preheader="in short",
            body=[Heading(words=f"Hello {{{{ first_name }}}}, {name}"), Para(words="Your order is safe.")],
            **given,
        )
    )


@pytest.fixture
def mails(wiring: Any) -> None:
    """News (marketing), a question (survey), a receipt (service, at least once)."""
    make(NEWS, "marketing")
    make(QUESTION, "survey")
    make(RECEIPT, "service", at_least_once=True)
