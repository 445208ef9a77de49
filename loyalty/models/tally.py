"""How much of a limit on points one member has used."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from loyalty.models.account import Account
from loyalty.models.commented import Commented
from loyalty.models.programme import Programme


class Period(models.TextChoices):
    DAY = "day", _("a day")
    MONTH = "month", _("a month")
    PROGRAMME = "all", _("the whole programme")


class CapTally(Commented):
    """Points that a member got in one period and that count for a limit."""

    account = models.ForeignKey(
        Account, on_delete=models.PROTECT, related_name="tallies", db_comment="Whose points these are."
    )
    programme = models.ForeignKey(Programme, on_delete=models.PROTECT, related_name="+", db_comment="Whose limit.")
    period = models.CharField(max_length=5, choices=Period, db_comment="A day, a month, or the whole programme.")
    starts = models.DateField(db_comment="Its first day in the shop's zone; 1970-01-01 for the whole programme.")
    used = models.BigIntegerField(default=0, db_comment="Points that count.")
    most = models.BigIntegerField(db_comment="The limit when points were last added.")

    class Meta:
        verbose_name = _("used of a limit")
        verbose_name_plural = _("used of limits")
        constraints = [
            models.UniqueConstraint(
                fields=["account", "programme", "period", "starts"], name="loyalty_tally_once_per_period"
            ),
            models.CheckConstraint(condition=Q(used__gte=0), name="loyalty_tally_not_negative"),
            models.CheckConstraint(condition=Q(used__lte=F("most")), name="loyalty_tally_within_cap"),
        ]

    def __str__(self) -> str:
        return f"{self.used} / {self.most}"
