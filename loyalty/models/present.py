"""What somebody is given for a round of orders or for a challenge."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from campaigns.models import Coupon, Offer
from loyalty.models.challenge import Participation
from loyalty.models.entry import Entry
from loyalty.models.gift import GIVES_ONE, GiftVersion, Gives
from loyalty.models.programme import DebtPolicy
from loyalty.models.task import Task
from retention.models import Customer

STANDING = ("due", "given")
"""States that make up for one round or one win."""


class PresentQuerySet(models.QuerySet["Present"]):
    def standing(self) -> PresentQuerySet:
        return self.filter(state__in=STANDING)

    def due(self) -> PresentQuerySet:
        return self.filter(state=Present.State.DUE)

    def given(self) -> PresentQuerySet:
        return self.filter(state=Present.State.GIVEN)


class Present(models.Model):
    """One coupon, some points or a task for staff, given once for one reason. Written by ``loyalty.services.presents``.

    A reason is a series (a customer in a plan or a challenge) and a number in it. One that is undone stays as a
    record, and another may take its number.
    """

    class State(models.TextChoices):
        DUE = "due", _("to be given")
        GIVEN = "given", _("given to the customer")
        UNDONE = "undone", _("undone")

    series = models.CharField(_("series"), max_length=60, editable=False)
    number = models.PositiveIntegerField(_("number"))
    attempt = models.PositiveIntegerField(_("attempt"), default=1, editable=False)
    """Above 1 where others of this number were undone."""
    customer = models.ForeignKey(
        Customer,
        verbose_name=_("customer"),
        on_delete=models.PROTECT,  # erasure empties the customer and keeps the row
        related_name="presents",
    )
    version = models.ForeignKey(
        GiftVersion,
        verbose_name=_("gift"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,  # says what was promised
        related_name="presents",
    )
    participation = models.ForeignKey(
        Participation,
        verbose_name=_("participation"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,  # says what was promised
        related_name="presents",
    )
    gives = models.CharField(_("gives"), max_length=6, choices=Gives)
    offer = models.ForeignKey(
        Offer,
        verbose_name=_("offer"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,  # its coupon is to be given
        related_name="+",
    )
    points = models.PositiveIntegerField(_("points"), null=True, blank=True)
    thing = models.CharField(_("what staff put into the parcel"), max_length=150, blank=True)
    order = models.CharField(_("order"), max_length=128, blank=True)
    """The shop's reference of the order that completed it, as it stood then."""
    state = models.CharField(_("state"), max_length=6, choices=State, default=State.DUE)
    waits = models.CharField(_("waits because"), max_length=40, blank=True)
    """Why it could not be given yet: a reason of ``campaigns.reasons``, or empty."""
    coupon = models.ForeignKey(
        Coupon, verbose_name=_("coupon"), null=True, blank=True, on_delete=models.PROTECT, related_name="presents"
    )
    entry = models.ForeignKey(
        Entry, verbose_name=_("entry"), null=True, blank=True, on_delete=models.PROTECT, related_name="presents"
    )
    task = models.ForeignKey(
        Task, verbose_name=_("task"), null=True, blank=True, on_delete=models.PROTECT, related_name="presents"
    )
    debt_policy = models.CharField(max_length=8, choices=DebtPolicy, default=DebtPolicy.OWE, editable=False)
    """As it was when points were given."""
    due_at = models.DateTimeField(_("earned"))
    given_at = models.DateTimeField(_("given since"), null=True, blank=True)
    undone_at = models.DateTimeField(_("undone since"), null=True, blank=True)

    objects = PresentQuerySet.as_manager()

    class Meta:
        verbose_name = _("present")
        verbose_name_plural = _("presents")
        constraints = [
            models.UniqueConstraint(
                fields=["series", "number"], condition=Q(state__in=STANDING), name="loyalty_present_once_per_number"
            ),
            models.UniqueConstraint(fields=["series", "number", "attempt"], name="loyalty_present_once_per_attempt"),
            models.CheckConstraint(
                condition=Q(version__isnull=False, participation=None) | Q(version=None, participation__isnull=False),
                name="loyalty_present_has_one_reason",
            ),
            models.CheckConstraint(condition=GIVES_ONE, name="loyalty_present_is_one_thing"),
            models.CheckConstraint(
                condition=~Q(state="given")
                | Q(gives="coupon", coupon__isnull=False)
                | Q(gives="points", entry__isnull=False)
                | Q(gives="task", task__isnull=False),
                name="loyalty_present_given_is_there",
            ),
        ]
        indexes = [
            models.Index(fields=["customer", "-due_at"], name="loyalty_present_customer"),
            models.Index(fields=["due_at"], condition=Q(state="due"), name="loyalty_present_due"),
        ]

    def __str__(self) -> str:
        return f"{self.series}:{self.number}"

    @property
    def key(self) -> str:
        """What makes its coupon, entry or task one."""
        return f"present:{self.series}:{self.number}:{self.attempt}"
