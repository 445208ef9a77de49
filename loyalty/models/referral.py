"""Who brought whom, and what came of it."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from campaigns.models import Coupon, Offer
from loyalty.models.commented import Commented
from loyalty.models.programme import DebtPolicy, PendingFrom
from retention.models import Customer

AGAIN = timedelta(hours=1)
"""How long we wait before a reward that could not be given is tried again."""


class ReferralLink(models.Model):
    """A member's one code, in a link or said aloud. It is no secret, and it is not guessed."""

    customer = models.OneToOneField(
        Customer, verbose_name=_("customer"), on_delete=models.CASCADE, related_name="referral_link"
    )
    code = models.CharField(_("code"), max_length=16)
    shows_name = models.BooleanField(
        _("shows the first name"), default=False, help_text=_("On the page that the link opens.")
    )
    made_at = models.DateTimeField(_("made"))

    class Meta:
        verbose_name = _("referral link")
        verbose_name_plural = _("referral links")
        constraints = [models.UniqueConstraint(fields=["code"], name="loyalty_referral_code_once")]

    def __str__(self) -> str:
        return self.code


class ReferralQuerySet(models.QuerySet["Referral"]):
    def due(self, *, at: datetime) -> ReferralQuerySet:
        """Those whose window has closed and that nobody has decided yet; one that was refused, after a while."""
        waiting = self.filter(state=Referral.State.WAITING, due_at__lte=at, friend__isnull=False)
        waiting = waiting.filter(Q(settled_at=None) | Q(settled_at__lt=F("due_at")) | Q(settled_at__lte=at - AGAIN))
        return waiting.exclude(review=Referral.Review.OPEN)

    def queue(self) -> ReferralQuerySet:
        """Those that staff are asked about."""
        return self.filter(review=Referral.Review.OPEN)


class Referral(Commented):
    """One order that came by somebody's link. Written at the checkout with what the browser brought; the rest
    is found out afterwards, and follows the order's facts.
    """

    class State(models.TextChoices):
        NEW = "new", _("just come")
        WAITING = "waiting", _("waits for the return window")
        REWARDED = "rewarded", _("rewarded")
        LOST = "lost", _("the order did not last")
        CAPPED = "capped", _("over the limit")
        DECLINED = "declined", _("declined")
        NO = "no", _("does not count")

    class Why(models.TextChoices):
        UNKNOWN = "unknown", _("no member has this code")
        OFF = "off", _("there were no referral terms in force")
        OLD = "old", _("the link was opened too long before")
        KNOWN = "known", _("the friend had ordered before")
        TWICE = "twice", _("somebody else had brought this friend")
        HISTORY = "history", _("the order is from before going live")
        GONE = "gone", _("the customer is not there any more")
        NO_ORDER = "no_order", _("the shop does not have this order")

    class Review(models.TextChoices):
        NONE = "", _("nothing stands out")
        OPEN = "open", _("to be looked at")
        APPROVED = "approved", _("approved")
        DECLINED = "declined", _("declined")

    order = models.CharField(_("order"), max_length=128, db_comment="The shop's reference of the friend's order.")
    code = models.CharField(_("code"), max_length=16, db_comment="As the browser or the API brought it.")
    parked_at = models.DateTimeField(
        _("link opened"), null=True, blank=True, db_comment="When the friend pressed the link page's button, UTC."
    )
    network_hash = models.CharField(
        _("network"), max_length=64, blank=True, db_comment="HMAC of the network address; emptied after some days."
    )
    friend_coupon = models.ForeignKey(
        Coupon,
        verbose_name=_("friend's coupon"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_comment="Given with the link; it is bound to the friend when the order is known.",
    )
    at = models.DateTimeField(_("ordered"), db_comment="When it came, UTC.")
    state = models.CharField(_("state"), max_length=8, choices=State, default=State.NEW, db_comment="How far it is.")
    why = models.CharField(
        _("because"), max_length=8, choices=Why, blank=True, db_comment="Why it does not count; empty otherwise."
    )
    referrer = models.ForeignKey(
        Customer,
        verbose_name=_("who recommended"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,  # the ledger says what was given for this
        related_name="referrals",
        db_comment="Whose code it is; null: not known yet, or nobody's.",
    )
    friend = models.ForeignKey(
        Customer,
        verbose_name=_("friend"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_comment="Whose order it is; null where it is the referrer's own.",
    )
    friend_key = models.CharField(
        _("friend's mailbox"),
        max_length=64,
        blank=True,
        db_comment="HMAC of the friend's folded address, once the referral counts as theirs.",
    )
    review = models.CharField(
        _("review"), max_length=8, choices=Review, blank=True, default=Review.NONE, db_comment="What staff said."
    )
    reviewed_by = models.CharField(_("reviewed by"), max_length=150, blank=True, db_comment="Who of staff.")
    review_reason = models.CharField(_("reason"), max_length=200, blank=True, db_comment="In staff's words.")
    reviewed_at = models.DateTimeField(_("reviewed"), null=True, blank=True, db_comment="UTC.")
    points = models.PositiveIntegerField(_("points promised"), default=0, db_comment="As it came.")
    friend_points = models.PositiveIntegerField(_("points promised to the friend"), default=0, db_comment="As it came.")
    debt_policy = models.CharField(
        _("where the points were spent already"),
        max_length=8,
        choices=DebtPolicy,
        default=DebtPolicy.OWE,
        db_comment="The programme's, as it came.",
    )
    reward_offer = models.ForeignKey(
        Offer,
        verbose_name=_("coupon promised"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_comment="As it came.",
    )
    window_days = models.PositiveSmallIntegerField(_("return window, days"), default=0, db_comment="As it came.")
    window_from = models.CharField(
        _("return window begins when"),
        max_length=10,
        choices=PendingFrom,
        default=PendingFrom.PAID,
        db_comment="As it came.",
    )
    due_at = models.DateTimeField(
        _("window closes"), null=True, blank=True, db_comment="UTC; null: the order is under way."
    )
    stands = models.PositiveIntegerField(_("points that stand"), default=0, db_comment="Sum of its entries.")
    forgiven = models.PositiveIntegerField(
        _("points kept"),
        default=0,
        db_comment="Of those that stand: were to go back, and the debt policy left them, or they ended unused.",
    )
    friend_holder = models.ForeignKey(
        Customer,
        verbose_name=_("who has the friend's points"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_comment="Whose account they are on; null: none were given.",
    )
    friend_stands = models.PositiveIntegerField(
        _("friend's points that stand"), default=0, db_comment="Sum of the friend's entries."
    )
    friend_forgiven = models.PositiveIntegerField(
        _("points kept by the friend"), default=0, db_comment="As the referrer's that were kept."
    )
    postings = models.PositiveIntegerField(
        _("postings"), default=0, db_comment="How often a difference was posted; part of the entries' keys."
    )
    coupon = models.ForeignKey(
        Coupon,
        verbose_name=_("coupon given"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_comment="The referrer's, where the reward is one.",
    )
    slot_month = models.DateField(
        _("month"), null=True, blank=True, db_comment="First day of the shop's month that the reward counts in."
    )
    slot_in_month = models.PositiveIntegerField(
        _("number in its month"), null=True, blank=True, db_comment="Of the referrer's rewards that stand, from 1."
    )
    slot_ever = models.PositiveIntegerField(
        _("number in all"), null=True, blank=True, db_comment="Of the referrer's rewards that stand, from 1."
    )
    rewarded_at = models.DateTimeField(_("rewarded"), null=True, blank=True, db_comment="First time, UTC.")
    settled_at = models.DateTimeField(_("settled"), null=True, blank=True, db_comment="When it last changed, UTC.")

    objects = ReferralQuerySet.as_manager()

    class Meta:
        verbose_name = _("referral")
        verbose_name_plural = _("referrals")
        constraints = [
            models.UniqueConstraint(fields=["order"], name="loyalty_referral_once_per_order"),
            models.UniqueConstraint(
                fields=["friend_key"], condition=~Q(friend_key=""), name="loyalty_referral_once_per_friend"
            ),
            # two that are rewarded at once cannot both have the last place within a limit
            models.UniqueConstraint(
                fields=["referrer", "slot_month", "slot_in_month"],
                condition=Q(slot_in_month__isnull=False),
                name="loyalty_referral_slot_in_month",
            ),
            models.UniqueConstraint(
                fields=["referrer", "slot_ever"],
                condition=Q(slot_ever__isnull=False),
                name="loyalty_referral_slot_ever",
            ),
            models.CheckConstraint(
                condition=~Q(state="rewarded")
                | Q(slot_month__isnull=False, slot_in_month__isnull=False, slot_ever__isnull=False),
                name="loyalty_referral_reward_has_a_slot",
            ),
            models.CheckConstraint(
                condition=Q(referrer=None) | Q(friend=None) | ~Q(referrer=F("friend")),
                name="loyalty_referrer_is_no_friend",
            ),
            models.CheckConstraint(
                condition=Q(stands=F("forgiven")) | Q(referrer__isnull=False, friend__isnull=False),
                name="loyalty_referral_rewards_two",
            ),
            models.CheckConstraint(
                condition=Q(friend_stands=0) | Q(friend_holder__isnull=False),
                name="loyalty_referral_friends_points_are_somebodys",
            ),
            models.CheckConstraint(
                condition=Q(review__in=("", "open")) | (~Q(reviewed_by="") & ~Q(review_reason="")),
                name="loyalty_referral_review_has_reason",
            ),
        ]
        indexes = [
            models.Index(fields=["referrer", "-id"], name="loyalty_referral_referrer"),
            models.Index(fields=["due_at"], condition=Q(state="waiting"), name="loyalty_referral_due"),
            models.Index(fields=["at"], condition=Q(state="new"), name="loyalty_referral_new"),
            models.Index(fields=["network_hash", "at"], condition=~Q(network_hash=""), name="loyalty_referral_network"),
        ]
        permissions = [("review_referral", _("Can approve and decline referrals"))]

    def __str__(self) -> str:
        return _("referral %(id)s") % {"id": self.pk}


class ReferralFlag(models.Model):
    """Something about a referral that staff should look at before it is rewarded."""

    class Kind(models.TextChoices):
        SELF = "self", _("the order is the referrer's own")
        ADDRESS = "address", _("the same mailbox, spelled otherwise or of another account")
        NETWORK = "network", _("many friends from one network")
        HOME = "home", _("the same name and postcode")
        NAME = "name", _("the same name")
        BURST = "burst", _("many friends at once")

    referral = models.ForeignKey(Referral, verbose_name=_("referral"), on_delete=models.CASCADE, related_name="flags")
    kind = models.CharField(_("what stands out"), max_length=8, choices=Kind)
    count = models.PositiveIntegerField(_("how many"), default=1)
    at = models.DateTimeField(_("seen"))

    class Meta:
        verbose_name = _("what stands out")
        verbose_name_plural = _("what stands out")
        constraints = [models.UniqueConstraint(fields=["referral", "kind"], name="loyalty_referral_flag_once")]

    def __str__(self) -> str:
        return self.get_kind_display()
