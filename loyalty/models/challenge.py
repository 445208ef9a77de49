"""Something to do within a time, for a reward."""

from __future__ import annotations

from datetime import datetime

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from campaigns.models import Offer
from loyalty.models import currency
from loyalty.models.gift import GIVES_ONE, Gives
from retention.models import Customer


class Goal(models.TextChoices):
    ORDERS = "orders", _("so many orders")
    PRODUCTS = "products", _("so many different products")
    AMOUNT = "amount", _("goods for an amount")


class Span(models.TextChoices):
    FIXED = "fixed", _("from its first day to its last")
    JOINED = "joined", _("so many days from joining")
    FIRST_ORDER = "order", _("so many days from the first order that counts")


class ChallengeQuerySet(models.QuerySet["Challenge"]):
    def open(self, *, at: datetime) -> ChallengeQuerySet:
        """Those that people can take part in now."""
        return self.filter(Q(ends_at=None) | Q(ends_at__gt=at), active=True, starts_at__lte=at)


class Challenge(models.Model):
    """Orders, products or an amount within a time, for points or a coupon.

    Once somebody takes part, what it asks and gives is not edited any more: end it, and make another.
    """

    name = models.CharField(_("name"), max_length=100, help_text=_("Shoppers see it."))
    words = models.CharField(_("a sentence about it"), max_length=300, blank=True, help_text=_("Shoppers see it."))
    active = models.BooleanField(
        _("active"), default=False, help_text=_("Off: nobody joins any more. Who takes part goes on.")
    )
    goal = models.CharField(_("what is asked"), max_length=8, choices=Goal, default=Goal.ORDERS)
    target = models.BigIntegerField(_("how many, or how much in minor units"), validators=[MinValueValidator(1)])
    currency = models.CharField(_("currency"), max_length=3, blank=True, help_text=_("ISO code, for an amount."))
    starts_at = models.DateTimeField(_("begins"))
    ends_at = models.DateTimeField(
        _("ends"), null=True, blank=True, help_text=_("Where it takes some days, the last time to begin. Empty: open.")
    )
    span = models.CharField(_("time"), max_length=6, choices=Span, default=Span.FIXED)
    days = models.PositiveSmallIntegerField(
        _("days"), null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(366)]
    )
    return_days = models.PositiveSmallIntegerField(
        _("return window, days"),
        default=14,
        validators=[MaxValueValidator(366)],
        help_text=_("So long after the end a return can still undo it; then what was won is final."),
    )
    automatic = models.BooleanField(
        _("everybody takes part by ordering"),
        default=False,
        help_text=_("Off: people take part by a button on their page, and orders count from then on."),
    )
    most = models.PositiveSmallIntegerField(
        _("how often one person can win"), default=1, validators=[MinValueValidator(1), MaxValueValidator(100)]
    )
    condition = models.CharField(_("for whom"), max_length=80, blank=True)
    """Name of a registered condition; empty: everybody with an account."""
    parameters = models.JSONField(_("parameters"), default=dict, blank=True)
    gives = models.CharField(
        _("gives"), max_length=6, choices=[one for one in Gives.choices if one[0] != Gives.TASK], default=Gives.POINTS
    )
    offer = models.ForeignKey(
        Offer,
        verbose_name=_("offer"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,  # who wins is to get its coupon
        related_name="+",
    )
    points = models.PositiveIntegerField(_("points"), null=True, blank=True)
    thing = models.CharField(max_length=150, blank=True, editable=False)
    created_at = models.DateTimeField(_("made"), editable=False)

    objects = ChallengeQuerySet.as_manager()

    class Meta:
        verbose_name = _("challenge")
        verbose_name_plural = _("challenges")
        constraints = [
            models.CheckConstraint(
                condition=Q(target__gte=1),
                name="loyalty_challenge_asks_something",
                violation_error_message=_("It asks for nothing: give a number of at least 1."),
            ),
            models.CheckConstraint(
                condition=Q(ends_at=None) | Q(ends_at__gt=F("starts_at")),
                name="loyalty_challenge_ends_later",
                violation_error_message=_("It ends before it begins."),
            ),
            models.CheckConstraint(
                condition=Q(span="fixed", ends_at__isnull=False, days=None)
                | (~Q(span="fixed") & Q(days__isnull=False, days__gte=1)),
                name="loyalty_challenge_has_a_time",
                violation_error_message=_("Give a last day, or a number of days; not both for a fixed time."),
            ),
            models.CheckConstraint(
                condition=Q(goal="amount") & ~Q(currency="") | ~Q(goal="amount") & Q(currency=""),
                name="loyalty_challenge_amount_has_a_currency",
                violation_error_message=_("An amount needs a currency, and nothing else has one."),
            ),
            models.CheckConstraint(
                condition=~Q(span="joined", automatic=True),
                name="loyalty_challenge_joined_by_button",
                violation_error_message=_("Days from joining need the button to join."),
            ),
            models.CheckConstraint(
                condition=GIVES_ONE,
                name="loyalty_challenge_gives_one_thing",
                violation_error_message=_("Give either an offer or points."),
            ),
            models.CheckConstraint(
                condition=Q(most__gte=1),
                name="loyalty_challenge_can_be_won",
                violation_error_message=_("One person can win it at least once."),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def clean_fields(self, exclude: set[str] | None = None) -> None:  # type: ignore[override]
        super().clean_fields(exclude=exclude)
        if self.currency and "currency" not in (exclude or ()):
            currency.known(self.currency)


class ChallengeGoods(models.Model):
    """Products or categories that alone count. None: everything counts."""

    class Kind(models.TextChoices):
        PRODUCT = "product", _("product")
        CATEGORY = "category", _("category")

    challenge = models.ForeignKey(Challenge, on_delete=models.CASCADE, related_name="goods")
    kind = models.CharField(_("kind"), max_length=8, choices=Kind, default=Kind.PRODUCT)
    reference = models.CharField(_("reference"), max_length=128, help_text=_("As the shop names it."))

    class Meta:
        verbose_name = _("goods that count")
        verbose_name_plural = _("goods that count")
        constraints = [
            models.UniqueConstraint(fields=["challenge", "kind", "reference"], name="loyalty_challenge_goods_once")
        ]

    def __str__(self) -> str:
        return self.reference


class ParticipationQuerySet(models.QuerySet["Participation"]):
    def open(self) -> ParticipationQuerySet:
        """Those whose outcome can still change."""
        return self.filter(closed_at=None)


class Participation(models.Model):
    """One person in one challenge: the time they have, how far they are, and how often they have won."""

    class State(models.TextChoices):
        RUNNING = "running", _("under way")
        WON = "won", _("done")
        MISSED = "missed", _("ended")

    challenge = models.ForeignKey(
        Challenge,
        verbose_name=_("challenge"),
        on_delete=models.PROTECT,  # says what was promised
        related_name="participations",
    )
    customer = models.ForeignKey(
        Customer,
        verbose_name=_("customer"),
        on_delete=models.PROTECT,  # erasure empties the customer and keeps the row
        related_name="challenges",
    )
    state = models.CharField(_("state"), max_length=7, choices=State, default=State.RUNNING)
    joined_at = models.DateTimeField(_("joined"))
    starts_at = models.DateTimeField(_("orders count from"))
    ends_at = models.DateTimeField(_("until"), null=True, blank=True)
    """None: the days begin with the first order that counts, and there is none yet."""
    closes_at = models.DateTimeField(_("final from"), null=True, blank=True)
    """Until then a return can undo it."""
    progress = models.BigIntegerField(_("reached"), default=0)
    """In what the challenge asks: orders, products, or minor units."""
    wins = models.PositiveSmallIntegerField(_("rewards that stand"), default=0)
    counted_at = models.DateTimeField(_("counted"))
    closed_at = models.DateTimeField(_("final since"), null=True, blank=True)

    objects = ParticipationQuerySet.as_manager()

    class Meta:
        verbose_name = _("participation")
        verbose_name_plural = _("participations")
        constraints = [
            models.UniqueConstraint(fields=["challenge", "customer"], name="loyalty_challenge_once_per_person"),
            models.CheckConstraint(condition=Q(progress__gte=0), name="loyalty_challenge_progress_not_negative"),
            models.CheckConstraint(
                condition=Q(ends_at=None) | Q(ends_at__gte=F("starts_at")), name="loyalty_challenge_time_runs_on"
            ),
        ]
        indexes = [
            models.Index(fields=["closes_at"], condition=Q(closed_at=None), name="loyalty_challenge_closing"),
            models.Index(fields=["customer", "-joined_at"], name="loyalty_challenge_person"),
        ]

    def __str__(self) -> str:
        return f"{self.challenge_id}: {self.customer_id}"
