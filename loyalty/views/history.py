"""Every movement of a shopper's points, page by page."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from loyalty import queries, sections
from loyalty.conf import conf
from retention import pages
from retention.services import customers


@login_required
@never_cache
@require_GET
def history(request: HttpRequest) -> HttpResponse:
    """Show the signed-in shopper's ledger. ``before``: only entries older than this one of theirs."""
    customer = customers.for_user(request.user, at=timezone.now())
    account = queries.account(customer)
    asked = request.GET.get("before", "")
    before = int(asked) if asked.isascii() and asked.isdecimal() and len(asked) < 19 else None
    entries = queries.entries(account, limit=conf.HISTORY_ROWS + 1, before=before) if account else []
    shown = entries[: conf.HISTORY_ROWS]
    return pages.show(
        request,
        "loyalty/history.html",
        {
            "rows": sections.rows(shown, queries.worth_rates()),
            "older": shown[-1].pk if len(entries) > conf.HISTORY_ROWS else None,
            "newest": before is None,
        },
    )
