"""Who may be written to for what, with the evidence."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from retention.models.customer import Customer


class Purpose(models.TextChoices):
    MARKETING = "marketing", _("marketing mail")
    SURVEY = "survey", _("surveys")


class Basis(models.TextChoices):
    OPT_IN = "opt_in", _("opt-in")
    DOUBLE_OPT_IN = "double_opt_in", _("double opt-in")
    SOFT_OPT_IN = "soft_opt_in", _("soft opt-in")
    """A customer's own purchase, the opt-out offered at checkout."""
    IMPORT = "import", _("import")


class Consent(models.Model):
    """The present answer of one customer for one purpose; derived from the evidence."""

    customer = models.ForeignKey(
        Customer, verbose_name=_("customer"), on_delete=models.CASCADE, related_name="consents"
    )
    purpose = models.CharField(_("purpose"), max_length=10, choices=Purpose)
    channel = models.CharField(_("channel"), max_length=10, default="email")
    granted = models.BooleanField(_("granted"))
    basis = models.CharField(_("basis"), max_length=14, choices=Basis, blank=True)
    changed_at = models.DateTimeField(_("since"))

    class Meta:
        verbose_name = _("consent")
        verbose_name_plural = _("consents")
        constraints = [
            models.UniqueConstraint(fields=["customer", "purpose", "channel"], name="retention_consent_once")
        ]


class ConsentEvidence(models.Model):
    """What was shown and chosen, where and when. Append-only."""

    customer = models.ForeignKey(
        Customer, verbose_name=_("customer"), on_delete=models.PROTECT, related_name="consent_evidence"
    )
    purpose = models.CharField(_("purpose"), max_length=10, choices=Purpose)
    channel = models.CharField(_("channel"), max_length=10, default="email")
    granted = models.BooleanField(_("granted"))
    basis = models.CharField(_("basis"), max_length=14, choices=Basis, blank=True)
    text = models.TextField(_("text shown"), blank=True)
    text_version = models.CharField(_("version"), max_length=40, blank=True)
    source = models.CharField(_("source"), max_length=120)
    origin_hash = models.CharField(_("origin, hashed"), max_length=64, blank=True)
    at = models.DateTimeField(_("at"))
    key = models.CharField(max_length=64, blank=True, default="", editable=False)
    """Hash of the line of a file that it came from, so that a file taken in twice says nothing twice."""

    class Meta:
        verbose_name = _("consent evidence")
        verbose_name_plural = _("consent evidence")
        indexes = [models.Index(fields=["customer", "at"], name="retention_evidence_customer")]
        constraints = [
            models.UniqueConstraint(fields=["key"], condition=~models.Q(key=""), name="retention_evidence_once_a_line")
        ]


class CheckoutChoice(models.Model):
    """What was shown and chosen while an order was placed, kept until the order is read."""

    order = models.CharField(_("order"), max_length=128, unique=True)
    opted_out = models.BooleanField(_("opted out"))
    text = models.TextField(_("text shown"))
    text_version = models.CharField(_("version"), max_length=40)
    language = models.CharField(_("language"), max_length=16, blank=True)
    origin_hash = models.CharField(_("origin, hashed"), max_length=64, blank=True)
    at = models.DateTimeField(_("at"))
    applied_at = models.DateTimeField(_("applied"), null=True, blank=True)

    class Meta:
        verbose_name = _("choice at checkout")
        verbose_name_plural = _("choices at checkout")


class Suppression(models.Model):
    """An address that is not written to; it outlives erasure, so it holds an HMAC only."""

    class Scope(models.TextChoices):
        ALL = "all", _("everything but service mail to a proven address")
        MARKETING = "marketing", _("marketing mail")
        SURVEY = "survey", _("surveys")

    class Reason(models.TextChoices):
        UNSUBSCRIBED = "unsubscribed", _("unsubscribed")
        BOUNCED = "bounced", _("hard bounce")
        COMPLAINED = "complained", _("complaint")
        ERASED = "erased", _("erased")
        STAFF = "staff", _("by staff")
        IMPORTED = "imported", _("imported")

    address_hash = models.CharField(_("address, hashed"), max_length=64)
    scope = models.CharField(_("scope"), max_length=10, choices=Scope)
    reason = models.CharField(_("reason"), max_length=14, choices=Reason)
    at = models.DateTimeField(_("since"))

    class Meta:
        verbose_name = _("suppression")
        verbose_name_plural = _("suppressions")
        constraints = [models.UniqueConstraint(fields=["address_hash", "scope"], name="retention_suppressed_once")]
