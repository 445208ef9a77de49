"""Points and tier on the customer's page in admin, and in the customer's timeline."""

from __future__ import annotations

from collections.abc import Iterator

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from loyalty import explain, queries, tier_words
from loyalty.models import Absence, Account, Entry, OrderAward, TierMove
from loyalty.services import absences, tiers
from retention import moments, registry
from retention.models import Customer
from retention.registry import Event, Panel, PanelAction, PanelData, Row

RECENT = 50


def points(customer: Customer) -> PanelData:
    """Return the customer's ledger, newest first, each entry with where it came from."""
    account = queries.account(customer)
    entries = (
        list(Entry.objects.filter(account=account).select_related("correction").order_by("-pk")[:RECENT])
        if account
        else []
    )
    numbers = queries.order_numbers(order for entry in entries if (order := explain.order_of(entry)))
    names = explain.rule_names(entries)
    rows = [
        Row(
            cells=(
                moments.show(entry.at),
                explain.cause(entry, numbers.get(entry.order, entry.order)),
                entry.get_kind_display(),
                entry.get_bucket_display(),
                f"{entry.points:+d}",
                str(entry.balance_after),
                explain.calculation(entry, names, number=numbers.get(explain.order_of(entry), "")) or _words(entry),
            ),
            url=reverse("admin:retention_loyalty_entry_change", args=[entry.pk]),
            source=entry.source or (_("the shop's order") if entry.order else ""),
        )
        for entry in entries
    ]
    actions = []
    left_at = account.left_at if account else None
    if customer.kind != Customer.Kind.GUEST and customer.absorbed_into_id is None and left_at is None:
        actions.append(
            PanelAction(
                label=_("Give or take points"),
                url=reverse("admin:retention_loyalty_account_correct", args=[customer.pk]),
                permission="retention_loyalty.adjust_points",
            )
        )
    return PanelData(
        columns=(_("When"), _("What for"), _("Kind"), _("Where"), _("Points"), _("Balance"), _("How")),
        rows=rows,
        summary=_so_far(account),
        actions=actions,
    )


def _so_far(account: Account | None) -> str:
    """Return what stands; of who has left the programme, since when, and when it is gone."""
    text = _("%(balance)s to spend, %(pending)s pending") % {
        "balance": account.balance if account else 0,
        "pending": account.pending if account else 0,
    }
    if account is None or account.left_at is None:
        return text
    absence = absences.now_of(account.customer)
    words = {"left": moments.show(account.left_at), "gone": moments.show(absences.ends_at(account.left_at))}
    if absence is not None and absence.given_up_at:
        gone = _("left the programme on %(left)s, and what stood is written off") % words
        return f"{text}; {gone}"
    left = _("left the programme on %(left)s; what stands is written off on %(gone)s unless they come back") % words
    return f"{text}; {left}"


def _words(entry: Entry) -> str:
    correction = getattr(entry, "correction", None)
    return f"{correction.reason} ({correction.author})" if correction else ""


def tier(customer: Customer) -> PanelData:
    """Return where the customer stands, and every move."""
    rows = [
        Row(
            cells=(
                moments.show(move.at),
                move.old_name or "–",
                move.new_name or "–",
                tier_words.amount(move.qualified_minor, metric=move.metric, currency=move.currency),
            ),
            source=move.get_metric_display(),
        )
        for move in TierMove.objects.filter(customer=customer).order_by("-at")[:RECENT]
    ]
    return PanelData(columns=(_("When"), _("From"), _("To"), _("What counted")), rows=rows, summary=_summary(customer))


def _summary(customer: Customer) -> str:
    now = timezone.now()  # noqa: TID251  (a panel is the edge: the page gives it no clock)
    standing = tiers.standing(customer, at=now) if customer.kind != Customer.Kind.GUEST else None
    if standing is None:
        return ""
    text = _("%(tier)s; %(amount)s") % {
        "tier": standing.tier.name if standing.tier else _("no tier"),
        "amount": tier_words.so_far(standing),
    }
    sentences = [tier_words.way_up(standing)]
    if standing.keeping and standing.tier:
        sentences.append(
            tier_words.to_stay(
                standing.keeping, tier=standing.tier.name, metric=standing.metric, currency=standing.currency
            )
        )
    return ". ".join(filter(None, [text, " ".join(filter(None, sentences))]))


def timeline(customer: Customer) -> Iterator[Event]:
    """Yield movements of points and tiers, and the days on which pending points open."""
    account = queries.account(customer)
    if account:
        entries = list(Entry.objects.filter(account=account).order_by("-pk")[:RECENT])
        numbers = queries.order_numbers(entry.order for entry in entries if entry.order)
        for entry in entries:
            if entry.kind == Entry.Kind.OPEN and entry.bucket == Entry.Bucket.PENDING:
                continue  # the other half says it
            yield Event(
                at=entry.at,
                text=ngettext("%(points)s point: %(what)s", "%(points)s points: %(what)s", abs(entry.points))
                % {"points": f"{entry.points:+d}", "what": explain.cause(entry, numbers.get(entry.order, entry.order))},
                url=reverse("admin:retention_loyalty_entry_change", args=[entry.pk]),
            )
        for award in OrderAward.objects.waiting().filter(account=account, opens_at__isnull=False)[:RECENT]:
            assert award.opens_at is not None
            yield Event(
                at=award.opens_at,
                text=ngettext("%(points)s point opens", "%(points)s points open", award.pending)
                % {"points": award.pending},
                url=reverse("admin:retention_loyalty_orderaward_change", args=[award.pk]),
                planned=True,
            )
    for absence in Absence.objects.filter(customer=customer).order_by("-left_at")[:RECENT]:
        yield Event(at=absence.left_at, text=_("Left the programme"))
        if absence.returned_at:
            yield Event(at=absence.returned_at, text=_("Came back into the programme"))
        elif not absence.given_up_at:
            yield Event(at=absences.ends_at(absence.left_at), text=_("What stands is written off"), planned=True)
    for move in TierMove.objects.filter(customer=customer).order_by("-at")[:RECENT]:
        yield Event(at=move.at, text=_("Tier: %(old)s → %(new)s") % {
            "old": move.old_name or "–", "new": move.new_name or "–",
        })  # fmt: skip


def load() -> None:
    """Register the panels and the timeline of this app."""
    for panel in (
        Panel(
            name="loyalty.points",
            title=gettext_lazy("Points"),
            build=points,
            permission="retention_loyalty.view_account",
        ),
        Panel(
            name="loyalty.tier", title=gettext_lazy("Tier"), build=tier, permission="retention_loyalty.view_membership"
        ),
    ):
        registry.panels.add(panel.name, panel)
    registry.timeline.add("loyalty", timeline)
