"""Pages about codes beside the list of coupons: a shared code, a QR code, and why a code was refused."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns import code_words, qr
from campaigns.admin.coupon_forms import ShareForm, WhyForm
from campaigns.admin.pages import Pages
from campaigns.admin.why import Question, answer
from campaigns.models import Coupon, Offer
from campaigns.services import sharing
from retention.conf import conf
from retention.models import Customer

FILES = {"svg": ("image/svg+xml", qr.svg), "png": ("image/png", qr.png)}
ASKED = ("code", "worth", "currency", "products", "others")
"""Fields of the question that stand in the address; who shops stands there by our own number."""
TAKEN = gettext_lazy("This code is taken, by another coupon or by a voucher of the shop: choose another.")


class CouponPages(Pages):
    """Mixed into the admin of coupons."""

    has_view_permission: Any
    log_addition: Any

    def page_urls(self) -> list[URLPattern]:
        wrap, name = self.admin_site.admin_view, "retention_campaigns_coupon_{}".format
        return [
            path("why/", wrap(self.why), name=name("why")),
            path("share/<int:offer>/", wrap(self.share), name=name("share")),
            path("<int:pk>/qr.<str:kind>", wrap(self.qr), name=name("qr")),
        ]

    def qr(self, request: HttpRequest, pk: int, kind: str) -> HttpResponse:
        """Send a coupon's link as a picture."""
        coupon = get_object_or_404(Coupon, pk=pk)
        if not self.has_view_permission(request, coupon):
            raise PermissionDenied
        if kind not in FILES or not conf.BASE_URL:
            return HttpResponse(status=404)
        content_type, draw = FILES[kind]
        headers = {"Content-Disposition": f'inline; filename="{coupon.code}.{kind}"'}
        return HttpResponse(draw(coupon.code), content_type=content_type, headers=headers)

    # A shared code

    def share(self, request: HttpRequest, offer: int) -> HttpResponse:
        """Ask what code, say what it will do and what may come of it, and make it once that was confirmed."""
        row = get_object_or_404(Offer, pk=offer)
        if not request.user.has_perm("retention_campaigns.issue_coupon"):
            raise PermissionDenied
        title = _("Make a shared code of “%(offer)s”") % {"offer": row.name}
        form = ShareForm(request.POST or None, offer=row)
        sent = request.method == "POST" and form.is_valid()
        made = sharing.made(form.cleaned_data["once"]) if sent else None
        if made is not None:  # the button was pressed twice
            return redirect("admin:retention_campaigns_coupon_change", made.pk)
        shared = self._look(row, form) if sent else None
        if shared is not None and "_confirmed" in request.POST:
            coupon = self._make(request, row, form, shared)
            if coupon is not None:
                self.log_addition(request, coupon, _("Made a shared code."))
                messages.success(request, _("The code %(code)s is good.") % {"code": coupon.code})
                return redirect("admin:retention_campaigns_coupon_change", coupon.pk)
        elif shared is not None and "_back" not in request.POST:
            return self.read_back(
                request,
                title,
                sentences=code_words.shared(row, shared),
                warnings=code_words.risks(row, shared),
                button=_("Make the code"),
                offer=row,
            )
        intro = _("A shared code is a word for anybody who hears it: in a newsletter, on a poster, by a partner.")
        return self.ask(request, title, form, button=_("Look at it first"), intro=intro)

    @staticmethod
    def _look(offer: Offer, form: ShareForm) -> sharing.Shared | None:
        given = form.cleaned_data
        try:
            return sharing.look(
                offer,
                code=given["code"],
                cap=given["cap"],
                starts_on=given["starts_on"],
                ends_on=given["ends_on"],
                currency=given.get("currency", ""),
                at=timezone.now(),
            )
        except sharing.NotPossible as refusal:
            form.add_error(refusal.field if refusal.field in form.fields else None, str(refusal))
        except sharing.CodeTaken:
            form.add_error("code", str(TAKEN))
        return None

    @staticmethod
    def _make(request: HttpRequest, offer: Offer, form: ShareForm, shared: sharing.Shared) -> Coupon | None:
        once, source = form.cleaned_data["once"], f"staff:{request.user.pk}"
        try:
            return sharing.share(offer, shared, key=once, source=source, at=timezone.now())
        except sharing.NotPossible as refusal:
            form.add_error(None, str(refusal))
        except sharing.CodeTaken:
            form.add_error("code", str(TAKEN))
        return None

    # Why a code was refused

    def why(self, request: HttpRequest) -> HttpResponse:
        """POST finds out who is meant and goes on to GET, which answers and has nobody's address in its own."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        may_see = request.user.has_perm("retention.view_personal_data")
        here = reverse("admin:retention_campaigns_coupon_why")
        if request.method == "POST":
            form = WhyForm(request.POST, may_see=may_see)
            if form.is_valid():
                asked = {name: request.POST[name] for name in ASKED if request.POST.get(name)}
                who = form.cleaned_data["who"]
                return redirect(f"{here}?{urlencode({**asked, **({'customer': who.pk} if who else {})})}")
            return self._why(request, form, {})
        who = _customer(request.GET.get("customer", ""))
        given = {name: request.GET.get(name, "") for name in ASKED} | {"who": f"#{who.pk}" if who else ""}
        if not given["code"]:
            return self._why(request, WhyForm(initial=given, may_see=may_see), {})
        form = WhyForm(given, may_see=may_see)
        if not form.is_valid():
            return self._why(request, form, {})
        question = Question.of(form.cleaned_data, who)
        return self._why(request, form, answer(question, user=request.user, at=timezone.now()))

    def _why(self, request: HttpRequest, form: WhyForm, found: dict[str, Any]) -> HttpResponse:
        context = self.context(request, _("Why was this code refused?"), form=form, **found)
        return TemplateResponse(request, "campaigns/admin/why.html", context)


def _customer(number: str) -> Customer | None:
    known = number.isdecimal() and len(number) < 19
    return Customer.objects.filter(pk=number).select_related("absorbed_into").first() if known else None
