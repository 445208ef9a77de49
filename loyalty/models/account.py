"""What a customer has, cached; the entries are the truth."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from loyalty.models.commented import Commented
from retention.models import Customer


class Account(Commented):
    """One member's points. Guests hold none.

    Balance and pending move in the transaction that writes the entries, while the row is locked.
    """

    customer = models.OneToOneField(
        Customer,
        verbose_name=_("customer"),
        on_delete=models.PROTECT,  # the shop owes these points; erasure empties the customer and keeps the row
        related_name="points_account",
        db_comment="Whose points these are.",
    )
    balance = models.BigIntegerField(
        _("balance"), default=0, db_comment="Spendable points: the sum of the entries of bucket balance."
    )
    pending = models.BigIntegerField(
        _("pending"), default=0, db_comment="Points that have not opened: the sum of the entries of bucket pending."
    )
    owed = models.BigIntegerField(
        _("owed"),
        default=0,
        db_comment="How far below zero clawbacks and corrections have led. Nothing else may raise it.",
    )
    held = models.BigIntegerField(
        _("set aside"), default=0, db_comment="Points that claimed rewards will cost: the sum of the reserved claims."
    )
    uncovered = models.BigIntegerField(
        _("not covered"),
        default=0,
        db_comment="How far clawbacks and corrections have led the balance below what is set aside.",
    )
    left_at = models.DateTimeField(
        _("left"),
        null=True,
        blank=True,
        db_comment="Since when its owner is out of the programme, UTC; null: they are in. Who locks the row sees it.",
    )
    absences = models.PositiveIntegerField(
        _("times left"), default=0, db_comment="How often its owner has left the programme."
    )
    created_at = models.DateTimeField(_("opened"), db_comment="When the first points came.")

    class Meta:
        verbose_name = _("points account")
        verbose_name_plural = _("points accounts")
        constraints = [
            # who only writes the balance, as a rule or a purchase would, cannot lead it below what is owed already
            models.CheckConstraint(condition=Q(balance__gte=-F("owed")), name="loyalty_balance_covered"),
            models.CheckConstraint(condition=Q(owed__gte=0), name="loyalty_owed_not_negative"),
            models.CheckConstraint(condition=Q(pending__gte=0), name="loyalty_pending_not_negative"),
            models.CheckConstraint(condition=Q(held__gte=0, uncovered__gte=0), name="loyalty_held_not_negative"),
            # nor can it set aside, or spend, what is set aside already
            models.CheckConstraint(
                condition=Q(held=0) | Q(balance__gte=F("held") - F("uncovered")), name="loyalty_held_covered"
            ),
        ]
        indexes = [
            models.Index(fields=["customer"], condition=Q(left_at__isnull=False), name="loyalty_account_left"),
        ]
        permissions = [("adjust_points", _("Can give and take points by hand"))]

    @property
    def spendable(self) -> int:
        """What can be spent now: the balance without what is set aside; never below 0."""
        return max(0, self.balance - self.held)

    def __str__(self) -> str:
        return _("points of customer %(id)s") % {"id": self.customer_id}
