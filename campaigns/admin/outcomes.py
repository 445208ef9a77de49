"""What came of the rows of a list: orders and cost, one query a page."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from campaigns import queries
from campaigns.admin import links
from retention import enumeration
from retention.money import show


class Outcomes(ChangeList):
    """A list that gives each row on the page its ``outcome``."""

    model_admin: Any

    def get_results(self, request: HttpRequest) -> None:
        """Look up what came of the rows once it is known which they are."""
        super().get_results(request)
        rows: list[Any] = list(self.result_list)
        found = queries.outcomes(self.model_admin.outcome_of, [row.pk for row in rows])
        for row in rows:
            row.outcome = found[row.pk]
        self.result_list = rows


class WithOutcomes:
    """Mixed into the admin of offers, coupons or batches: columns ``brought`` and ``cost``."""

    outcome_of: str
    """As ``queries.outcomes`` has it."""

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        # a theme may have a list of its own
        theirs: Any = super().get_changelist(request, **kwargs)  # type: ignore[misc]  # of the admin beside
        return Outcomes if theirs is ChangeList else type("OutcomeList", (Outcomes, theirs), {})

    def outcome(self, row: Any) -> queries.Outcome:
        """Return what came of a row, also of one that no list has looked up."""
        if not hasattr(row, "outcome"):
            row.outcome = queries.outcomes(self.outcome_of, [row.pk])[row.pk]
        found: queries.Outcome = row.outcome
        return found

    @admin.display(description=_("orders"))
    def brought(self, row: Any) -> Any:
        orders = self.outcome(row).orders
        if not orders:
            return "0"
        spent = ",".join(queries.SPENT)
        return links.listing("redemption", orders, **{f"{self.outcome_of}__id__exact": row.pk, "state__in": spent})

    @admin.display(description=_("cost"))
    def cost(self, row: Any) -> Any:
        cost = self.outcome(row).cost
        return format_html("{}", enumeration.listed(show(minor, currency) for currency, minor in cost.items()) or "–")
