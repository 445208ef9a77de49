"""Points that people had in an earlier programme, between the file and the ledger."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from loyalty.models.entry import Entry
from retention.models import Customer, Job


class BalanceImport(models.Model):
    """One file that staff looked at, and what came of it. Its counts hold numbers and never an address."""

    source = models.CharField(_("from"), max_length=40)
    """Name of the earlier programme: one person gets its points once, however many files say so."""
    trusts_accounts = models.BooleanField(_("accounts are trusted"), default=False)
    """Also members whose mailbox is not proven get the points of their address."""
    found = models.JSONField(_("what the file says"), default=dict)
    lines = models.PositiveIntegerField(_("lines"), default=0)
    job = models.OneToOneField(
        Job, verbose_name=_("job"), null=True, blank=True, on_delete=models.PROTECT, related_name="balance_import"
    )
    """None: looked at, and nobody has said yes yet."""
    made_by = models.CharField(_("by"), max_length=150, blank=True)
    created_at = models.DateTimeField(_("looked at"))

    class Meta:
        verbose_name = _("import of balances")
        verbose_name_plural = _("imports of balances")
        permissions = [("import_points", _("Can take in points from a file"))]

    def __str__(self) -> str:
        return _("import of balances %(id)s") % {"id": self.pk}


class BalanceLine(models.Model):
    """What one person had. The address goes once the points are theirs."""

    class State(models.TextChoices):
        LOOKED = "looked", _("looked at")
        WAITING = "waiting", _("waits for its customer")
        CREDITED = "credited", _("given")
        REFUSED = "refused", _("left out")

    whole = models.ForeignKey(BalanceImport, verbose_name=_("file"), on_delete=models.CASCADE, related_name="parts")
    source = models.CharField(_("from"), max_length=40)
    line = models.PositiveIntegerField(_("line"))
    person = models.CharField(max_length=64, editable=False)
    """Hash of the number, or of the address where the file gives no number."""
    address = models.CharField(_("e-mail"), max_length=254, blank=True)
    """In lower case."""
    number = models.CharField(_("number"), max_length=100, blank=True)
    """By which the shop's own books know the customer."""
    points = models.BigIntegerField(_("points"))
    expires_at = models.DateTimeField(_("end"), null=True, blank=True)
    state = models.CharField(_("state"), max_length=8, choices=State, default=State.LOOKED)
    reason = models.CharField(_("why"), max_length=40, blank=True)
    entry = models.OneToOneField(
        Entry,
        verbose_name=_("entry"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,  # says that these points were given
        related_name="balance_line",
    )
    customer = models.ForeignKey(
        Customer, verbose_name=_("customer"), null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    changed_at = models.DateTimeField(_("at"))

    class Meta:
        verbose_name = _("balance of before")
        verbose_name_plural = _("balances of before")
        constraints = [
            models.UniqueConstraint(fields=["whole", "line"], name="loyalty_balance_line_once"),
            models.UniqueConstraint(
                fields=["source", "person"],
                condition=Q(state__in=("waiting", "credited")),
                name="loyalty_balance_once_per_person",
            ),
            models.UniqueConstraint(
                fields=["source", "customer"],
                condition=Q(state="credited"),
                name="loyalty_balance_once_per_customer",
            ),
            models.CheckConstraint(condition=Q(points__gt=0), name="loyalty_balance_above_zero"),
            models.CheckConstraint(
                condition=Q(state="credited", entry__isnull=False) | (~Q(state="credited") & Q(entry=None)),
                name="loyalty_balance_credited_by_entry",
            ),
        ]
        indexes = [
            models.Index(fields=["address"], condition=Q(state="waiting"), name="loyalty_balance_waiting"),
        ]

    def __str__(self) -> str:
        return _("line %(line)s") % {"line": self.line}
