"""The ledger."""

from __future__ import annotations

from typing import Any, NoReturn

from django.db import models
from django.utils.translation import gettext_lazy as _

from loyalty.models.account import Account
from loyalty.models.commented import Commented


class LedgerOnlyGrows(Exception):
    """An entry is never changed or deleted: answer it with its mirror (``points.reverse``)."""


class EntryQuerySet(models.QuerySet["Entry"]):
    def update(self, **kwargs: Any) -> NoReturn:
        raise LedgerOnlyGrows

    def delete(self) -> NoReturn:
        raise LedgerOnlyGrows

    def of_balance(self) -> EntryQuerySet:
        return self.filter(bucket=Entry.Bucket.BALANCE)


class Entry(Commented):
    """One movement of points. Written by ``loyalty.services.points``, never changed, never deleted."""

    class Kind(models.TextChoices):
        AWARD = "award", _("earned")
        OPEN = "open", _("opened")
        CLAWBACK = "clawback", _("taken back")
        MOVE = "move", _("moved with its order")
        GRANT = "grant", _("given")
        CORRECTION = "correction", _("correction")
        REVERSAL = "reversal", _("reversed")
        TRANSFER = "transfer", _("joined from another account")
        SPEND = "spend", _("spent")
        RETURN = "return", _("given back")
        EXPIRY = "expiry", _("expired")
        FORFEIT = "forfeit", _("given up")
        CAPPED = "capped", _("stopped by a limit")

    class Bucket(models.TextChoices):
        PENDING = "pending", _("pending")
        BALANCE = "balance", _("balance")

    account = models.ForeignKey(
        Account,
        verbose_name=_("account"),
        on_delete=models.PROTECT,  # a ledger without its accounts explains nothing
        related_name="entries",
        db_comment="Whose points move.",
    )
    key = models.CharField(
        _("key"), max_length=200, db_comment="Name of the reason; the same reason twice is one entry."
    )
    kind = models.CharField(_("kind"), max_length=10, choices=Kind, db_comment="Why points move.")
    bucket = models.CharField(
        _("bucket"), max_length=8, choices=Bucket, db_comment="pending: not spendable yet; balance: spendable."
    )
    points = models.BigIntegerField(_("points"), db_comment="Signed whole points.")
    balance_after = models.BigIntegerField(
        _("balance after"),
        db_comment="The account's balance right after this entry; entries of one account count by id.",
    )
    order = models.CharField(
        _("order"),
        max_length=128,
        blank=True,
        db_comment="The shop's reference of the order that moved them, or empty.",
    )
    basis_minor = models.BigIntegerField(
        _("basis, minor units"),
        null=True,
        blank=True,
        db_comment="Amount that earned, minor units; null without an order.",
    )
    currency = models.CharField(
        _("currency"), max_length=3, blank=True, db_comment="ISO code of the basis; empty without an order."
    )
    rate = models.DecimalField(
        _("rate"),
        max_digits=12,
        decimal_places=4,
        null=True,
        blank=True,
        db_comment="Points per unit of the currency as recorded with the award.",
    )
    breakdown = models.JSONField(
        _("breakdown"), default=dict, db_comment="How the number came about: target, refunds, policy, cause."
    )
    source = models.CharField(
        _("source"), max_length=120, blank=True, db_comment="Who asked for it, e.g. a journey; no personal data."
    )
    opens_at = models.DateTimeField(
        _("opens"), null=True, blank=True, db_comment="When pending points open, as known when written, UTC."
    )
    at = models.DateTimeField(
        _("at"), db_comment="When what moved the points happened, UTC; entries of one account count by id."
    )

    objects = EntryQuerySet.as_manager()

    class Meta:
        verbose_name = _("ledger entry")
        verbose_name_plural = _("ledger entries")
        constraints = [models.UniqueConstraint(fields=["key"], name="loyalty_entry_once_per_key")]
        indexes = [
            models.Index(fields=["account", "-id"], name="loyalty_entry_account"),
            models.Index(fields=["order"], condition=~models.Q(order=""), name="loyalty_entry_order"),
        ]

    def __str__(self) -> str:
        return f"{self.points:+d} {self.key}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise LedgerOnlyGrows
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise LedgerOnlyGrows
