"""Which spend, orders or points make which tier, and how long it is kept."""

from __future__ import annotations

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Case, F, Q, When
from django.utils.translation import gettext_lazy as _

from loyalty.models import currency


class Metric(models.TextChoices):
    SPEND = "spend", _("what a customer spends")
    ORDERS = "orders", _("how often a customer orders")
    POINTS = "points", _("points that orders earned")


class Window(models.TextChoices):
    ROLLING = "rolling", _("the last so many days")
    CALENDAR = "calendar", _("the calendar year")
    LIFETIME = "lifetime", _("everything so far")


class Term(models.TextChoices):
    NONE = "none", _("for as long as the customer reaches what keeps it")
    DAYS = "days", _("so many days, then it is looked at again")
    YEAR = "year", _("to the end of the next calendar year")


class Down(models.TextChoices):
    FIT = "fit", _("to the tier that fits")
    STEP = "step", _("one step")


class TierTable(models.Model):
    """A ladder of tiers: what counts, over which time, and how long a tier is kept. At most one is active."""

    name = models.CharField(_("name"), max_length=100)
    active = models.BooleanField(_("active"), default=False)
    metric = models.CharField(_("what counts"), max_length=8, choices=Metric, default=Metric.SPEND)
    currency = models.CharField(
        _("currency"),
        max_length=3,
        blank=True,
        validators=[currency.known],
        help_text=_("ISO code. Orders in other currencies do not count. Empty where orders or points count."),
    )
    window = models.CharField(_("over which time"), max_length=8, choices=Window, default=Window.ROLLING)
    window_days = models.PositiveSmallIntegerField(
        _("window, days"), default=365, help_text=_("Orders placed within so many days count, less their refunds.")
    )
    term = models.CharField(
        _("a tier is kept"),
        max_length=5,
        choices=Term,
        default=Term.NONE,
        help_text=_("Changed, whoever stands in a tier gets one whole term first."),
    )
    term_days = models.PositiveSmallIntegerField(
        _("term, days"), null=True, blank=True, validators=[MinValueValidator(1)]
    )
    grace_days = models.PositiveSmallIntegerField(
        _("grace, days"), default=0, help_text=_("So many days after that, a tier can still be saved.")
    )
    down = models.CharField(_("who does not keep it goes down"), max_length=4, choices=Down, default=Down.FIT)
    notice_days = models.PositiveSmallIntegerField(
        _("notice, days"),
        default=30,
        help_text=_("So many days before a tier is lost its holder gets a mail that says what keeps it. 0: none."),
    )
    computed_at = models.DateTimeField(_("computed"), null=True, blank=True, editable=False)
    stale = models.BooleanField(default=True, editable=False)
    """Changed since everybody's tier was computed; the next tick does it."""

    class Meta:
        verbose_name = _("tier table")
        verbose_name_plural = _("tier tables")
        constraints = [
            models.UniqueConstraint(
                fields=["active"],
                condition=Q(active=True),
                name="loyalty_one_active_table",
                violation_error_message=_("Another tier table is active. Switch it off first."),
            ),
            models.CheckConstraint(
                condition=Q(window_days__gte=1),
                name="loyalty_window_of_a_day",
                violation_error_message=_("The window has at least one day."),
            ),
            models.CheckConstraint(
                condition=~Q(metric=Metric.SPEND) | ~Q(currency=""),
                name="loyalty_spend_in_a_currency",
                violation_error_message=_("Say in which currency spend counts: currencies are never added up."),
            ),
            models.CheckConstraint(
                condition=~Q(term=Term.DAYS) | Q(term_days__isnull=False, term_days__gte=1),
                name="loyalty_term_of_a_day",
                violation_error_message=_("A term has at least one day. Say how many."),
            ),
            models.CheckConstraint(
                # a year that begins anew within a term says nothing about the whole of it
                condition=~Q(term=Term.DAYS, window=Window.CALENDAR),
                name="loyalty_calendar_with_its_term",
                violation_error_message=_(
                    "With the calendar year a tier is kept to the end of the next one, or for as long as the year's "
                    "orders reach it; a term in days goes with a window in days."
                ),
            ),
            models.CheckConstraint(
                # without a term the next look would be the next step, a minute later
                condition=~Q(down=Down.STEP, term=Term.NONE, grace_days=0),
                name="loyalty_steps_take_time",
                violation_error_message=_(
                    "Going down one step at a time needs a term or some days of grace: that is how long a step lasts."
                ),
            ),
        ]

    def __str__(self) -> str:
        return self.name


class TierQuerySet(models.QuerySet["Tier"]):
    def called(self, name: str) -> TierQuerySet:
        """Those of this name, without letter case, and after them the one that was called so last; at most one counts,
        the first."""
        now, before = Q(name__iexact=name.strip()), Q(former__name__iexact=name.strip())
        first = Case(When(now, then=0), default=1)
        return self.filter(now | before).order_by(first, F("former__pk").desc(nulls_last=True), "pk")


class Tier(models.Model):
    """One rung: who reaches ``threshold_minor`` gets onto it, who reaches ``keep_minor`` stays.

    Both are minor units of the table's currency; where orders or points count, their number.
    """

    table = models.ForeignKey(TierTable, verbose_name=_("table"), on_delete=models.CASCADE, related_name="tiers")
    rank = models.PositiveSmallIntegerField(_("rank"), help_text=_("1 is the lowest."))
    name = models.CharField(_("name"), max_length=60)
    threshold_minor = models.BigIntegerField(_("begins at"))
    keep_minor = models.BigIntegerField(_("kept from"), null=True, blank=True)
    """None: the same as it begins at."""

    objects = TierQuerySet.as_manager()

    class Meta:
        verbose_name = _("tier")
        verbose_name_plural = _("tiers")
        constraints = [
            models.UniqueConstraint(fields=["table", "rank"], name="loyalty_tier_once_per_rank"),
            models.UniqueConstraint(fields=["table", "name"], name="loyalty_tier_once_per_name"),
            models.UniqueConstraint(fields=["table", "threshold_minor"], name="loyalty_tier_once_per_threshold"),
            models.CheckConstraint(condition=Q(threshold_minor__gte=0), name="loyalty_threshold_not_negative"),
            models.CheckConstraint(
                condition=Q(keep_minor=None) | Q(keep_minor__gte=0, keep_minor__lte=F("threshold_minor")),
                name="loyalty_keep_within_threshold",
            ),
            models.CheckConstraint(condition=Q(rank__gte=1), name="loyalty_rank_from_one"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def keeps(self) -> int:
        """From where on it is kept."""
        return self.threshold_minor if self.keep_minor is None else self.keep_minor


class TierName(models.Model):
    """What a tier was called before. Conditions and templates that ask for it by this name still mean it."""

    tier = models.ForeignKey(Tier, on_delete=models.CASCADE, related_name="former")
    name = models.CharField(_("name"), max_length=60)

    class Meta:
        verbose_name = _("earlier name of a tier")
        verbose_name_plural = _("earlier names of tiers")
        constraints = [models.UniqueConstraint(fields=["tier", "name"], name="loyalty_former_name_once")]

    def __str__(self) -> str:
        return self.name
