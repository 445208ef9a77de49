"""What people had said to another mail service, between the file and our own tables."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from retention.models.job import Job


class ConsentImport(models.Model):
    """One file that staff looked at, and what came of it. It holds numbers and never an address."""

    found = models.JSONField(_("what the file says"), default=dict)
    """Counts of the preview, by name."""
    lines = models.PositiveIntegerField(_("lines"), default=0)
    job = models.OneToOneField(
        Job, verbose_name=_("job"), null=True, blank=True, on_delete=models.PROTECT, related_name="consent_import"
    )
    """None: looked at, and nobody has said yes yet."""
    made_by = models.CharField(_("by"), max_length=150, blank=True)
    created_at = models.DateTimeField(_("looked at"))

    class Meta:
        verbose_name = _("import of consents")
        verbose_name_plural = _("imports of consents")

    def __str__(self) -> str:
        return _("import of consents %(id)s") % {"id": self.pk}


class ConsentImportPart(models.Model):
    """Some lines of the file, deleted in the transaction that takes them in, so that no address stays behind."""

    whole = models.ForeignKey(ConsentImport, on_delete=models.CASCADE, related_name="parts")
    number = models.PositiveIntegerField()
    lines = models.JSONField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["whole", "number"], name="retention_import_part_once")]
