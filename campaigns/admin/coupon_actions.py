"""What staff do to coupons that are out: another last day, a new code, calling off. Each says first what it will do."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.models import CHANGE, LogEntry
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from campaigns.admin import links
from campaigns.admin.coupon_forms import UntilForm
from campaigns.admin.pages import Pages
from campaigns.models import Coupon
from campaigns.services import coupons, extending, replacing
from retention import counts
from retention.admin.base import may
from retention.rows import batch_size

SHOWN = 20
"""Codes that are named; of the rest only how many they are."""
BATCH = 1000


class CouponActions(Pages):
    """Mixed into the admin of coupons."""

    message_user: Any
    has_void_permission = may("retention_campaigns.void_coupon")
    has_extend_permission = may("retention_campaigns.extend_coupon")

    @admin.action(description=gettext_lazy("Give another last day…"), permissions=["extend"])
    def extend(self, request: HttpRequest, chosen: Any) -> HttpResponse | None:
        """Ask for the new last day, then set it."""
        sent = "_confirmed" in request.POST
        form = UntilForm(request.POST if sent else None)
        if sent and form.is_valid():
            until, now, done, total = form.cleaned_data["until"], timezone.now(), 0, 0
            try:
                for some in _parts(chosen):
                    total += len(some)
                    done += extending.extend(some, until=until, at=now)
                    _log(request, some, _("Last day: %(day)s.") % {"day": until.isoformat()})
            except extending.Past:
                form.add_error("until", _("This day is over. To end coupons now, call them off."))
            except extending.TooFar:
                form.add_error("until", _("This day is too far away."))
            else:
                words = ngettext("%(n)s coupon is good until then.", "%(n)s coupons are good until then.", done)
                self._done(request, words, done=done, left=total - done)
                return None
        said = [
            _("They get this last day here and in the shop, whether it is later or earlier than now."),
            _("Those that have expired are good again. Those that were called off stay off."),
            _("Nobody is written to."),
        ]
        return self._ask(request, chosen, "extend", _("Another last day"), said, _("Set the last day"), form)

    @admin.action(description=gettext_lazy("Give a new code instead…"), permissions=["extend"])
    def reissue(self, request: HttpRequest, chosen: Any) -> HttpResponse | None:
        """Say what it means, then call the old codes off and make new ones."""
        if "_confirmed" in request.POST:
            made: list[Coupon] = []
            total, source = 0, f"staff:{request.user.pk}"
            for some in _parts(chosen):
                total += len(some)
                made += replacing.replace(some, source=source, at=timezone.now()).values()
                _log(request, some, _("A new code instead."))
            self._reissued(request, made, left=total - len(made))
            return None
        said = [
            _("The old code ends at once, here and in the shop: for a code that was lost, or that others have got."),
            _("The new code has the same owner, terms, last day and currency, and the uses that are left."),
            _("Whoever was given a new code before keeps that one."),
            _("What was called off or is used up gets none; give what has expired another last day first."),
            _("Nobody is written to: tell the customer the new code."),
        ]
        return self._ask(request, chosen, "reissue", _("A new code instead"), said, _("Make new codes"))

    @admin.action(description=gettext_lazy("Call off…"), permissions=["void"])
    def call_off(self, request: HttpRequest, chosen: Any) -> HttpResponse | None:
        """Say what it means, then call coupons off."""
        if "_confirmed" in request.POST:
            done, total = 0, 0
            for some in _parts(chosen):
                total += len(some)
                done += coupons.void(some, reason=f"by staff {request.user.pk}", at=timezone.now())
                _log(request, some, _("Called off."))
            words = ngettext("%(n)s coupon called off.", "%(n)s coupons called off.", done)
            self._done(request, words, done=done, left=total - done)
            return None
        said = [
            _("They end at once, here and in the shop, and cannot be taken up again."),
            _("Orders that used one keep their discount."),
            _("Nobody is written to. A coupon that somebody should still have needs a new code instead."),
        ]
        return self._ask(request, chosen, "call_off", _("Call coupons off"), said, _("Call them off"))

    # Inside

    def _ask(
        self,
        request: HttpRequest,
        chosen: Any,
        action: str,
        title: str,
        sentences: list[str],
        button: str,
        form: UntilForm | None = None,
    ) -> HttpResponse:
        count = chosen.count()
        codes = list(chosen.values_list("code", flat=True)[:SHOWN])
        context = self.context(
            request, title, sentences=sentences, button=button, form=form, action=action, codes=codes,
            count=ngettext("%(n)s coupon", "%(n)s coupons", count) % {"n": counts.show(count)},
            more=count - len(codes),
            selected=request.POST.getlist(ACTION_CHECKBOX_NAME),
            across=request.POST.get("select_across", "0"),
        )  # fmt: skip
        return TemplateResponse(request, "campaigns/admin/coupon_action.html", context)

    def _done(self, request: HttpRequest, words: str, *, done: int, left: int) -> None:
        if done:
            self.message_user(request, words % {"n": counts.show(done)}, level=messages.SUCCESS)
        if left:
            other = ngettext(
                "%(n)s coupon was left as it is: it was called off before, or begins later.",
                "%(n)s coupons were left as they are: they were called off before, or begin later.",
                left,
            )
            self.message_user(request, other % {"n": counts.show(left)}, level=messages.WARNING)

    def _reissued(self, request: HttpRequest, made: list[Coupon], *, left: int) -> None:
        if made:
            some = format_html_join(", ", "{}", ((links.coupon(coupon),) for coupon in made[:SHOWN]))
            words = ngettext("%(n)s new code:", "%(n)s new codes:", len(made)) % {"n": counts.show(len(made))}
            more = " …" if len(made) > SHOWN else ""
            self.message_user(request, format_html("{} {}{}", words, some, more), level=messages.SUCCESS)
        if left:
            words = ngettext(
                "%(n)s coupon got none: it was called off, is used up or has expired.",
                "%(n)s coupons got none: they were called off, are used up or have expired.",
                left,
            )
            self.message_user(request, words % {"n": counts.show(left)}, level=messages.WARNING)


def _parts(chosen: Any) -> Iterator[list[Coupon]]:
    """Yield the chosen coupons by so many as one transaction may change."""
    ids = iter(list(chosen.order_by("pk").values_list("pk", flat=True)))
    while some := list(islice(ids, batch_size(BATCH))):
        yield list(Coupon.objects.filter(pk__in=some).order_by("pk"))


def _log(request: Any, some: list[Coupon], words: str) -> None:
    """Note who did what to those that it was done to."""
    good = [coupon.pk for coupon in some if coupon.state == Coupon.State.ISSUED]
    rows = Coupon.objects.filter(pk__in=good)
    LogEntry.objects.log_actions(user_id=request.user.pk, queryset=rows, action_flag=CHANGE, change_message=words)
