"""Journeys: what happens to a shopper after something happened, step by step."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class Journey(models.Model):
    """A rule that staff edit. What it does to people is read from its latest version, never from here."""

    class State(models.TextChoices):
        OFF = "off", _("off")
        DRY = "dry", _("dry run")
        """Notes who would enter; does nothing to anybody."""
        ON = "on", _("on")

    class Once(models.TextChoices):
        ORDER = "order", _("once per order")
        PERSON = "person", _("once per person")

    slug = models.SlugField(_("short name"), max_length=60, unique=True)
    """Part of keys, so it never changes."""
    name = models.CharField(_("name"), max_length=120)
    trigger = models.CharField(_("starts when"), max_length=60)
    """Name of a registered ``Trigger``: a kind of fact."""
    once = models.CharField(_("how often"), max_length=6, choices=Once, default=Once.PERSON)
    exits = models.JSONField(_("leaves when"), default=list, blank=True)
    """Names of registered exit rules."""
    topic = models.CharField(_("topic"), max_length=40, blank=True)
    """Slug of a topic of the ground; who has left it out gets none of the journey's marketing mail."""
    state = models.CharField(_("state"), max_length=3, choices=State, default=State.OFF)
    since = models.DateTimeField(_("since"), null=True, blank=True, editable=False)
    """When it was last switched; what happened before it was switched on starts nothing."""
    created_at = models.DateTimeField(_("made"), auto_now_add=True)

    class Meta:
        verbose_name = _("journey")
        verbose_name_plural = _("journeys")
        constraints = [
            models.CheckConstraint(
                condition=Q(state="off") | Q(since__isnull=False), name="campaigns_journey_on_since"
            ),
        ]
        permissions = [("start_journey", _("Can switch journeys on and off"))]

    def __str__(self) -> str:
        return self.name


class JourneyCondition(models.Model):
    """A registered condition that must hold for who enters."""

    journey = models.ForeignKey(Journey, on_delete=models.CASCADE, related_name="conditions")
    name = models.CharField(_("condition"), max_length=80)
    parameters = models.JSONField(_("parameters"), default=dict, blank=True)

    class Meta:
        verbose_name = _("condition")
        verbose_name_plural = _("only who")

    def __str__(self) -> str:
        return self.name


class Step(models.Model):
    """One step of a journey as staff edit it."""

    class Kind(models.TextChoices):
        WAIT = "wait", _("wait")
        MAIL = "mail", _("e-mail")
        COUPON = "coupon", _("coupon")
        SURVEY = "survey", _("survey")
        ACTION = "action", _("other action")

    journey = models.ForeignKey(Journey, verbose_name=_("journey"), on_delete=models.CASCADE, related_name="steps")
    position = models.PositiveSmallIntegerField(_("position"), default=1)
    kind = models.CharField(_("step"), max_length=6, choices=Kind)
    days = models.PositiveSmallIntegerField(_("days"), default=0)
    hours = models.PositiveSmallIntegerField(_("hours"), default=0)
    mail = models.CharField(_("e-mail"), max_length=80, blank=True)
    """Name of a registered ``Mail``."""
    offer = models.ForeignKey(
        "retention_campaigns.Offer",
        verbose_name=_("offer"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,  # a journey that gives coupons of it is running
        related_name="+",
    )
    survey = models.ForeignKey(
        "retention_campaigns.Survey",
        verbose_name=_("survey"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )
    action = models.CharField(_("action"), max_length=80, blank=True)
    """Name of a registered ``Action``."""
    parameters = models.JSONField(_("parameters"), default=dict, blank=True)

    class Meta:
        verbose_name = _("step")
        verbose_name_plural = _("steps")
        constraints = [
            models.CheckConstraint(
                condition=(
                    Q(kind="wait") & (Q(days__gt=0) | Q(hours__gt=0))
                    | Q(kind="mail") & ~Q(mail="")
                    | Q(kind="coupon", offer__isnull=False)
                    | Q(kind="survey", survey__isnull=False)
                    | Q(kind="action") & ~Q(action="")
                ),
                name="campaigns_step_complete",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.position}. {self.get_kind_display()}"


class Immutable(Exception):
    """A version of a journey is never edited: save the journey, and it gets a new one."""


class JourneyVersion(models.Model):
    """What a journey did at a time. Who entered under it keeps it to the end."""

    journey = models.ForeignKey(
        Journey,
        verbose_name=_("journey"),
        on_delete=models.PROTECT,  # the enrolments tell what was done to people
        related_name="versions",
    )
    number = models.PositiveIntegerField(_("version"))
    trigger = models.CharField(_("starts when"), max_length=60)
    once = models.CharField(_("how often"), max_length=6, choices=Journey.Once)
    conditions = models.JSONField(_("only who"))
    """``[{"name": ..., "parameters": {...}}]``"""
    exits = models.JSONField(_("leaves when"))
    topic = models.CharField(_("topic"), max_length=40, blank=True)
    steps = models.JSONField(_("steps"))
    """``[{"kind": "wait", "hours": 48}, {"kind": "coupon", "offer": 1}, {"kind": "mail", "mail": ...}, ...]``"""
    made_at = models.DateTimeField(_("made"))

    class Meta:
        verbose_name = _("version of a journey")
        verbose_name_plural = _("versions of journeys")
        constraints = [
            models.UniqueConstraint(fields=["journey", "number"], name="campaigns_version_once"),
        ]

    def __str__(self) -> str:
        return _("%(journey)s, version %(number)s") % {"journey": self.journey, "number": self.number}

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Insert it. Raises Immutable for a row that exists."""
        if self.pk:
            raise Immutable(Immutable.__doc__)
        super().save(*args, **kwargs)


class EnrolmentQuerySet(models.QuerySet["Enrolment"]):
    def due(self, *, at: datetime) -> EnrolmentQuerySet:
        """Whose next step's time has come, in journeys that are on."""
        return self.filter(state=Enrolment.State.ACTIVE, due_at__lte=at, version__journey__state=Journey.State.ON)


class Enrolment(models.Model):
    """One passage through a journey: of a person, or of a person for one order."""

    class State(models.TextChoices):
        ACTIVE = "active", _("under way")
        FINISHED = "finished", _("finished")
        EXITED = "exited", _("left")
        STUCK = "stuck", _("stuck")
        """A step failed again and again; a person looks."""
        DRY = "dry", _("dry run")

    key = models.CharField(_("key"), max_length=200, unique=True)
    """Of journey and order, or journey and person: the same event twice is one passage."""
    version = models.ForeignKey(
        JourneyVersion, verbose_name=_("version"), on_delete=models.PROTECT, related_name="enrolments"
    )
    customer = models.ForeignKey(
        "retention.Customer",
        verbose_name=_("customer"),
        on_delete=models.PROTECT,  # what was done to whom is kept
        related_name="enrolments",
    )
    order = models.CharField(_("order"), max_length=128, blank=True, db_index=True)
    step = models.PositiveSmallIntegerField(_("next step"), default=0)
    """Index into the version's steps."""
    state = models.CharField(_("state"), max_length=8, choices=State, default=State.ACTIVE)
    reason = models.CharField(_("reason"), max_length=80, blank=True)
    """Why it was left: the name of an exit rule, or a word."""
    since = models.DateTimeField(_("counts from"))
    """An order placed after this is another one."""
    due_at = models.DateTimeField(_("due"))
    values = models.JSONField(_("values"), default=dict)
    """What its steps made, for its mails: ids only, e.g. ``{"coupon": 7}``."""
    tries = models.PositiveSmallIntegerField(_("tries"), default=0)
    error = models.TextField(_("error"), blank=True)
    entered_at = models.DateTimeField(_("entered"))
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)

    objects = EnrolmentQuerySet.as_manager()

    class Meta:
        verbose_name = _("passage through a journey")
        verbose_name_plural = _("passages through journeys")
        indexes = [
            models.Index(fields=["due_at", "id"], condition=Q(state="active"), name="campaigns_enrol_due"),
            models.Index(fields=["customer", "entered_at"], name="campaigns_enrol_who"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=~Q(state__in=["finished", "exited"]) | Q(ended_at__isnull=False),
                name="campaigns_enrolment_ended",
            ),
            models.CheckConstraint(
                condition=~Q(state="exited") | ~Q(reason=""), name="campaigns_enrolment_exit_reason"
            ),
        ]
        permissions = [("end_enrolment", _("Can take shoppers out of journeys"))]

    def __str__(self) -> str:
        return f"{self.version.journey.slug} #{self.pk}"
