from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Text(models.Model):
    """The merchant's own words for a mail in one language; without any the shipped text goes out.

    Subject, preheader, html and text are Liquid with the values that the mail declares.
    """

    mail = models.CharField(_("mail"), max_length=80)
    language = models.CharField(_("language"), max_length=16)
    subject = models.CharField(_("subject"), max_length=200)
    preheader = models.CharField(_("preheader"), max_length=200, blank=True)
    html = models.TextField(_("HTML"))
    text = models.TextField(_("plain text"))
    products = models.JSONField(_("products"), default=list, blank=True)
    """References of goods that this text shows, in this order."""
    changed_at = models.DateTimeField(_("changed"), auto_now=True)

    class Meta:
        verbose_name = _("text")
        verbose_name_plural = _("texts")
        constraints = [models.UniqueConstraint(fields=["mail", "language"], name="retention_text_once")]
        permissions = [("send_test", _("Can send a test mail to any address"))]

    def __str__(self) -> str:
        return f"{self.mail} ({self.language})"
