"""Members who have left the programme, and those who came back."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from loyalty.models.commented import Commented
from loyalty.models.tier import Tier
from retention.models import Customer


class AbsenceQuerySet(models.QuerySet["Absence"]):
    def open(self) -> AbsenceQuerySet:
        """Of those who are out now."""
        return self.filter(returned_at=None)


class Absence(Commented):
    """One time that a member was out of the programme. Kept for ever: what was ordered meanwhile earns nothing.

    While one is open, ``Account.left_at`` says the same, so that whoever locks the account sees it.
    """

    customer = models.ForeignKey(
        Customer,
        verbose_name=_("customer"),
        on_delete=models.PROTECT,  # decides what orders earn; erasure empties the customer and keeps the row
        related_name="absences",
        db_comment="Who left.",
    )
    left_at = models.DateTimeField(_("left"), db_comment="From this instant on nothing is earned, UTC.")
    returned_at = models.DateTimeField(
        _("came back"), null=True, blank=True, db_comment="Up to here nothing was earned, UTC; null: still out."
    )
    given_up_at = models.DateTimeField(
        _("points given up"), null=True, blank=True, db_comment="When the points of before were first written off, UTC."
    )
    write_offs = models.PositiveIntegerField(
        _("write-offs"), default=0, db_comment="How often points were written off; part of the entries' keys."
    )
    tier = models.ForeignKey(
        Tier,
        verbose_name=_("tier"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        db_comment="Where they stood, for when they come back in time; null: nowhere, or the tier was deleted.",
    )
    tier_since = models.DateTimeField(
        _("in the tier since"), null=True, blank=True, db_comment="Since when they stood there, UTC."
    )
    tier_until = models.DateTimeField(
        _("tier kept until"), null=True, blank=True, db_comment="The end of the tier's term, as in its membership, UTC."
    )

    objects = AbsenceQuerySet.as_manager()

    class Meta:
        verbose_name = _("absence from the programme")
        verbose_name_plural = _("absences from the programme")
        constraints = [
            models.UniqueConstraint(
                fields=["customer"], condition=Q(returned_at=None), name="loyalty_absence_one_at_a_time"
            ),
            models.CheckConstraint(
                condition=Q(returned_at=None) | Q(returned_at__gte=F("left_at")),
                name="loyalty_absence_ends_after_start",
            ),
        ]

    def __str__(self) -> str:
        return _("absence of customer %(id)s") % {"id": self.customer_id}
