"""Choosing which mail to get, and leaving: without a log-in, a cookie or a token of a session."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from email.utils import parseaddr
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt

from retention import links, origin, pages
from retention.conf import conf
from retention.forms import PreferenceForm
from retention.hashing import origin_hash
from retention.models import Customer
from retention.models.consent import Purpose
from retention.services import customers, topics, wishes
from retention.services import preferences as wanted
from retention.services.preferences import Wish
from retention.services.profile import Shown
from retention.services.topics import Offered

LINK, ACCOUNT = "preference page", "account page"
"""Where a choice was made, as its evidence says."""

SAVING = ("save", "pause", "resume")
"""Buttons that save what is filled in."""


@csrf_exempt  # RFC 8058: the mail program posts with no cookie and no token; the link is signed
@never_cache
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """Show one button; a POST stops this kind of mail at once, or undoes that. Answers 200, never a redirect."""
    found = _of_link(token)
    if found is None:
        return _no_link(request)
    customer, purpose = found
    state, undo = "ask", ""
    if request.method == "POST":
        now = timezone.now()
        if request.POST.get("undo"):
            state = "back" if _undo(request, customer, mailbox=wishes.speaks(customer)) else "late"
        else:
            undo = wanted.unsubscribe(
                customer,
                purpose=purpose,
                source="unsubscribe link",
                mailbox=wishes.speaks(customer),
                origin=_origin(request),
                at=now,
            )
            state = "gone"
    context = {"state": state, "purpose": purpose.label, "undo": undo, "token": token, "erased": _erased(customer)}
    return pages.show(request, "retention/unsubscribe.html", context)


@csrf_exempt  # as above: it works for who has cookies switched off
@never_cache
def preferences(request: HttpRequest, token: str) -> HttpResponse:
    """Show what the reader of a mail gets from us, without saying who they are; a POST changes it at once."""
    found = _of_link(token)
    if found is None:
        return _no_link(request)
    return _page(request, found[0], mailbox=wishes.speaks(found[0]), source=LINK)


@login_required
@never_cache
def own(request: HttpRequest) -> HttpResponse:
    """Show the same page to a member, by the session."""
    customer = customers.for_user(request.user, at=timezone.now())
    return _page(request, customer, mailbox=wishes.speaks(customer), source=ACCOUNT)


def _page(request: HttpRequest, customer: Customer, *, mailbox: bool, source: str) -> HttpResponse:
    if _erased(customer):
        return pages.show(request, "retention/preferences.html", {"erased": True})
    offered, texts = topics.offered(get_language() or ""), wanted.texts()
    said: Mapping[str, str] = {"undo": "", "done": ""}
    form = PreferenceForm(request.POST or None, topics=offered, texts=texts)
    do = request.POST.get("do", "") if request.method == "POST" else ""
    if do in SAVING and not form.is_valid():
        context = {"form": form, "signed_in": source == ACCOUNT, **_shown(customer, offered, mailbox=mailbox)}
        return pages.show(request, "retention/preferences.html", context, status=422)
    if do:
        said = _change(request, do, customer, form, mailbox=mailbox, source=source)
    shown = _shown(customer, offered, mailbox=mailbox)
    stands = shown["stands"]
    form = PreferenceForm(
        topics=offered,
        texts=texts,
        initial={
            "marketing": stands.marketing,
            "survey": stands.survey,
            "topics": [topic.slug for topic in offered if topic.slug not in stands.left_out],
            "every_days": stands.every_days,
        },
    )
    context = {"form": form, "signed_in": source == ACCOUNT, **said, **shown}
    return pages.show(request, "retention/preferences.html", context)


def _change(
    request: HttpRequest, do: str, customer: Customer, form: PreferenceForm, *, mailbox: bool, source: str
) -> Mapping[str, str]:
    """Do what the button says; return the words for it and the signed undo. What no button says does nothing."""
    now, origin_hashed = timezone.now(), _origin(request)
    if do == "undo":
        back = _undo(request, customer, mailbox=mailbox)
        return {"undo": "", "done": _("Undone. It is as it was before.") if back else _too_late()}
    if do == "leave":
        shown = Shown(text=wanted.leaving_text(pages.language(request)), source=source, origin=origin_hashed)
        undo = wanted.leave(customer, shown=shown, mailbox=mailbox, at=now)
        return {"undo": undo, "done": _("Done. You get no more such mail from us.")}
    if do not in SAVING:
        return {"undo": "", "done": ""}
    data = form.cleaned_data
    wish = Wish(
        marketing=data["marketing"],
        survey=data["survey"],
        topics=form.said_of_topics(),
        every_days=data["every_days"],
        pause={"pause": True, "resume": False}.get(do),
    )
    undo = wanted.save(
        customer,
        wish,
        shown=Shown(text="", source=source, origin=origin_hashed),
        language=pages.language(request),
        mailbox=mailbox,
        at=now,
    )
    return {"undo": undo, "done": _("Saved.")}


def _shown(customer: Customer, offered: Sequence[Offered], *, mailbox: bool) -> dict[str, Any]:
    stands = wanted.present(customer, mailbox=mailbox, at=timezone.now())
    return {
        "stands": stands,
        "leaving": wanted.leaving_text(),
        "offered": offered,
        "shop_name": conf.SHOP_NAME,
        "reply_to": parseaddr(conf.REPLY_TO or conf.FROM_EMAIL)[1],
    }


def _undo(request: HttpRequest, customer: Customer, *, mailbox: bool) -> bool:
    try:
        wanted.undo(customer, request.POST.get("undo", ""), mailbox=mailbox, at=timezone.now())
    except wanted.TooLate:
        return False
    return True


def _too_late() -> str:
    return _("That cannot be undone any more: something was changed after it. Below is how it stands now.")


def _of_link(token: str) -> tuple[Customer, Purpose] | None:
    read = links.read_unsubscribe_token(token)
    customer = wanted.person(read[0]) if read else None
    return (customer, Purpose(read[1])) if read and customer else None


def _no_link(request: HttpRequest) -> HttpResponse:
    return pages.show(request, "retention/link_ended.html", {"used": False, "known": False}, status=404)


def _erased(customer: Customer) -> bool:
    return customer.erased_at is not None


def _origin(request: HttpRequest) -> str:
    return origin_hash(origin.of(request))
