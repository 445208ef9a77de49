"""Segments: saved questions about customers, and lists of them."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Segment(models.Model):
    """Who is meant by an offer, a journey or a figure: whoever the rules hold for now, or a fixed list."""

    class Kind(models.TextChoices):
        RULES = "rules", _("whoever the rules hold for")
        LIST = "list", _("a list of people")

    class Match(models.TextChoices):
        ALL = "all", _("all of the rules hold")
        ANY = "any", _("one of the rules holds")

    slug = models.SlugField(_("short name"), max_length=60, unique=True)
    """Offers and journeys name a segment by it, so it never changes."""
    name = models.CharField(_("name"), max_length=120)
    kind = models.CharField(_("kind"), max_length=5, choices=Kind, default=Kind.RULES)
    match = models.CharField(_("when"), max_length=3, choices=Match, default=Match.ALL)
    created_at = models.DateTimeField(_("made"), editable=False)

    class Meta:
        verbose_name = _("segment")
        verbose_name_plural = _("segments")

    def __str__(self) -> str:
        return self.name


class SegmentRule(models.Model):
    """A registered condition, or its opposite. Rules of a rule: a segment of its own, and "in the segment"."""

    segment = models.ForeignKey(Segment, on_delete=models.CASCADE, related_name="rules")
    name = models.CharField(_("condition"), max_length=80)
    """Of a registered ``Condition``."""
    parameters = models.JSONField(_("parameters"), default=dict, blank=True)
    negated = models.BooleanField(_("not"), default=False)

    class Meta:
        verbose_name = _("rule")
        verbose_name_plural = _("rules")

    def __str__(self) -> str:
        return self.name


class SegmentMember(models.Model):
    """One person on a list."""

    segment = models.ForeignKey(Segment, on_delete=models.CASCADE, related_name="members")
    customer = models.ForeignKey(
        "retention.Customer", verbose_name=_("customer"), on_delete=models.CASCADE, related_name="+"
    )
    added_at = models.DateTimeField(_("added"))

    class Meta:
        verbose_name = _("person on a list")
        verbose_name_plural = _("people on lists")
        constraints = [models.UniqueConstraint(fields=["segment", "customer"], name="campaigns_segment_member_once")]

    def __str__(self) -> str:
        return f"#{self.customer_id}"
