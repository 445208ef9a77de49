"""What pages and the API show of points and tiers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta

from django.db.models import Count, Exists, F, Min, Q, Sum

from campaigns.validity import last_day
from loyalty.conf import conf
from loyalty.models import Account, Entry, Lot, Membership, OrderAward, Programme, Rate, Tier, TierBenefit, TierTable
from loyalty.models.programme import Expires
from retention.conf import conf as ground
from retention.models import Customer, Order


def account(customer: Customer) -> Account | None:
    """Return a customer's account; None for who never had a point."""
    return Account.objects.filter(customer=customer).first()


def soon(at: datetime, *, lots: str = "") -> Q:
    """Return which lots end soon (``EXPIRY_NOTICE_DAYS``), none where points never end now.

    ``lots``: how they are reached, e.g. ``lots__``.
    """
    until = at + timedelta(days=conf.EXPIRY_NOTICE_DAYS) / ground.SPEED
    ends = Q(**{f"{lots}left__gt": 0, f"{lots}expires_at__gt": at, f"{lots}expires_at__lte": until})
    return ends & Q(Exists(Programme.objects.filter(active=True).exclude(expires=Expires.NEVER)))


def account_ending(customer: Customer, *, at: datetime) -> Account | None:
    """Return a customer's account with ``ending``, points that end soon, and ``ends_at``, when the first of them do."""
    ends = soon(at, lots="lots__")
    rows = Account.objects.filter(customer=customer)
    return rows.annotate(ending=Sum("lots__left", filter=ends), ends_at=Min("lots__expires_at", filter=ends)).first()


def ends(account: Account) -> dict[date, int]:
    """Return the last day, of the shop's zone, on which points can be used → how many, the first day first."""
    found: dict[date, int] = defaultdict(int)
    lots = Lot.objects.filter(account=account, left__gt=0).order_by("expires_at")
    for expires_at, left in lots.values_list("expires_at", "left"):
        found[last_day(expires_at)] += left
    return found


def entries(account: Account, *, limit: int, before: int | None = None) -> list[Entry]:
    """Return spendable movements, newest first, each with its ``balance_after``. ``before``: older than this id."""
    rows = Entry.objects.of_balance().filter(account=account).order_by("-pk")
    return list((rows.filter(pk__lt=before) if before else rows)[:limit])


def waiting(account: Account) -> list[OrderAward]:
    """Return pending points, by order, soonest first; those without a known day come last."""
    rows = OrderAward.objects.waiting().filter(account=account)
    return list(rows.order_by(F("opens_at").asc(nulls_last=True), "pk"))


def order_numbers(references: Iterable[str]) -> dict[str, str]:
    """Return order reference → the number that people know it by."""
    return dict(Order.objects.filter(reference__in=set(references)).values_list("reference", "number"))


def worth_rates() -> list[Rate]:
    """Return the running rates that say what a point is worth."""
    rows = Rate.objects.current().filter(programme__active=True, worth__isnull=False)
    return list(rows.select_related("programme").order_by("pk"))


def last_worth_rates() -> list[Rate]:
    """Return the rates that said what a point is worth in the programme that ran last, for what is still owed."""
    rows = Rate.objects.current().filter(worth__isnull=False).select_related("programme")
    found = list(rows.order_by("-programme", "pk"))
    return [rate for rate in found if rate.programme_id == found[0].programme_id]


def membership(customer: Customer) -> Membership | None:
    """Return a customer's membership in the table that is in force."""
    rows = Membership.objects.filter(customer=customer, tier__table__active=True)
    return rows.select_related("tier").first()


def benefits(tier: Tier) -> list[TierBenefit]:
    """Return what a tier gives now."""
    return list(tier.benefits.filter(active=True).select_related("offer").order_by("pk"))


def ladder(table: TierTable) -> list[Tier]:
    """Return the tiers of a table, lowest first."""
    return list(table.tiers.order_by("threshold_minor"))


def tier_names() -> set[str]:
    """Return the names of the tiers in force, without regard to letter case."""
    names = Tier.objects.filter(table__active=True).values_list("name", flat=True)
    return {name.strip().casefold() for name in names}


def tiers_called() -> dict[str, str]:
    """Return what the tiers in force are called, or were called before, in small letters → their names now."""
    tiers = Tier.objects.filter(table__active=True).order_by("former__pk")
    rows = list(tiers.values_list("name", "former__name"))
    return {old.casefold(): now for now, old in rows if old} | {now.casefold(): now for now, _ in rows}


def tier_called(name: str, called: Mapping[str, str] | None = None) -> str:
    """Return what the tier in force of this name, or that was called so before, is called now; else the same name.

    ``called``: ``tiers_called``, read once for many names.
    """
    return (tiers_called() if called is None else called).get(name.strip().casefold(), name)


def outstanding() -> tuple[int, int, int]:
    """Return how many members hold points, how many they can spend, and how many are pending."""
    holding = Account.objects.filter(Q(balance__gt=0) | Q(pending__gt=0))
    sums = holding.aggregate(
        people=Count("pk"), balance=Sum("balance", filter=Q(balance__gt=0)), pending=Sum("pending")
    )
    return sums["people"], sums["balance"] or 0, sums["pending"] or 0
