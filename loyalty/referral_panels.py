"""Friends on the customer's page in admin, and what is wrong with referrals."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from django.db.models import Count, F, Q
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from campaigns.models import Offer
from campaigns.services import offers
from loyalty.models import Referral, ReferralTerms
from retention import moments, registry
from retention.models import Customer
from retention.registry import Panel, PanelData, Row, Trouble

RECENT = 50


def friends(customer: Customer) -> PanelData:
    """Return whom a customer brought, and who brought them."""
    rows = [
        Row(
            cells=(
                moments.show(one.at),
                _("brought a friend") if one.referrer_id == customer.pk else _("came by a friend"),
                one.order,
                one.get_state_display(),
                str(one.get_why_display() or one.get_review_display()),
                str(one.stands),
            ),
            url=reverse("admin:retention_loyalty_referral_change", args=[one.pk]),
        )
        for one in Referral.objects.filter(Q(referrer=customer) | Q(friend=customer)).order_by("-pk")[:RECENT]
    ]
    columns = (_("When"), _("What"), _("Order"), _("State"), _("Why"), _("Points"))
    return PanelData(columns=columns, rows=rows)


def troubles(at: datetime) -> Iterator[Trouble]:
    """Yield what staff should look at."""
    waiting = Referral.objects.queue().count()
    if waiting:
        yield Trouble(
            what=ngettext("%(n)s referral waits for you", "%(n)s referrals wait for you", waiting) % {"n": waiting},
            cure=_("Look at what stands out about it, and approve or decline it."),
            count=waiting,
            url=reverse("admin:retention_loyalty_referral_changelist") + "?review__exact=open",
        )
    for terms in ReferralTerms.objects.filter(active=True).select_related("friend_offer", "reward_offer"):
        for offer in filter(None, (terms.friend_offer, terms.reward_offer)):
            if offers.closed(offer, at=at) or (offer == terms.reward_offer and offer.first_order_only):
                yield Trouble(
                    what=_("The offer “%(offer)s” is promised for friends, and gives no coupons now")
                    % {"offer": offer.name},
                    cure=_("Switch the offer on, or give the referral terms another."),
                    url=reverse("admin:retention_loyalty_referralterms_change", args=[terms.pk]),
                )
    stuck = Referral.objects.filter(state=Referral.State.WAITING, due_at__lte=at, settled_at__gte=F("due_at"))
    stuck = stuck.exclude(review=Referral.Review.OPEN).filter(friend__isnull=False, reward_offer__isnull=False)
    stuck = stuck.filter(referrer__points_account__left_at=None)  # who has left the programme waits for themselves
    counts = dict(stuck.order_by().values_list("reward_offer").annotate(count=Count("pk")))
    for offer in Offer.objects.filter(pk__in=counts).order_by("name", "pk"):
        yield Trouble(
            what=ngettext(
                "%(n)s reward for a friend waits: the offer “%(offer)s” gives no coupon for it",
                "%(n)s rewards for friends wait: the offer “%(offer)s” gives no coupons for them",
                counts[offer.pk],
            )
            % {"n": counts[offer.pk], "offer": offer.name},
            cure=_("Switch the offer on, give it a later end, and let it be for more than first orders."),
            count=counts[offer.pk],
            url=reverse("admin:retention_campaigns_offer_change", args=[offer.pk]),
        )


def load() -> None:
    """Register panel and troubles."""
    panel = Panel(
        name="loyalty.referrals",
        title=gettext_lazy("Friends"),
        build=friends,
        permission="retention_loyalty.view_referral",
    )
    registry.panels.add(panel.name, panel)
    registry.troubles.add("loyalty.referrals", troubles)
