"""Points that end: what is left of them, and until when."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from loyalty.models.account import Account
from loyalty.models.commented import Commented
from loyalty.models.entry import Entry


class Lot(Commented):
    """What came with one entry and ends at one instant. What is in no lot never ends.

    The lots of an account never hold more than its balance.
    """

    account = models.ForeignKey(
        Account,
        verbose_name=_("account"),
        on_delete=models.PROTECT,  # says when points that are owed end
        related_name="lots",
        db_index=False,  # an index below begins with it
        db_comment="Whose points these are.",
    )
    entry = models.ForeignKey(
        Entry,
        verbose_name=_("entry"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="lots",
        db_comment="With which they came; null: they stood already when expiry was switched on.",
    )
    order = models.CharField(
        _("order"),
        max_length=128,
        blank=True,
        db_comment="The shop's reference of the order that earned them, or empty.",
    )
    points = models.BigIntegerField(_("points"), db_comment="How many came.")
    left = models.BigIntegerField(_("points left"), db_comment="Points plus the moves of this lot.")
    expired = models.BigIntegerField(_("ended unused"), default=0, db_comment="How many of them ended unused.")
    expires_at = models.DateTimeField(_("end"), db_comment="From this instant on they are no more, UTC.")
    warned_at = models.DateTimeField(
        _("told"), null=True, blank=True, db_comment="When the customer was told that they end soon."
    )

    class Meta:
        verbose_name = _("points that end")
        verbose_name_plural = _("points that end")
        constraints = [
            models.CheckConstraint(condition=Q(left__gte=0), name="loyalty_lot_not_below_zero"),
            models.CheckConstraint(condition=Q(points__gt=0, expired__gte=0), name="loyalty_lot_has_points"),
        ]
        indexes = [
            models.Index(fields=["account", "expires_at"], condition=Q(left__gt=0), name="loyalty_lot_account"),
            models.Index(fields=["expires_at"], condition=Q(left__gt=0), name="loyalty_lot_due"),
            models.Index(fields=["order"], condition=Q(expired__gt=0), name="loyalty_lot_expired"),
        ]

    def __str__(self) -> str:
        return f"{self.left} / {self.points}"


class LotMove(Commented):
    """What one entry took from a lot, or gave back to it. Append-only."""

    lot = models.ForeignKey(
        Lot, verbose_name=_("lot"), on_delete=models.PROTECT, related_name="moves", db_comment="Which lot."
    )
    entry = models.ForeignKey(
        Entry, verbose_name=_("entry"), on_delete=models.PROTECT, related_name="lot_moves", db_comment="What moved it."
    )
    points = models.BigIntegerField(_("points"), db_comment="Signed whole points.")

    class Meta:
        verbose_name = _("movement of points that end")
        verbose_name_plural = _("movements of points that end")
        constraints = [models.UniqueConstraint(fields=["entry", "lot"], name="loyalty_lot_move_once")]
