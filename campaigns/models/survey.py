"""Surveys of one question, whom they were sent to, and what was answered."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _


class Survey(models.Model):
    """One question about an order."""

    class Kind(models.TextChoices):
        CSAT = "csat", _("satisfaction, 1 to 5")
        NPS = "nps", _("would recommend, 0 to 10")

    SCALES = {Kind.CSAT: (1, 5), Kind.NPS: (0, 10)}

    slug = models.SlugField(_("short name"), max_length=60, unique=True)
    name = models.CharField(_("name"), max_length=120)
    kind = models.CharField(_("kind"), max_length=4, choices=Kind, default=Kind.CSAT)
    question = models.CharField(
        _("question"), max_length=200, blank=True, help_text=_("Empty: our own words, in the reader's language.")
    )
    low_words = models.CharField(_("words at the low end"), max_length=60, blank=True)
    high_words = models.CharField(_("words at the high end"), max_length=60, blank=True)
    low_score = models.PositiveSmallIntegerField(
        _("a low score is at most"), default=2, help_text=_("An answer this low opens a case.")
    )
    after_delivered = models.PositiveSmallIntegerField(_("days after delivery"), default=3)
    after_fulfilled = models.PositiveSmallIntegerField(
        _("else days after sending"), default=7, help_text=_("Where the shop does not say that an order was delivered.")
    )
    after_placed = models.PositiveSmallIntegerField(
        _("else days after placing"), default=14, help_text=_("Where it does not say either that it was sent.")
    )
    remind_after = models.PositiveSmallIntegerField(
        _("reminder after days"),
        default=5,
        validators=[MinValueValidator(3), MaxValueValidator(7)],
        help_text=_("3 to 7; one reminder, to who has not answered."),
    )
    open_days = models.PositiveSmallIntegerField(_("days to answer"), default=30)
    edit_days = models.PositiveSmallIntegerField(_("days to change an answer"), default=7)

    class Meta:
        verbose_name = _("survey")
        verbose_name_plural = _("surveys")
        constraints = [
            models.CheckConstraint(
                condition=Q(remind_after__gte=3, remind_after__lte=7), name="campaigns_survey_reminds_once"
            ),
            models.CheckConstraint(
                condition=Q(open_days__gt=F("remind_after")),
                name="campaigns_survey_open_longer",
                violation_error_message=_("It must be open for longer than until the reminder."),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def scale(self) -> range:
        """The scores, lowest first."""
        low, high = self.SCALES[Survey.Kind(self.kind)]
        return range(low, high + 1)


class Invitation(models.Model):
    """One person asked about one order, once."""

    class State(models.TextChoices):
        PLANNED = "planned", _("planned")
        SENT = "sent", _("sent")
        """Its mail is in the outbox or gone out; the message knows which."""
        WITHDRAWN = "withdrawn", _("withdrawn")

    survey = models.ForeignKey(Survey, verbose_name=_("survey"), on_delete=models.PROTECT, related_name="invitations")
    order = models.CharField(_("order"), max_length=128, db_index=True)
    customer = models.ForeignKey(
        "retention.Customer", verbose_name=_("customer"), on_delete=models.PROTECT, related_name="invitations"
    )
    enrolment = models.ForeignKey(
        "retention_campaigns.Enrolment",
        verbose_name=_("journey"),
        on_delete=models.PROTECT,
        related_name="invitations",
    )
    state = models.CharField(_("state"), max_length=9, choices=State, default=State.PLANNED)
    reason = models.CharField(_("reason"), max_length=80, blank=True)
    due_at = models.DateTimeField(_("due"))
    """When it leaves, by what is known of the order now."""
    person_hash = models.CharField(max_length=64, blank=True, editable=False)
    """HMAC of the folded address it went to, by which people are not asked too often."""
    sent_at = models.DateTimeField(_("sent"), null=True, blank=True)
    remind_at = models.DateTimeField(_("reminder due"), null=True, blank=True)
    """None: there is none to come."""
    reminded_at = models.DateTimeField(_("reminded"), null=True, blank=True)
    closes_at = models.DateTimeField(_("open until"), null=True, blank=True)
    created_at = models.DateTimeField(_("planned"))

    class Meta:
        verbose_name = _("invitation")
        verbose_name_plural = _("invitations")
        indexes = [
            models.Index(fields=["due_at", "id"], condition=Q(state="planned"), name="campaigns_invite_due"),
            models.Index(
                fields=["remind_at", "id"],
                condition=Q(state="sent", remind_at__isnull=False),
                name="campaigns_remind_due",
            ),
            models.Index(fields=["person_hash", "sent_at"], name="campaigns_invite_who"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["survey", "order"], name="campaigns_invited_once"),
            models.CheckConstraint(
                condition=~Q(state="sent") | Q(sent_at__isnull=False, closes_at__isnull=False),
                name="campaigns_invitation_sent",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.survey.slug} #{self.pk}"


class Answer(models.Model):
    """What was answered to one invitation; it may be changed for a while."""

    invitation = models.OneToOneField(
        Invitation, verbose_name=_("invitation"), on_delete=models.PROTECT, related_name="answer"
    )
    survey = models.ForeignKey(Survey, verbose_name=_("survey"), on_delete=models.PROTECT, related_name="answers")
    score = models.PositiveSmallIntegerField(_("score"))
    comment = models.TextField(_("comment"), blank=True)
    answered_at = models.DateTimeField(_("answered"))
    changed_at = models.DateTimeField(_("changed"))

    class Meta:
        verbose_name = _("answer")
        verbose_name_plural = _("answers")
        indexes = [models.Index(fields=["survey", "answered_at"], name="campaigns_answer_at")]
        constraints = [
            models.CheckConstraint(condition=Q(score__lte=10), name="campaigns_answer_on_scale"),
        ]
        permissions = [("view_comment", _("Can read what shoppers write"))]

    def __str__(self) -> str:
        return f"#{self.pk}"
