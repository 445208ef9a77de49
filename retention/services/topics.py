"""Topics of marketing mail: what is offered to a person, in their language, and what new ones mean for who chose."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import transaction

from retention.models import Topic, TopicChoice, TopicWords
from retention.rows import batch_size

BATCH = 1000


@dataclass(frozen=True, kw_only=True)
class Offered:
    """A topic as a person reads it."""

    pk: int
    slug: str
    name: str
    about: str = ""


def offered(language: str) -> list[Offered]:
    """Return the topics that may be chosen, in this language as far as there are words in it. Two queries."""
    found = []
    for topic in Topic.objects.filter(active=True).prefetch_related("words"):
        words = _best(list(topic.words.all()), language)
        about = words.about if words else ""
        found.append(Offered(pk=topic.pk, slug=topic.slug, name=name_of(topic, language), about=about))
    return found


def name_of(topic: Topic, language: str) -> str:
    """Return a topic's name in the language as far as there is one; give it with its words fetched."""
    words = _best(list(topic.words.all()), language)
    return words.name if words else topic.slug.replace("-", " ").capitalize()


def one(slug: str, language: str) -> Offered | None:
    """Return the topic of this slug; None where it is not offered."""
    return next((topic for topic in offered(language) if topic.slug == slug), None) if slug else None


def _best(words: Sequence[TopicWords], language: str) -> TopicWords | None:
    """Return the words in the language, else in its parent, else in the shop's own, else in any."""
    known = {row.language.lower(): row for row in sorted(words, key=lambda row: -row.pk)}
    for wanted in (*_parents(language), *_parents(settings.LANGUAGE_CODE)):
        if wanted in known:
            return known[wanted]
    return min(words, key=lambda row: row.pk, default=None)


def _parents(language: str) -> Iterator[str]:
    parts = language.lower().replace("_", "-").split("-")
    while parts:
        yield "-".join(parts)
        parts.pop()


def hold_back(topic: Topic, *, at: datetime) -> int:
    """Leave a new topic out for who has named the topics they want: they did not ask for this one.

    Returns for how many people. In transactions of their own, a hundred people each on SQLite.
    """
    # one topic with a yes of their own and another with a no: a list, not "all but this"
    named = TopicChoice.objects.filter(wanted=True).values("customer")
    picky = TopicChoice.objects.filter(wanted=False, customer__in=named).exclude(topic=topic)
    done, last = 0, 0
    while people := list(
        picky.filter(customer__gt=last).order_by("customer").values_list("customer", flat=True)
        .distinct()[: batch_size(BATCH)]
    ):  # fmt: skip
        with transaction.atomic():
            TopicChoice.objects.bulk_create(
                [TopicChoice(customer_id=pk, topic=topic, wanted=False, changed_at=at) for pk in people],
                ignore_conflicts=True,
            )
        done, last = done + len(people), people[-1]
    return done
