"""What a person wants of our mail, beyond yes and no."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from retention.models.customer import Customer


class Topic(models.Model):
    """A kind of marketing mail that a person may leave out and still get the others."""

    slug = models.SlugField(_("name in links and lists"), max_length=40, unique=True)
    position = models.PositiveSmallIntegerField(_("position"), default=0)
    active = models.BooleanField(_("offered to shoppers"), default=True)

    class Meta:
        verbose_name = _("topic")
        verbose_name_plural = _("topics")
        ordering = ["position", "slug"]

    def __str__(self) -> str:
        return self.slug


class TopicWords(models.Model):
    """A topic in one language."""

    topic = models.ForeignKey(Topic, verbose_name=_("topic"), on_delete=models.CASCADE, related_name="words")
    language = models.CharField(_("language"), max_length=16)
    name = models.CharField(_("name"), max_length=80)
    about = models.CharField(_("what it is about"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("words of a topic")
        verbose_name_plural = _("words of a topic")
        constraints = [models.UniqueConstraint(fields=["topic", "language"], name="retention_topic_words_once")]


class TopicChoice(models.Model):
    """What one person said about one topic; without a row it is wanted."""

    customer = models.ForeignKey(
        Customer, verbose_name=_("customer"), on_delete=models.CASCADE, related_name="topic_choices"
    )
    topic = models.ForeignKey(Topic, verbose_name=_("topic"), on_delete=models.CASCADE, related_name="choices")
    wanted = models.BooleanField(_("wanted"))
    changed_at = models.DateTimeField(_("since"))

    class Meta:
        verbose_name = _("choice of a topic")
        verbose_name_plural = _("choices of topics")
        constraints = [models.UniqueConstraint(fields=["customer", "topic"], name="retention_topic_choice_once")]


class Preference(models.Model):
    """How often a person wants marketing mail, and until when none at all."""

    class Every(models.IntegerChoices):
        ANY = 0, _("whenever there is something")
        WEEK = 7, _("at most once a week")
        MONTH = 30, _("at most once a month")

    customer = models.OneToOneField(
        Customer, verbose_name=_("customer"), on_delete=models.CASCADE, related_name="preference"
    )
    every_days = models.PositiveSmallIntegerField(_("how often"), choices=Every, default=Every.ANY)
    paused_until = models.DateTimeField(_("paused until"), null=True, blank=True)
    changed_at = models.DateTimeField(_("since"))

    class Meta:
        verbose_name = _("preference")
        verbose_name_plural = _("preferences")
