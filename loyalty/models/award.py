"""What an order earned, under which terms, and what of it stands."""

from __future__ import annotations

from datetime import datetime

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from loyalty.models.account import Account
from loyalty.models.commented import Commented
from loyalty.models.programme import Basis, DebtPolicy, Expires, PendingFrom, RefundPolicy
from loyalty.models.rate import Rate


class Capped(models.TextChoices):
    EXTRA = "extra", _("what rules add to the rate")
    ALL = "all", _("everything")


class OrderAwardQuerySet(models.QuerySet["OrderAward"]):
    def waiting(self) -> OrderAwardQuerySet:
        """Pending points that have not opened."""
        return self.filter(opened_at=None, pending__gt=0)

    def due(self, *, at: datetime) -> OrderAwardQuerySet:
        return self.waiting().filter(opens_at__lte=at)

    def without_rate(self) -> OrderAwardQuerySet:
        """Orders in a currency that earns nothing."""
        return self.filter(rate=None)


class OrderAward(Commented):
    """One order's points: the terms as awarded, and the sums of its entries.

    ``loyalty.services.awards`` compares what the order's facts are worth under these terms with
    what stands, and posts the difference.
    """

    order = models.CharField(_("order"), max_length=128, db_comment="The shop's reference.")
    account = models.ForeignKey(
        Account,
        verbose_name=_("account"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,  # says whose points stand
        related_name="awards",
        db_comment="Who holds the points; null while the order belongs to a guest.",
    )
    rate = models.ForeignKey(
        Rate,
        verbose_name=_("rate"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,  # says by which version the order was awarded
        related_name="awards",
        db_comment="The rate in force when the order was placed; null: its currency has none.",
    )
    currency = models.CharField(_("currency"), max_length=3, db_comment="ISO code of the order.")
    rate_points = models.DecimalField(
        _("points per unit"),
        max_digits=12,
        decimal_places=4,
        null=True,
        blank=True,
        db_comment="The rate as awarded; refunds take back by this.",
    )
    refund_policy = models.CharField(
        _("refund policy"),
        max_length=12,
        choices=RefundPolicy,
        default=RefundPolicy.PROPORTIONAL,
        db_comment="As awarded.",
    )
    debt_policy = models.CharField(
        _("debt policy"), max_length=8, choices=DebtPolicy, default=DebtPolicy.OWE, db_comment="As awarded."
    )
    pending_days = models.PositiveSmallIntegerField(
        _("return window, days"), default=0, db_comment="As awarded, before RETENTION[SPEED] divides it."
    )
    pending_from = models.CharField(
        _("return window begins when"),
        max_length=10,
        choices=PendingFrom,
        default=PendingFrom.PAID,
        db_comment="As awarded.",
    )
    basis_kind = models.CharField(
        _("basis"), max_length=5, choices=Basis, default=Basis.GROSS, db_comment="With or without tax, as awarded."
    )
    spent_counts = models.BooleanField(
        _("what points paid for earns"), default=True, db_comment="As awarded: whether it is in the basis."
    )
    basis_minor = models.BigIntegerField(
        _("basis, minor units"), default=0, db_comment="Goods that earn, by the basis as awarded; never shipping."
    )
    breakdown = models.JSONField(
        _("rules"),
        default=dict,
        blank=True,
        db_comment="Rules as awarded, by line: ids and numbers. Empty: the rate alone.",
    )
    capped = models.CharField(
        _("limits hold for"),
        max_length=5,
        blank=True,
        choices=Capped,
        db_comment="As awarded: extra, all, or nothing of it.",
    )
    counted = models.BigIntegerField(_("counted"), default=0, db_comment="Points of it that count for limits.")
    stopped = models.BigIntegerField(_("stopped"), default=0, db_comment="Points of it that a limit stopped.")
    earned = models.BigIntegerField(
        _("earned"), default=0, db_comment="Points of the basis and its rules, before refunds and limits."
    )
    pending = models.BigIntegerField(
        _("pending"), default=0, db_comment="What stands as pending: sum of the order's entries on this account."
    )
    balance = models.BigIntegerField(
        _("open"), default=0, db_comment="What stands as spendable: sum of the order's entries on this account."
    )
    forgiven = models.BigIntegerField(
        _("forgiven"), default=0, db_comment="What should have gone back and was left, by the debt policy."
    )
    at_most = models.PositiveBigIntegerField(
        _("at most"),
        null=True,
        blank=True,
        db_comment="What may stand at most, since its owner had left the programme: 0 when it was placed meanwhile, "
        "else what was left of it when their points were given up; null: whatever it is worth.",
    )
    opens_at = models.DateTimeField(
        _("opens"), null=True, blank=True, db_comment="When pending points open; null: not known yet."
    )
    opened_at = models.DateTimeField(
        _("opened"), null=True, blank=True, db_comment="Since when its points are spendable; never taken back."
    )
    expires = models.CharField(
        _("points end"), max_length=8, choices=Expires, default=Expires.NEVER, db_comment="As awarded."
    )
    expires_after = models.PositiveSmallIntegerField(
        _("after so many days or months"), null=True, blank=True, db_comment="As awarded."
    )
    expires_at = models.DateTimeField(
        _("end"), null=True, blank=True, db_comment="When its points end; null: never, or not known yet."
    )
    postings = models.PositiveIntegerField(
        _("postings"), default=0, db_comment="How often a difference was posted; part of the entries' keys."
    )
    settled_at = models.DateTimeField(_("settled"), db_comment="When something of this row last changed, UTC.")

    objects = OrderAwardQuerySet.as_manager()

    class Meta:
        verbose_name = _("points of an order")
        verbose_name_plural = _("points of orders")
        constraints = [
            models.UniqueConstraint(fields=["order"], name="loyalty_award_once_per_order"),
            models.CheckConstraint(condition=Q(pending__gte=0, balance__gte=0), name="loyalty_award_not_negative"),
            models.CheckConstraint(condition=Q(counted__gte=0, stopped__gte=0), name="loyalty_award_caps_not_negative"),
            models.CheckConstraint(
                condition=Q(forgiven__gte=0, forgiven__lte=F("balance")), name="loyalty_award_forgiven_stands"
            ),
            models.CheckConstraint(
                condition=Q(account__isnull=False) | Q(pending=0, balance=0), name="loyalty_award_guest_holds_nothing"
            ),
            models.CheckConstraint(
                condition=Q(rate__isnull=True, rate_points__isnull=True) | Q(rate__isnull=False, rate_points__gt=0),
                name="loyalty_award_keeps_its_rate",
            ),
        ]
        indexes = [
            models.Index(fields=["opens_at"], condition=Q(opened_at=None, pending__gt=0), name="loyalty_award_waiting"),
            models.Index(fields=["currency"], condition=Q(rate=None), name="loyalty_award_no_rate"),
        ]

    def __str__(self) -> str:
        return self.order
