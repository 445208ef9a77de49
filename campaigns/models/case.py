"""Recovery cases: an unhappy customer is somebody's task until something came of it."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class RecoveryCaseQuerySet(models.QuerySet["RecoveryCase"]):
    def unsolved(self) -> RecoveryCaseQuerySet:
        return self.exclude(state=RecoveryCase.State.SOLVED)

    def overdue(self, *, at: datetime) -> RecoveryCaseQuerySet:
        return self.unsolved().filter(due_at__lt=at)


class RecoveryCase(models.Model):
    """A customer who may be about to leave, and what is done about it."""

    class State(models.TextChoices):
        OPEN = "open", _("open")
        TAKEN = "taken", _("taken")
        SOLVED = "solved", _("solved")

    class Priority(models.IntegerChoices):
        LOW = 1, _("low")
        NORMAL = 2, _("normal")
        HIGH = 3, _("high")

    class Source(models.TextChoices):
        ANSWER = "answer", _("low score")
        STAFF = "staff", _("staff")

    class Outcome(models.TextChoices):
        STAYED = "stayed", _("won back")
        LEFT = "left", _("lost")
        NO_ANSWER = "no_answer", _("never answered")
        MISTAKE = "mistake", _("no problem after all")

    class Leaving(models.TextChoices):
        MARKET = "market", _("left the market")
        COMPETITOR = "competitor", _("gone to a competitor")
        DISSATISFIED = "dissatisfied", _("dissatisfied")
        NEGLECTED = "neglected", _("thinks we don't care")

    customer = models.ForeignKey(
        "retention.Customer", verbose_name=_("customer"), on_delete=models.PROTECT, related_name="cases"
    )
    order = models.CharField(_("order"), max_length=128, blank=True)
    source = models.CharField(_("opened by"), max_length=8, choices=Source)
    answer = models.OneToOneField(
        "retention_campaigns.Answer",
        verbose_name=_("answer"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="case",
    )
    """One answer is one case, however often it is changed."""
    state = models.CharField(_("state"), max_length=6, choices=State, default=State.OPEN)
    priority = models.PositiveSmallIntegerField(_("priority"), choices=Priority, default=Priority.NORMAL)
    """By what the customer has spent, beside the others."""
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("owner"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    due_at = models.DateTimeField(_("due"))
    opened_at = models.DateTimeField(_("opened"))
    solved_at = models.DateTimeField(_("solved"), null=True, blank=True)
    outcome = models.CharField(_("outcome"), max_length=10, choices=Outcome, blank=True)
    leaving = models.CharField(_("reason for leaving"), max_length=12, choices=Leaving, blank=True)

    objects = RecoveryCaseQuerySet.as_manager()

    class Meta:
        verbose_name = _("recovery case")
        verbose_name_plural = _("recovery cases")
        indexes = [
            models.Index(
                fields=["-priority", "due_at"],
                condition=~Q(state="solved"),
                name="campaigns_case_todo",
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=~Q(state="solved") | (Q(solved_at__isnull=False) & ~Q(outcome="")),
                name="campaigns_case_solved_how",
            ),
            models.CheckConstraint(condition=~Q(outcome="left") | ~Q(leaving=""), name="campaigns_case_lost_why"),
        ]

    def __str__(self) -> str:
        return _("case %(id)s") % {"id": self.pk}


class CaseNote(models.Model):
    """What was done or learned, by whom. Append-only."""

    case = models.ForeignKey(RecoveryCase, verbose_name=_("case"), on_delete=models.CASCADE, related_name="notes")
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("author"), null=True, on_delete=models.SET_NULL, related_name="+"
    )
    text = models.TextField(_("note"))
    at = models.DateTimeField(_("at"))

    class Meta:
        verbose_name = _("note")
        verbose_name_plural = _("notes")

    def __str__(self) -> str:
        return f"#{self.pk}"
