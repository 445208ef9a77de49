"""How fast, how often and when mail goes out: the merchant's choice, and what has been used of it."""

from __future__ import annotations

from decimal import Decimal

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

PERCENT = [MinValueValidator(Decimal("0.01")), MaxValueValidator(Decimal(100))]


class Sending(models.Model):
    """The one row of choices about sending. Marketing and surveys keep to all of it, service mail to the rates only."""

    quiet_from = models.TimeField(_("quiet from"), null=True, blank=True)
    quiet_until = models.TimeField(_("quiet until"), null=True, blank=True)
    """In the recipient's own zone; from 21:00 until 08:00 goes over midnight."""
    per_hour = models.PositiveIntegerField(
        _("mails an hour at most"), null=True, blank=True, validators=[MinValueValidator(1)]
    )
    warm_up_from = models.DateField(_("warm-up since"), null=True, blank=True)
    """First day of a new sending domain: on day n at most ``warm_up_first`` × 2ⁿ mails leave."""
    warm_up_first = models.PositiveIntegerField(
        _("mails on the first day of the warm-up"), default=50, validators=[MinValueValidator(1)]
    )
    complaint_limit = models.DecimalField(
        _("stop at this share of complaints, percent"), max_digits=5, decimal_places=2, default=Decimal("0.30"),
        validators=PERCENT,
    )  # fmt: skip
    bounce_limit = models.DecimalField(
        _("stop at this share of hard bounces, percent"), max_digits=5, decimal_places=2, default=Decimal("5.00"),
        validators=PERCENT,
    )  # fmt: skip
    judged_days = models.PositiveSmallIntegerField(
        _("judged by the mails of this many days"), default=7, validators=[MinValueValidator(1)]
    )
    judged_least = models.PositiveIntegerField(
        _("not judged below this many mails"), default=200, validators=[MinValueValidator(1)]
    )
    utm_source = models.CharField("utm_source", max_length=80, blank=True)
    utm_medium = models.CharField("utm_medium", max_length=80, blank=True)
    utm_campaign = models.CharField("utm_campaign", max_length=80, blank=True)
    """Empty: the name of the mail."""
    stopped_at = models.DateTimeField(_("marketing stopped"), null=True, blank=True, editable=False)
    stopped_why = models.CharField(_("why"), max_length=200, blank=True, editable=False)
    judged_from = models.DateTimeField(null=True, blank=True, editable=False)
    """Mails before this are not judged again: somebody has looked at them and let marketing go on."""

    class Meta:
        verbose_name = _("sending")
        verbose_name_plural = _("sending")
        constraints = [
            models.CheckConstraint(condition=Q(pk=1), name="retention_one_sending"),
            models.CheckConstraint(
                condition=Q(quiet_from=None, quiet_until=None)
                | (Q(quiet_from__isnull=False, quiet_until__isnull=False) & ~Q(quiet_from=F("quiet_until"))),
                name="retention_quiet_has_two_ends",
            ),
        ]

    def __str__(self) -> str:
        return str(_("sending"))


class MailCap(models.Model):
    """How many marketing mails one person may get within so many days, over all journeys."""

    most = models.PositiveSmallIntegerField(_("mails at most"), validators=[MinValueValidator(1)])
    days = models.PositiveSmallIntegerField(
        _("within days"), unique=True, validators=[MinValueValidator(1), MaxValueValidator(365)]
    )

    class Meta:
        verbose_name = _("frequency cap")
        verbose_name_plural = _("frequency caps")

    def __str__(self) -> str:
        return f"{self.most} / {self.days} d"


class DomainRate(models.Model):
    """How many mails an hour the servers of one domain of recipients get at most."""

    domain = models.CharField(_("domain"), max_length=253, unique=True)
    """Lower case, in the form that DNS knows, e.g. ``xn--mnchen-3ya.de``."""
    per_hour = models.PositiveIntegerField(_("mails an hour at most"), validators=[MinValueValidator(1)])

    class Meta:
        verbose_name = _("rate of a domain")
        verbose_name_plural = _("rates of domains")

    def __str__(self) -> str:
        return self.domain


class SendTally(models.Model):
    """How many mails have been started within one hour or day, of all or to one rated domain."""

    scope = models.CharField(max_length=262)
    """``hour``, ``day`` or ``domain:`` and a domain that has a rate; nobody's own domain."""
    since = models.DateTimeField()
    taken = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["scope", "since"], name="retention_send_tally_once")]
