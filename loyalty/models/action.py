"""What earns besides buying, and what each member got for it."""

from __future__ import annotations

from typing import Any

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from loyalty.models.commented import Commented
from loyalty.models.entry import Entry
from loyalty.models.programme import Programme
from loyalty.models.rule import RuleIsKept
from retention.models import Customer


class Often(models.TextChoices):
    EVER = "ever", _("once")
    THING = "thing", _("once for each thing")
    DAY = "day", _("once a day")


class ActionRuleQuerySet(models.QuerySet["ActionRule"]):
    def current(self) -> ActionRuleQuerySet:
        return self.filter(superseded_at=None)


class ActionRule(models.Model):
    """Points for something that a member did, from a time on. Changed, it gets a successor."""

    programme = models.ForeignKey(
        Programme,
        verbose_name=_("programme"),
        on_delete=models.PROTECT,  # awards say by which version they were made
        related_name="action_rules",
    )
    action = models.CharField(_("what for"), max_length=40)
    """Name of a ``loyalty.deeds.Deed``."""
    points = models.PositiveBigIntegerField(_("points"), validators=[MinValueValidator(1)])
    often = models.CharField(_("how often"), max_length=5, choices=Often, default=Often.EVER)
    approval = models.BooleanField(
        _("somebody approves first"), default=False, help_text=_("Each waits in a list until staff say yes or no.")
    )
    starts_at = models.DateTimeField(_("for what was done from"), editable=False)
    superseded_at = models.DateTimeField(_("until"), null=True, blank=True, editable=False)

    objects = ActionRuleQuerySet.as_manager()

    class Meta:
        verbose_name = _("points for an action")
        verbose_name_plural = _("points for actions")
        constraints = [
            models.UniqueConstraint(
                fields=["programme", "action"], condition=Q(superseded_at=None), name="loyalty_one_rule_per_action"
            ),
            models.CheckConstraint(condition=Q(points__gte=1), name="loyalty_action_gives_something"),
            models.CheckConstraint(
                condition=Q(superseded_at=None) | Q(superseded_at__gte=F("starts_at")),
                name="loyalty_action_ends_after_start",
            ),
        ]

    def __str__(self) -> str:
        return self.action

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise RuleIsKept
        super().save(*args, **kwargs)


class ActionAward(Commented):
    """One thing that one person did, and what came of it. ``key`` makes it count once."""

    class State(models.TextChoices):
        WAITING = "waiting", _("waits for approval")
        NO_ACCOUNT = "guest", _("waits for an account")
        GIVEN = "given", _("given")
        DECLINED = "declined", _("declined")
        DOUBLE = "double", _("done before")

    rule = models.ForeignKey(
        ActionRule,
        verbose_name=_("rule"),
        on_delete=models.PROTECT,  # says by which version
        related_name="awards",
        db_comment="The version in force when it was done.",
    )
    customer = models.ForeignKey(
        Customer,
        verbose_name=_("customer"),
        on_delete=models.PROTECT,  # the ledger outlives the person
        related_name="action_awards",
        db_comment="Who did it.",
    )
    key = models.CharField(
        _("key"), max_length=250, db_comment="Action, person, and the thing or the day: the same again is no second."
    )
    subject = models.CharField(
        _("about"), max_length=128, blank=True, db_comment="What it is about, e.g. an answer's id; never a person."
    )
    state = models.CharField(_("state"), max_length=8, choices=State, db_comment="What came of it.")
    points = models.PositiveBigIntegerField(_("points"), db_comment="By the rule, before any limit.")
    stopped = models.PositiveBigIntegerField(_("stopped"), default=0, db_comment="How many of them a limit stopped.")
    entry = models.OneToOneField(
        Entry,
        verbose_name=_("entry"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="action_award",
        db_comment="What it brought; null while it waits, and where it brought nothing.",
    )
    at = models.DateTimeField(_("done"), db_comment="When it was done, UTC.")
    decided_at = models.DateTimeField(_("decided"), null=True, blank=True, db_comment="When somebody said yes or no.")
    decided_by = models.CharField(_("by"), max_length=150, blank=True, db_comment="Who of the staff did.")
    reason = models.CharField(_("reason"), max_length=200, blank=True, db_comment="Why not, in their words.")

    class Meta:
        verbose_name = _("action of a customer")
        verbose_name_plural = _("actions of customers")
        constraints = [
            models.UniqueConstraint(fields=["key"], name="loyalty_action_once"),
            models.CheckConstraint(condition=Q(stopped__lte=F("points")), name="loyalty_action_stopped_within"),
        ]
        indexes = [
            models.Index(fields=["state", "at"], name="loyalty_action_state"),
        ]
        permissions = [("approve_actions", _("Can approve and decline points for actions"))]

    def __str__(self) -> str:
        return self.key.partition(":")[0]
