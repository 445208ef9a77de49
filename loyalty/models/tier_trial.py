"""Who would move if a tier table were saved as somebody has written it."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from loyalty.models.tier import TierTable
from retention.models import Customer, Job


class TierTrial(models.Model):
    """One dry run of a table over the real customers. It changes nothing but its own rows, which go after a while."""

    job = models.OneToOneField(Job, verbose_name=_("job"), on_delete=models.CASCADE, related_name="tier_trial")
    table = models.ForeignKey(
        TierTable, verbose_name=_("tier table"), null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    """The table that was edited; None for a new one."""
    name = models.CharField(_("name"), max_length=100)
    rules = models.JSONField(default=dict)
    """The table as it was written: ``loyalty.services.tier_rules.Rules``."""
    form = models.JSONField(default=list)
    """What was in the form, to save it from the result's page: pairs of name and value."""
    made_by = models.CharField(_("by"), max_length=150, blank=True)
    created_at = models.DateTimeField(_("asked for"))

    class Meta:
        verbose_name = _("dry run of a tier table")
        verbose_name_plural = _("dry runs of tier tables")
        default_permissions = ("view",)

    def __str__(self) -> str:
        return self.name


class TierTrialCount(models.Model):
    """How many customers a part of a dry run found, by where they stand and would stand."""

    trial = models.ForeignKey(TierTrial, on_delete=models.CASCADE, related_name="counts")
    old_name = models.CharField(max_length=60, blank=True)
    new_name = models.CharField(max_length=60, blank=True)
    kept = models.BooleanField(default=False)
    """They stand there only until their term or their grace ends."""
    people = models.PositiveIntegerField()

    class Meta:
        default_permissions = ()


class TierTrialMove(models.Model):
    """One customer who would move."""

    trial = models.ForeignKey(TierTrial, on_delete=models.CASCADE, related_name="moves")
    customer = models.ForeignKey(Customer, verbose_name=_("customer"), on_delete=models.CASCADE, related_name="+")
    old_name = models.CharField(_("from"), max_length=60, blank=True)
    new_name = models.CharField(_("to"), max_length=60, blank=True)
    up = models.BooleanField(_("up"))
    qualified_minor = models.BigIntegerField(_("what counts"))

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["trial", "customer"], name="loyalty_trial_moves_once")]
