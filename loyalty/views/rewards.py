"""The shopper's rewards: claiming one, giving one up, points for the basket, and a no to that."""

from __future__ import annotations

from decimal import Decimal

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from loyalty import queries, reward_words
from loyalty.models import Claim, Reward
from loyalty.services import claims, points, using
from loyalty.services.rewards import No
from retention import money, pages
from retention.services import customers, prompts
from retention.shop import get_shop

NUDGE = "points-basket"
"""The name under which a no to points for a basket is remembered."""

LARGEST = 10**12


@login_required
@never_cache
@require_POST
def claim(request: HttpRequest, reward: int) -> HttpResponse:
    """Claim a reward for the signed-in shopper. A donation is asked about once more first."""
    now = timezone.now()
    wanted = get_object_or_404(Reward.objects.exclude(kind=Reward.Kind.POINTS), pk=reward)
    asks = wanted.kind == Reward.Kind.DONATION and "confirmed" not in request.POST
    if asks and Reward.objects.on_offer(at=now).filter(pk=wanted.pk).exists():
        context = {
            "reward": wanted,
            "cost": reward_words.cost(wanted.cost, queries.worth_rates()),
            "key": _key(request),
        }
        return pages.show(request, "loyalty/donate.html", context)
    customer = customers.for_user(request.user, at=now)
    try:
        made = claims.claim(wanted, customer, key=f"page:{customer.pk}:{_key(request)}", at=now)
    except claims.Refused as refusal:
        messages.warning(
            request, reward_words.no(refusal.no, reward=wanted, short=refusal.missing, rates=queries.worth_rates())
        )
    except points.KeyReused:
        messages.warning(request, _("This button was pressed before. Please look at your rewards and try again."))
    else:
        messages.success(request, _said(made))
    return redirect("retention:account")


def _said(made: Claim) -> str:
    if made.coupon is not None:
        return _("The coupon %(code)s is yours: you find it under “My coupons”.") % {"code": made.coupon.code}
    if made.reward.kind == Reward.Kind.DONATION:
        return _("Thank you. Your points are given: %(name)s.") % {"name": made.reward.name}
    return _("We have noted it and see to it: %(name)s.") % {"name": made.reward.name}


@login_required
@never_cache
@require_POST
def give_up(request: HttpRequest, claim: int) -> HttpResponse:
    """Give a claim of the signed-in shopper's up: its points come back."""
    now = timezone.now()
    customer = customers.for_user(request.user, at=now)
    made = get_object_or_404(Claim.objects.select_related("coupon"), pk=claim, account__customer=customer)
    using.leave(request, made, at=now)
    try:
        claims.give_up(made, at=now)
    except claims.InUse:
        messages.warning(request, _in_use())
    else:
        messages.success(request, _("Your points are back."))
    return redirect("retention:account")


def _in_use() -> str:
    return _("An order with it is being placed, so it cannot be given up now.")


@login_required
@never_cache
@require_POST
def use_points(request: HttpRequest) -> HttpResponse:
    """Pay for a part of the basket with points."""
    now = timezone.now()
    customer = customers.for_user(request.user, at=now)
    try:
        made = using.use(request, customer, amount=_asked(request), key=f"basket:{customer.pk}:{_key(request)}", at=now)
    except claims.Refused as refusal:
        reward = Reward.objects.on_offer(at=now).filter(kind=Reward.Kind.POINTS).order_by("position", "pk").first()
        messages.warning(
            request, reward_words.no(refusal.no, reward=reward, short=refusal.missing, rates=queries.worth_rates())
        )
    except using.NotTaken:
        messages.warning(request, _("Points cannot be used for this basket. They are all back in your account."))
    except claims.InUse:
        messages.warning(request, _in_use())
    except points.KeyReused:
        messages.warning(request, str(No.NOT_ON_OFFER.label))
    else:
        rates = [rate for rate in queries.worth_rates() if rate.currency == made.currency]
        messages.success(request, reward_words.set_aside(made.points, rates))
    return redirect(get_shop().cart_url())


@login_required
@require_POST
def dismiss(request: HttpRequest) -> HttpResponse:
    """Remember a no to points for a basket, and go back to it."""
    now = timezone.now()
    customer = customers.for_user(request.user, at=now)
    prompts.dismiss(name=NUDGE, order=f"customer:{customer.pk}", email=customer.email, at=now)
    return redirect(get_shop().cart_url())


def _asked(request: HttpRequest) -> int | Decimal:
    """Return how many points are asked for, or how much money as a Decimal; 0 for what is no number."""
    if "amount" in request.POST:
        amount = money.read(request.POST["amount"])
        return amount if amount and 0 < amount < LARGEST else 0
    asked = request.POST.get("points", "").strip()
    return min(int(asked), LARGEST) if asked.isascii() and asked.isdecimal() and len(asked) < 19 else 0


def _key(request: HttpRequest) -> str:
    """Return what makes one press of a button one claim, however often it is sent."""
    return request.POST.get("key", "")[:60]
