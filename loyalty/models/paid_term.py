"""Who has paid for a membership, by which order, from when until when."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from campaigns.models import Offer
from loyalty.models.commented import Commented
from loyalty.models.plan import Plan
from retention.models import Customer


class PaidTermQuerySet(models.QuerySet["PaidTerm"]):
    def running(self, *, at: datetime) -> PaidTermQuerySet:
        return self.filter(starts_at__lte=at, ends_at__gt=at)


class PaidTerm(Commented):
    """What one order, or one member of staff, gave of a plan. ``loyalty.services.paid_terms`` writes it.

    Its units follow the order's facts; where it starts and ends follows from all terms of the customer.
    """

    key = models.CharField(_("key"), max_length=200, db_comment="Name of the reason: an order's product, or a grant.")
    plan = models.ForeignKey(
        Plan,
        verbose_name=_("paid membership"),
        on_delete=models.PROTECT,  # says what was paid for
        related_name="terms",
        db_comment="What was bought or given.",
    )
    customer = models.ForeignKey(
        Customer,
        verbose_name=_("customer"),
        on_delete=models.PROTECT,  # the shop owes this; erasure empties the customer and keeps the row
        related_name="paid_terms",
        db_index=False,  # an index below begins with it
        db_comment="Whose order it is; a guest's term waits for an account.",
    )
    order = models.CharField(
        _("order"), max_length=128, blank=True, db_comment="The shop's reference; empty: given by staff."
    )
    product = models.CharField(
        _("product"), max_length=128, blank=True, db_comment="As the shop names it; empty: given by staff."
    )
    bought = models.PositiveIntegerField(_("bought"), default=1, db_comment="Pieces in the order.")
    units = models.PositiveIntegerField(
        _("pieces that stand"), default=1, db_comment="Less what was refunded; 0: the order was called off."
    )
    months = models.PositiveSmallIntegerField(_("months each"), db_comment="As bought.")
    multiplier = models.DecimalField(
        _("points, times"), max_digits=5, decimal_places=2, default=Decimal(1), db_comment="As bought."
    )
    paid_minor = models.BigIntegerField(
        _("paid, minor units"), default=0, db_comment="For the pieces that stand, after discounts."
    )
    currency = models.CharField(_("currency"), max_length=3, blank=True, db_comment="ISO code; empty: given by staff.")
    ready_at = models.DateTimeField(
        _("ready"),
        null=True,
        blank=True,
        db_comment="From when on it may start, UTC: paid for, and the order is a member's. Null: it waits.",
    )
    starts_at = models.DateTimeField(_("from"), null=True, blank=True, db_comment="UTC; null: it does not run.")
    ends_at = models.DateTimeField(_("until"), null=True, blank=True, db_comment="UTC; null: it does not run.")
    renews = models.BooleanField(
        _("renewed"), default=False, db_comment="It goes on where an earlier term ended, or soon after."
    )
    reason = models.CharField(_("reason"), max_length=200, blank=True, db_comment="Why staff gave it.")
    author = models.CharField(_("given by"), max_length=150, blank=True, db_comment="Who of staff gave it.")
    ended_at = models.DateTimeField(_("ended by hand"), null=True, blank=True, db_comment="UTC; null: it was not.")
    ended_reason = models.CharField(_("why it was ended"), max_length=200, blank=True, db_comment="In staff's words.")
    ended_by = models.CharField(_("ended by"), max_length=150, blank=True, db_comment="Who of staff ended it.")
    made_at = models.DateTimeField(_("seen"), db_comment="When it was first written, UTC.")

    objects = PaidTermQuerySet.as_manager()

    class Meta:
        verbose_name = _("paid term")
        verbose_name_plural = _("paid terms")
        constraints = [
            models.UniqueConstraint(fields=["key"], name="loyalty_paid_term_once"),
            models.CheckConstraint(
                condition=Q(starts_at=None, ends_at=None) | Q(ends_at__gt=F("starts_at"), units__gt=0),
                name="loyalty_paid_term_has_length",
            ),
            models.CheckConstraint(condition=Q(units__lte=F("bought")), name="loyalty_paid_term_no_more_than_bought"),
            models.CheckConstraint(
                condition=~Q(order="") | (~Q(reason="") & ~Q(author="")), name="loyalty_paid_term_has_a_cause"
            ),
            models.CheckConstraint(
                condition=Q(ended_at=None) | (~Q(ended_reason="") & ~Q(ended_by="")),
                name="loyalty_paid_term_end_has_a_reason",
            ),
        ]
        indexes = [
            models.Index(fields=["customer", "ends_at"], name="loyalty_paid_term_customer"),
            models.Index(fields=["ends_at"], condition=Q(ends_at__isnull=False), name="loyalty_paid_term_ends"),
            models.Index(fields=["order"], condition=~Q(order=""), name="loyalty_paid_term_order"),
        ]
        permissions = [("grant_membership", _("Can give and end paid memberships"))]

    def __str__(self) -> str:
        return _("%(plan)s of customer %(customer)s") % {"plan": self.plan, "customer": self.customer_id}


class PaidMember(Commented):
    """What was last done for a customer's membership of a plan: benefits given, notice sent. The terms decide."""

    plan = models.ForeignKey(
        Plan, verbose_name=_("paid membership"), on_delete=models.PROTECT, related_name="members", db_comment="Of what."
    )
    customer = models.ForeignKey(
        Customer,
        verbose_name=_("customer"),
        on_delete=models.PROTECT,
        related_name="paid_memberships",
        db_index=False,  # the constraint's index begins with it
        db_comment="Whose.",
    )
    since = models.DateTimeField(_("member since"), null=True, blank=True, db_comment="UTC; null: is none now.")
    until = models.DateTimeField(
        _("member until"), null=True, blank=True, db_comment="End of what is paid for without a gap, UTC."
    )
    runs = models.PositiveIntegerField(
        _("times begun"), default=0, db_comment="How often the customer became a member; part of the coupons' keys."
    )
    due_at = models.DateTimeField(
        _("to be looked at"),
        null=True,
        blank=True,
        db_comment="When this row may be other than what was paid for, UTC.",
    )
    gift_due = models.ForeignKey(
        Offer,
        verbose_name=_("gift to come, by the offer"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,  # members were promised it
        related_name="+",
        db_index=False,  # read with the members of a plan
        db_comment="Promised on joining and not given yet, or called off unused; null: nothing is owed.",
    )
    told_until = models.DateTimeField(
        _("told of the end"), null=True, blank=True, db_comment="Of which end the customer was told, UTC."
    )

    class Meta:
        verbose_name = _("paying member")
        verbose_name_plural = _("paying members")
        constraints = [
            models.UniqueConstraint(fields=["customer", "plan"], name="loyalty_paid_member_once"),
            models.CheckConstraint(
                condition=Q(since=None, until=None) | Q(since__isnull=False, until__gt=F("since")),
                name="loyalty_paid_member_since_until",
            ),
        ]
        indexes = [
            models.Index(fields=["plan", "until"], condition=Q(until__isnull=False), name="loyalty_paid_member_until"),
            models.Index(fields=["due_at"], condition=Q(due_at__isnull=False), name="loyalty_paid_member_due"),
        ]

    def __str__(self) -> str:
        return _("%(plan)s of customer %(customer)s") % {"plan": self.plan, "customer": self.customer_id}
