"""What friends bring, who brought whom, and the queue of what stands out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from loyalty import referral_words
from loyalty.admin.confirming import ConfirmedAdmin
from loyalty.models import Referral, ReferralLink, ReferralTerms
from loyalty.services import referral_reviews
from retention.admin.base import ReadOnlyAdmin

MAY_REVIEW = "retention_loyalty.review_referral"


class TermsForm(forms.ModelForm):
    def clean_reward_offer(self) -> Any:
        offer = self.cleaned_data["reward_offer"]
        if offer is not None and offer.first_order_only:
            raise forms.ValidationError(_("This offer is for first orders only."))
        return offer


@admin.register(ReferralTerms)
class ReferralTermsAdmin(ConfirmedAdmin):
    form = TermsForm
    list_display = ("name", "active", "points", "reward_offer", "friend_offer", "friend_points", "window_days")
    list_select_related = ("reward_offer", "friend_offer")
    fields = (
        "name", "active", "friend_offer", "friend_points", "points", "reward_offer", "window_days", "window_from",
        "link_days", "most_per_month", "most_ever", "network_orders", "network_days", "burst_orders", "burst_hours",
        "does",
    )  # fmt: skip
    readonly_fields = ("does",)
    ordering = ("-active", "name")

    @admin.display(description=gettext_lazy("what they do"))
    def does(self, terms: ReferralTerms) -> str:
        if terms.pk is None:
            return _("Shown before it is saved.")
        return format_html_join("", "<p>{}</p>", ((sentence,) for sentence in self.consequences(terms)))

    def consequences(self, saved: ReferralTerms) -> Iterable[str]:
        yield from referral_words.for_staff(saved, at=timezone.now())
        yield _("Friends who came before keep what was promised then.")


@admin.register(ReferralLink)
class ReferralLinkAdmin(ReadOnlyAdmin):
    list_display = ("code", "customer", "shows_name", "made_at")
    list_select_related = ("customer",)
    search_fields = ("=code", "=customer__id")
    date_hierarchy = "made_at"
    ordering = ("-made_at", "pk")


class DecisionForm(forms.Form):
    """Yes or no, and why."""

    decision = forms.ChoiceField(
        label=gettext_lazy("Decision"),
        choices=[("approve", gettext_lazy("Approve: rewarded when the return window closes, if the order lasts")),
                 ("decline", gettext_lazy("Decline: never rewarded"))],
        widget=forms.RadioSelect,
    )  # fmt: skip
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=200,
        help_text=gettext_lazy("Kept with your name. The customer sees only “Does not count”, or the reward."),
    )


@admin.register(Referral)
class ReferralAdmin(ReadOnlyAdmin):
    list_display = (
        "at", "brought_by", "stands_out", "decision", "state", "why", "review", "due_at", "stands", "order"
    )  # fmt: skip
    list_filter = ("review", "state", "why", "flags__kind")
    list_select_related = ("referrer",)
    fields = (
        "at", "order", "code", "brought_by", "brought", "state", "why", "stands_out", "review", "reviewed_by",
        "review_reason", "reviewed_at", "decision", "points", "reward_offer", "window_days", "window_from", "due_at",
        "stands", "debt_policy", "forgiven", "coupon", "rewarded_at", "friend_coupon", "friend_points",
        "friend_stands", "friend_forgiven", "parked_at",
    )  # fmt: skip
    readonly_fields = ("brought_by", "brought", "stands_out", "decision")
    search_fields = ("=order", "=code", "=referrer__id", "=friend__id")
    date_hierarchy = "at"
    ordering = ("-pk",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Referral]:
        return super().get_queryset(request).prefetch_related("flags")

    @admin.display(description=gettext_lazy("brought by"))
    def brought_by(self, referral: Referral) -> str:
        return _customer(referral.referrer_id)

    @admin.display(description=gettext_lazy("friend"))
    def brought(self, referral: Referral) -> str:
        return _customer(referral.friend_id)

    @admin.display(description=gettext_lazy("stands out"))
    def stands_out(self, referral: Referral) -> str:
        said = [
            f"{flag.get_kind_display()} ({flag.count})" if flag.count > 1 else str(flag.get_kind_display())
            for flag in sorted(referral.flags.all(), key=lambda flag: flag.pk)
        ]
        return "; ".join(said) or "–"

    @admin.display(description=gettext_lazy("decide"))
    def decision(self, referral: Referral) -> str:
        if referral.review != Referral.Review.OPEN:
            return "–"
        url = reverse("admin:retention_loyalty_referral_decide", args=[referral.pk])
        return format_html('<a class="button" href="{}">{}</a>', url, _("Decide"))

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.decide)
        return [path("<int:pk>/decide/", view, name="retention_loyalty_referral_decide"), *super().get_urls()]

    def decide(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Approve or decline one referral of the queue."""
        if not request.user.has_perm(MAY_REVIEW):
            raise PermissionDenied
        referral = get_object_or_404(Referral, pk=pk)
        form = DecisionForm(request.POST if request.method == "POST" else None)
        if form.is_valid() and self._decide(request, referral, form):
            return redirect(reverse("admin:retention_loyalty_referral_changelist") + "?review__exact=open")
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Approve or decline"),
            "referral": referral,
            "stands_out": self.stands_out(referral),
            "form": form,
        }
        return TemplateResponse(request, "loyalty/admin/decide.html", context, status=422 if form.errors else 200)

    def _decide(self, request: HttpRequest, referral: Referral, form: Any) -> bool:
        data = form.cleaned_data
        try:
            referral_reviews.decide(
                referral,
                approve=data["decision"] == "approve",
                reason=data["reason"],
                author=request.user.get_username(),
                at=timezone.now(),
            )
        except referral_reviews.OwnOrder:
            form.add_error("decision", _("The order is the referrer's own: it can only be declined."))
        except referral_reviews.NoReason:
            form.add_error("reason", _("Say why."))
        except referral_reviews.Reviewed:
            messages.warning(request, _("It has been decided meanwhile; your decision was not kept."))
            return True
        else:
            messages.success(request, _("Decided: %(what)s.") % {"what": referral})
            return True
        return False


def _customer(pk: int | None) -> str:
    if pk is None:
        return "–"
    url = reverse("admin:retention_customer_change", args=[pk])
    return format_html('<a href="{}">{}</a>', url, _("customer %(id)s") % {"id": pk})
