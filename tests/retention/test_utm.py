"""Tags on links to the shop: where they go, where they would do harm, and nothing personal in them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core.mail import EmailMessage

from retention.models import Customer, Sending, Text
from retention.services import delivery, utm
from tests.retention.ground import promise
from tests.retention.mails import NEWS, RECEIPT
from tests.retention.post import links
from tests.retention.shop import NOON

pytestmark = pytest.mark.usefixtures("mails")

TAGS = {"utm_source": "shop", "utm_medium": "email", "utm_campaign": "spring"}
SAID = "utm_source=shop&utm_medium=email&utm_campaign=spring"
HERE = "https://shop.example.com"


@pytest.mark.parametrize(
    ("url", "becomes"),
    [
        (f"{HERE}/cups/", f"{HERE}/cups/?{SAID}"),
        (f"{HERE}", f"{HERE}?{SAID}"),
        (f"{HERE}/cups/?size=l", f"{HERE}/cups/?size=l&{SAID}"),
        (f"{HERE}/cups/?q=a%20b&empty=#top", f"{HERE}/cups/?q=a%20b&empty=&{SAID}#top"),
        (f"{HERE}/cups/#top", f"{HERE}/cups/?{SAID}#top"),
        (f"{HERE}/чашки/", f"{HERE}/чашки/?{SAID}"),
        ("https://SHOP.example.com/cups/", f"https://SHOP.example.com/cups/?{SAID}"),
        (f"{HERE}/retention/account/", f"{HERE}/retention/account/?{SAID}"),
    ],
)
def test_a_link_to_the_shop_is_tagged_and_keeps_its_query_and_fragment(url: str, becomes: str) -> None:
    assert utm.tagged(url, TAGS) == becomes


@pytest.mark.parametrize(
    "url",
    [
        "https://elsewhere.example/cups/",
        "http://shop.example.com/cups/",
        "https://shop.example.com:8443/cups/",
        "https://shop.example.com.evil.example/cups/",
        "https://shop.example.com@evil.example/",
        f"{HERE}/cups/?utm_source=partner",
        f"{HERE}/cups/?UTM_Campaign=",
        f"{HERE}/retention/u/AAE.abc",
        f"{HERE}/retention/p/AAE.abc",
        f"{HERE}/retention/enter/secret/",
        f"{HERE}/retention/sign-in/secret/",
        f"{HERE}/retention/confirm/secret/",
        "mailto:people@shop.example.com",
        "tel:+4912345",
        "#top",
        "/cups/",
        "",
        "https://[::1/",
        "https://shop.example.com:port/",
    ],
)
def test_others_links_tagged_ones_and_those_that_hold_a_secret_are_left(url: str) -> None:
    assert utm.tagged(url, TAGS) == url


def test_html_is_tagged_in_its_links_only_and_stays_escaped() -> None:
    html = (
        f'<p>{HERE}/</p><img src="{HERE}/x.png"><a class="b" href="{HERE}/?a=1&amp;b=2">x</a><a href=\'{HERE}/\'>y</a>'
    )
    tagged = SAID.replace("&", "&amp;")
    assert utm.in_html(html, TAGS) == (
        f'<p>{HERE}/</p><img src="{HERE}/x.png"><a class="b" href="{HERE}/?a=1&amp;b=2&amp;{tagged}">x</a>'
        f'<a href="{HERE}/?{tagged}">y</a>'
    )


def test_plain_text_is_tagged_without_the_point_behind_a_link() -> None:
    text = f"See {HERE}/cups/. Or ({HERE}/bowls/), or https://elsewhere.example/."
    assert utm.in_text(text, TAGS) == (
        f"See {HERE}/cups/?{SAID}. Or ({HERE}/bowls/?{SAID}), or https://elsewhere.example/."
    )


def test_what_the_merchant_types_cannot_leave_its_place() -> None:
    odd = {"utm_source": 'a"><script>&utm_x=1#', "utm_medium": "e mail/é"}
    url = utm.tagged(f"{HERE}/", odd)
    assert parse_qs(urlsplit(url).query) == {"utm_source": ['a"><script>&utm_x=1#'], "utm_medium": ["e mail/é"]}
    assert "<script>" not in utm.in_html(f'<a href="{HERE}/">x</a>', odd)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("chosen", "tags"),
    [
        ({}, {}),
        ({"utm_campaign": "spring"}, {}),
        ({"utm_source": "shop"}, {"utm_source": "shop", "utm_campaign": NEWS}),
        (TAGS, TAGS),
    ],
)
def test_without_a_source_or_medium_there_are_no_tags_and_the_campaign_is_the_mails_name(
    chosen: dict[str, str], tags: dict[str, str]
) -> None:
    assert utm.tags(NEWS) == {}
    Sending.objects.create(pk=1, **chosen)
    assert utm.tags(NEWS) == tags


@pytest.mark.django_db
def test_a_mail_that_goes_out_is_tagged_in_both_parts_but_not_its_way_out(
    customer: Callable[..., Customer], mailoutbox: list[EmailMessage]
) -> None:
    Sending.objects.create(pk=1, utm_source="shop", utm_medium="email")
    page = f"{HERE}/cups/"
    Text.objects.create(
        mail=NEWS, language="en", subject="Cups", html=f'<a href="{page}">Cups</a>', text=f"Cups: {page}"
    )
    promise(customer(wants=("marketing",)), NEWS)
    delivery.deliver(at=NOON)
    [mail] = mailoutbox
    said: Any = mail
    html = said.alternatives[0][0]
    tags = f"utm_source=shop&utm_medium=email&utm_campaign={NEWS}"
    assert f"Cups: {page}?{tags}\n" in mail.body
    assert f'href="{page}?{tags.replace("&", "&amp;")}"' in html
    out = [path for path in links(mail) if path.startswith(("/retention/u/", "/retention/p/"))]
    assert out
    assert not [path for path in out if "utm_" in path]
    assert "utm_" not in mail.extra_headers["List-Unsubscribe"]
    assert "ada" not in "".join(part for part in (mail.body + html).split("utm_")[1:]).partition("\n")[0].lower()


@pytest.mark.django_db
def test_a_link_that_opens_an_account_is_not_tagged(customer: Callable[..., Customer], mailoutbox: list[Any]) -> None:
    Sending.objects.create(pk=1, **TAGS)
    promise(customer(), "retention.sign_in")
    promise(customer("ben@example.com"), RECEIPT)
    delivery.deliver(at=NOON)
    by_subject = {mail.subject: mail for mail in mailoutbox}
    assert len(by_subject) == 2
    for mail in mailoutbox:
        assert not [path for path in links(mail) if "utm_" in path]
        assert f"{HERE}/?{SAID}".replace("&", "&amp;") in mail.alternatives[0][0], "the shop's own page is"
