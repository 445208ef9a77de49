"""The questions that the ground asks of a member: the birthday, and favorite topics."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils.translation import gettext_lazy as _

from retention import registry
from retention.forms import BirthdayForm, TopicsForm
from retention.models import Consent, Customer, Topic, TopicChoice
from retention.models.consent import Purpose
from retention.registry import Question
from retention.services import preferences, profile

BIRTHDAY, TOPICS = "retention.birthday", "retention.topics"


def _has_birthday(customer: Customer) -> bool:
    return customer.birth_month is not None


def _save_birthday(customer: Customer, data: Mapping[str, Any], at: datetime) -> None:
    profile.give_birthday(customer, month=data["month"], day=data["day"], at=at)


def _has_topics(customer: Customer) -> bool:
    """Whether there is nothing to ask: no marketing mail is wanted, there are no topics, or they have been chosen."""
    granted = Consent.objects.filter(customer=customer, purpose=Purpose.MARKETING, granted=True)
    return (
        not granted.exists()
        or not Topic.objects.filter(active=True).exists()
        or TopicChoice.objects.filter(customer=customer).exists()
    )


def _save_topics(customer: Customer, data: Mapping[str, Any], at: datetime) -> None:
    wanted = {slug: slug in data["topics"] for slug in Topic.objects.filter(active=True).values_list("slug", flat=True)}
    preferences.choose_topics(customer, wanted, mailbox=customer.address_proven_at is not None, at=at)


def load() -> None:
    """Register the questions of the ground."""
    for question in (
        Question(
            name=BIRTHDAY,
            label=_("When is your birthday?"),
            why=_("Day and month only, so that we can think of you. You get all else without it, too."),
            form=BirthdayForm,
            is_answered=_has_birthday,
            save=_save_birthday,
            order=10,
        ),
        Question(
            name=TOPICS,
            label=_("What would you like to hear about?"),
            why=_("Our mail is then about this only. You can change it at any time."),
            form=TopicsForm,
            is_answered=_has_topics,
            save=_save_topics,
            order=20,
        ),
    ):
        registry.questions.add(question.name, question)
