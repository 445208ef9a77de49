"""What some orders earn beyond the rate."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from loyalty.models.commented import Commented
from loyalty.models.programme import Programme


class RuleIsKept(Exception):
    """A rule is never edited: what it promised stays readable. Set another in its place (``rules.set_rule``)."""


class EarningRuleQuerySet(models.QuerySet["EarningRule"]):
    def current(self) -> EarningRuleQuerySet:
        return self.filter(superseded_at=None)

    def of(self, programme: Programme) -> EarningRuleQuerySet:
        return self.filter(programme=programme)


class EarningRule(Commented):
    """One version of a rule: for which goods, whom and when, and what it does. Changed, it gets a successor."""

    class Goods(models.TextChoices):
        ALL = "all", _("the whole order")
        ONLY = "only", _("only these products and categories")
        EXCEPT = "except", _("all but these products and categories")

    class When(models.TextChoices):
        ALWAYS = "always", _("every order")
        FIRST = "first", _("the first order")
        NTH = "nth", _("the order with this number")
        EVERY = "every", _("every so many orders")
        TIER = "tier", _("orders of who stands in a tier, or above it")
        SHIPPED_FREE = "shipped", _("orders without shipping costs")
        CONDITION = "asked", _("orders of whom a condition holds for")

    class Effect(models.TextChoices):
        TIMES = "times", _("multiplies the points")
        ORDER = "order", _("gives extra points, once an order")
        PIECE = "piece", _("gives extra points for each piece")
        NOTHING = "nothing", _("these goods earn nothing")

    programme = models.ForeignKey(
        Programme,
        verbose_name=_("programme"),
        on_delete=models.PROTECT,  # awards say by which rules they were made
        related_name="rules",
    )
    name = models.CharField(_("name"), max_length=100, help_text=_("Shoppers read it, e.g. “Tea weeks”."))
    goods = models.CharField(_("for which goods"), max_length=6, choices=Goods, default=Goods.ALL)
    products = models.JSONField(_("products"), default=list, blank=True)
    categories = models.JSONField(_("categories"), default=list, blank=True)
    when = models.CharField(_("for which orders"), max_length=8, choices=When, default=When.ALWAYS)
    nth = models.PositiveIntegerField(
        _("number of the order"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(10_000)],
        help_text=_("Orders that count: neither cancelled nor paid back in full, by the time they were placed."),
    )
    tier = models.CharField(_("tier"), max_length=60, blank=True)
    condition = models.CharField(_("condition"), max_length=80, blank=True)
    parameters = models.JSONField(_("parameters"), default=dict, blank=True)
    placed_from = models.DateTimeField(_("placed from"), null=True, blank=True)
    placed_until = models.DateTimeField(_("placed before"), null=True, blank=True)
    effect = models.CharField(_("what it does"), max_length=8, choices=Effect, default=Effect.TIMES)
    times = models.DecimalField(
        _("times"),
        max_digits=6,
        decimal_places=2,
        null=True,
        blank=True,
        help_text=_("2 doubles, 1.5 gives half as much again. Of several, the best for the customer counts."),
    )
    points = models.PositiveBigIntegerField(_("extra points"), null=True, blank=True)
    starts_at = models.DateTimeField(_("for orders placed from"), editable=False)
    superseded_at = models.DateTimeField(_("until"), null=True, blank=True, editable=False)
    replaces = models.OneToOneField(
        "self", null=True, blank=True, editable=False, on_delete=models.PROTECT, related_name="replaced_by"
    )
    """The version before; one has one successor, whoever saves at the same time."""

    objects = EarningRuleQuerySet.as_manager()

    class Meta:
        verbose_name = _("earning rule")
        verbose_name_plural = _("earning rules")
        constraints = [
            models.CheckConstraint(
                condition=Q(effect="times", times__isnull=False, times__gt=0, points=None)
                | Q(effect__in=["order", "piece"], times=None, points__isnull=False, points__gte=1)
                | Q(effect="nothing", times=None, points=None),
                name="loyalty_rule_does_one_thing",
                violation_error_message=_("Give a number above zero for what the rule does, and none for the rest."),
            ),
            models.CheckConstraint(
                condition=Q(when__in=["nth", "every"], nth__isnull=False, nth__gte=1)
                | (~Q(when__in=["nth", "every"]) & Q(nth=None)),
                name="loyalty_rule_names_its_order",
                violation_error_message=_("Say which order it is, counted from 1."),
            ),
            models.CheckConstraint(
                condition=Q(placed_from=None) | Q(placed_until=None) | Q(placed_from__lt=F("placed_until")),
                name="loyalty_rule_ends_after_it_starts",
                violation_error_message=_("It ends before it starts."),
            ),
            models.CheckConstraint(
                condition=Q(superseded_at=None) | Q(superseded_at__gte=F("starts_at")),
                name="loyalty_rule_superseded_after_start",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise RuleIsKept
        super().save(*args, **kwargs)

    def in_force(self, placed_at: datetime) -> bool:
        """Whether this version, and its dates, are those of an order placed then."""
        begins = max(self.starts_at, self.placed_from or self.starts_at)
        ends = min((end for end in (self.superseded_at, self.placed_until) if end), default=None)
        return begins <= placed_at and (ends is None or placed_at < ends)
