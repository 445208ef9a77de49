from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from retention.models.customer import Customer


class Token(models.Model):
    """A secret that a mail carries. Only its SHA-256 is stored; a POST uses it up, once."""

    class Purpose(models.TextChoices):
        CLAIM = "claim", _("open or complete an account")
        SIGN_IN = "sign_in", _("sign in")
        CONFIRM = "confirm", _("confirm a sign-up")
        ANSWER = "answer", _("answer a survey")

    digest = models.CharField(max_length=64, unique=True, editable=False)
    purpose = models.CharField(_("purpose"), max_length=10, choices=Purpose)
    customer = models.ForeignKey(Customer, verbose_name=_("customer"), on_delete=models.CASCADE, related_name="tokens")
    subject = models.CharField(_("subject"), max_length=128, blank=True)
    """What it is about, e.g. an order's reference; using one ends all of the same customer, purpose and subject."""
    created_at = models.DateTimeField(_("created"))
    expires_at = models.DateTimeField(_("expires"))
    used_at = models.DateTimeField(_("used"), null=True, blank=True)

    class Meta:
        verbose_name = _("token")
        verbose_name_plural = _("tokens")
        indexes = [models.Index(fields=["customer", "purpose", "subject"], name="retention_token_about")]
