from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from loyalty.models.entry import Entry


class Correction(models.Model):
    """Why staff gave or took points, and who. Apart from the ledger: erasure empties the words, not the entry."""

    entry = models.OneToOneField(
        Entry,
        verbose_name=_("entry"),
        on_delete=models.PROTECT,  # no points by hand without a reason and an author
        related_name="correction",
    )
    reason = models.CharField(_("reason"), max_length=200)
    author = models.CharField(_("author"), max_length=150)

    class Meta:
        verbose_name = _("correction")
        verbose_name_plural = _("corrections")
        constraints = [
            models.CheckConstraint(condition=~Q(reason="") & ~Q(author=""), name="loyalty_correction_has_reason")
        ]

    def __str__(self) -> str:
        return self.reason
