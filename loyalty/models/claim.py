"""A reward that a customer has claimed: points set aside, spent, or back."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from campaigns.models import Coupon
from loyalty.models.account import Account
from loyalty.models.commented import Commented
from loyalty.models.reward import Reward

LIVE = ("reserved", "committed")
"""States in which the customer has the reward, or may still have it."""


class Claim(Commented):
    """One reward of one account: ``reserved`` while its points are set aside, ``committed`` once they are spent, or
    ``released``.

    What it was used for says the use of its coupon; ``loyalty.services.claims`` brings the points to that.
    """

    class State(models.TextChoices):
        RESERVED = "reserved", _("set aside")
        COMMITTED = "committed", _("spent")
        RELEASED = "released", _("given back")

    class Reason(models.TextChoices):
        LEASE = "lease", _("no order used it in time")
        GIVEN_UP = "given_up", _("given up by the customer")
        STAFF = "staff", _("given back by staff")
        DECLINED = "declined", _("could not be given")
        CANCELLED = "cancelled", _("its order was cancelled or paid back")
        LEFT = "left", _("the customer left the programme")
        UNCOVERED = "uncovered", _("the points it was to cost went back with an order")

    reward = models.ForeignKey(
        Reward,
        verbose_name=_("reward"),
        on_delete=models.PROTECT,  # points were spent on it
        related_name="claims",
        db_comment="What was claimed.",
    )
    account = models.ForeignKey(
        Account,
        verbose_name=_("account"),
        on_delete=models.PROTECT,  # says whose points are set aside
        related_name="claims",
        db_index=False,  # an index below begins with it
        db_comment="Whose points.",
    )
    key = models.CharField(_("key"), max_length=120, db_comment="Name of the wish; the same wish twice is one claim.")
    state = models.CharField(_("state"), max_length=9, choices=State, default=State.RESERVED, db_comment="See above.")
    reason = models.CharField(
        _("given back because"), max_length=9, choices=Reason, blank=True, db_comment="Empty unless released."
    )
    points = models.BigIntegerField(_("points"), db_comment="What it costs at most; set aside while reserved.")
    spent = models.BigIntegerField(
        _("points spent"), default=0, db_comment="What stands as spent: minus the sum of the claim's entries."
    )
    missing = models.BigIntegerField(
        _("points missing"), default=0, db_comment="What an order used and the account did not have any more."
    )
    worth_minor = models.BigIntegerField(
        _("worth, minor units"), null=True, blank=True, db_comment="What the points pay at most; null: not in money."
    )
    currency = models.CharField(_("currency"), max_length=3, blank=True, db_comment="ISO code of the worth.")
    coupon = models.OneToOneField(
        Coupon,
        verbose_name=_("coupon"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,  # points were paid for it
        related_name="claim",
        db_comment="The coupon that the points bought; null: none.",
    )
    order = models.CharField(
        _("order"), max_length=128, blank=True, db_comment="The shop's reference of the order that used it, or empty."
    )
    paid_minor = models.BigIntegerField(
        _("taken off, minor units"), default=0, db_comment="What it took off that order."
    )
    slot = models.PositiveSmallIntegerField(
        _("slot"), null=True, blank=True, db_comment="Which of so many a person may have; null: not limited."
    )
    counted = models.BooleanField(
        _("counted"), default=False, db_comment="Whether it takes one of the reward's stock now."
    )
    postings = models.PositiveIntegerField(
        _("postings"), default=0, db_comment="How often points were posted; part of the entries' keys."
    )
    lease_until = models.DateTimeField(
        _("to be used until"), null=True, blank=True, db_comment="When its points fall back, UTC; null: never."
    )
    claimed_at = models.DateTimeField(_("claimed"), db_comment="UTC.")
    committed_at = models.DateTimeField(_("spent at"), null=True, blank=True, db_comment="UTC.")
    released_at = models.DateTimeField(_("given back at"), null=True, blank=True, db_comment="UTC.")

    class Meta:
        verbose_name = _("claimed reward")
        verbose_name_plural = _("claimed rewards")
        constraints = [
            models.UniqueConstraint(fields=["key"], name="loyalty_claim_once_per_key"),
            models.UniqueConstraint(
                fields=["reward", "account", "slot"],
                condition=Q(state__in=LIVE, slot__isnull=False),
                name="loyalty_claim_slot_once",
            ),
            models.CheckConstraint(condition=Q(points__gt=0), name="loyalty_claim_costs_points"),
            models.CheckConstraint(
                condition=Q(spent__gte=0, missing__gte=0, spent__lte=F("points") - F("missing")),
                name="loyalty_claim_within_cost",
            ),
            models.CheckConstraint(
                condition=Q(state="committed") | Q(spent=0, missing=0), name="loyalty_claim_spent_when_committed"
            ),
            models.CheckConstraint(condition=Q(slot=None) | Q(slot__gte=1), name="loyalty_claim_slot_from_one"),
        ]
        indexes = [
            models.Index(fields=["account", "-id"], name="loyalty_claim_account"),
            models.Index(fields=["lease_until"], condition=Q(state="reserved"), name="loyalty_claim_lease"),
            models.Index(fields=["order"], condition=~Q(order=""), name="loyalty_claim_order"),
        ]
        permissions = [("release_claim", _("Can give back claimed rewards"))]

    def __str__(self) -> str:
        return f"{self.reward} ({self.get_state_display()})"
