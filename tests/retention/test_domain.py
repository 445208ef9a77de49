"""The sender's domain as receivers see it, asked of a name server on the loopback; what to put into DNS, literally."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from retention.finding import Finding
from retention.services import domain
from tests.retention import nameserver
from tests.retention.nameserver import NameServer

SHOP = "shop.clay.dk"
LONG_KEY = base64.b64encode(bytes(294)).decode()
"""As long as an RSA key of 2048 bits."""


@pytest.fixture(scope="module")
def running() -> Iterator[NameServer]:
    with nameserver.running() as server:
        yield server


@pytest.fixture
def dns(running: NameServer, wiring: Callable[..., None]) -> NameServer:
    """A name server that knows the shop's domain, all well."""
    running.zone.clear()
    running.asked.clear()
    running.put(SHOP, "MX", "10 mx.clay.dk.")
    running.put(SHOP, "TXT", "some=verification", "v=spf1 include:mail.sender.net mx -all")
    running.put("mail.sender.net", "TXT", "v=spf1 ip4:192.0.2.0/24 ?all")
    running.put(f"s1._domainkey.{SHOP}", "TXT", f"v=DKIM1; k=rsa; p={LONG_KEY}")
    running.put("_dmarc.clay.dk", "TXT", "v=DMARC1; p=quarantine; rua=mailto:dmarc@clay.dk")
    wiring(
        NAME_SERVERS=[running.address],
        DKIM_SELECTORS=["s1"],
        FROM_EMAIL=f"Clay <hello@{SHOP}>",
        REPLY_TO=f"people@{SHOP}",
    )
    return running


def told() -> list[str]:
    return [f"{'well' if one.well else 'ill'} {one.what}" for one in domain.examine()]


def ill() -> list[Finding]:
    return [one for one in domain.examine() if not one.well]


def test_a_domain_that_is_well_is_told_so(dns: NameServer) -> None:
    assert told() == [
        "well SPF: one record, 2 of 10 look-ups (v=spf1 include:mail.sender.net mx -all)",
        f"well DKIM: the key s1._domainkey.{SHOP} is there",
        "well DMARC: p=quarantine (_dmarc.clay.dk)",
        f"well MX: mail to {SHOP}, of the sender, goes to mx.clay.dk",
    ]
    assert [one.hint for one in domain.examine()] == ["", "", "", ""]


def test_a_domain_that_does_not_exist_is_told_at_once(dns: NameServer) -> None:
    dns.zone.clear()
    assert told() == [f"ill the sender's domain {SHOP} does not exist"]


def test_a_bare_domain_is_told_every_record_that_it_needs(dns: NameServer, wiring: Callable[..., None]) -> None:
    dns.zone.clear()
    dns.put(SHOP, "TXT", "nothing")
    wiring(DKIM_SELECTORS=[])
    spf, dkim, dmarc, mx = ill()
    assert f'Put into DNS: {SHOP}. TXT "v=spf1 include:' in spf.cure
    assert 'Set RETENTION["DKIM_SELECTORS"]' in dkim.cure
    assert dmarc.cure == f'Put into DNS: _dmarc.{SHOP}. TXT "v=DMARC1; p=none; rua=mailto:<a mailbox of yours>"'
    assert (mx.what, f"{SHOP}. MX 10" in mx.cure) == (f"MX: nobody can answer to {SHOP}, of the sender", True)


@pytest.mark.parametrize(
    ("records", "what", "cure"),
    [
        (["v=spf1 +all"], "lets everybody send", f'{SHOP}. TXT "v=spf1 -all"'),
        (["v=spf1 mx all"], "lets everybody send", f'{SHOP}. TXT "v=spf1 mx -all"'),
        (
            ["v=spf1 include:a.net ~all", "v=spf1 include:b.net mx -all"],
            "has 2 records; receivers then take none",
            f'{SHOP}. TXT "v=spf1 include:a.net include:b.net mx -all"',
        ),
        (["v=spf1 include:nowhere.net -all"], "includes nowhere.net, which has no SPF record", "Take that out"),
        ([f"v=spf1 include:{SHOP} -all"], "leads back to it", "Take that out"),
        (["v=spf1 include: -all"], "includes nothing, which has no SPF record", "Take that out"),
        (["v=spf1 " + "a:x.clay.dk " * 11 + "-all"], "takes 11 look-ups; receivers stop after 10", "ip4:"),
        (["v=spf1 redirect=open.net"], "lets everybody send", "redirect= names"),
        (["v=spfX"], "has no record", "v=spf1 include:"),
    ],
)
def test_what_is_wrong_with_spf_is_told_with_the_record_to_put(
    records: list[str], what: str, cure: str, dns: NameServer
) -> None:
    dns.put(SHOP, "TXT", *records)
    dns.put("open.net", "TXT", "v=spf1 +all")
    [found] = ill()
    assert what in found.what
    assert cure in found.cure


def test_look_ups_are_counted_through_every_include(dns: NameServer) -> None:
    dns.put(SHOP, "TXT", "v=spf1 include:one.net include:two.net exists:%{i}.x.net -all")
    dns.put("one.net", "TXT", "v=spf1 include:deep.net a mx ptr ip6:2001:db8::/32 -all")
    dns.put("two.net", "TXT", "v=spf1 redirect=deep.net")
    dns.put("deep.net", "TXT", "v=spf1 a:host.net/24 -all")
    # include, include, exists; include, a, mx, ptr; redirect; twice a
    assert told()[0].startswith("well SPF: one record, 10 of 10 look-ups")
    dns.put("deep.net", "TXT", "v=spf1 a:host.net/24 mx -all")
    assert "takes 12 look-ups" in ill()[0].what


def test_a_record_that_says_nothing_of_others_is_well_with_a_hint(dns: NameServer) -> None:
    dns.put(SHOP, "TXT", "v=spf1 mx ?all")
    [spf] = [one for one in domain.examine() if one.what.startswith("SPF")]
    assert (spf.well, spf.hint) == (
        True, f'It says nothing of everybody else. Better: {SHOP}. TXT "v=spf1 mx -all"',
    )  # fmt: skip


@pytest.mark.parametrize(
    ("records", "what"),
    [
        ([], "has no key"),
        (["v=DKIM1; p=AAAA", "v=DKIM1; p=BBBB"], "has 2 keys"),
        (["v=DKIM1; k=rsa; p="], "was revoked"),
        (["v=DKIM1; p=not base64!"], "p= is not base64"),
        ([f"v=DKIM1; p={base64.b64encode(bytes(94)).decode()}"], "fewer than 1024 bits"),
        ([f"v=DKIM1; t=y:s; p={LONG_KEY}"], "is in test mode"),
        ([f"v=DKIM2; p={LONG_KEY}"], "says v=DKIM2"),
    ],
)
def test_what_is_wrong_with_a_key_is_told(records: list[str], what: str, dns: NameServer) -> None:
    dns.put(f"s1._domainkey.{SHOP}", "TXT", *records)
    [found] = ill()
    assert what in found.what
    assert f's1._domainkey.{SHOP}. TXT "v=DKIM1; k=rsa; p=' in found.cure


def test_a_key_that_is_elsewhere_is_followed(dns: NameServer) -> None:
    dns.zone[f"s1._domainkey.{SHOP}"] = {"TXT": []}
    dns.put(f"s1._domainkey.{SHOP}", "TXT", f"k=ed25519; p={base64.b64encode(bytes(32)).decode()}")
    assert ill() == [], "a short key of another kind is long enough"


def test_a_short_rsa_key_is_well_with_a_hint(dns: NameServer) -> None:
    dns.put(f"s1._domainkey.{SHOP}", "TXT", f"p={base64.b64encode(bytes(162)).decode()}")
    [key] = [one for one in domain.examine() if one.what.startswith("DKIM")]
    assert (key.well, "fewer than 2048 bits" in key.hint) == (True, True)


@pytest.mark.parametrize(
    ("record", "what", "hint"),
    [
        ("v=DMARC1; p=none; rua=mailto:d@clay.dk", "well DMARC: p=none", "p=none only watches"),
        ("v=DMARC1; p=reject", "well DMARC: p=reject", "Nobody hears of mail that fails"),
        ("v=DMARC1;p=reject;sp=none;rua=mailto:a@b.dk", "well DMARC: p=none (_dmarc.clay.dk)", "only watches"),
        ("v=DMARC1; p=reject; adkim=s; rua=mailto:a@b.dk", "well DMARC: p=reject", f"of exactly {SHOP}"),
        ("v=DMARC1; p=maybe", "ill DMARC: _dmarc.clay.dk says p=maybe", ""),
        ("v=DMARC1", "ill DMARC: _dmarc.clay.dk says p=nothing", ""),
    ],
)
def test_the_policy_is_read_with_what_could_be_better(record: str, what: str, hint: str, dns: NameServer) -> None:
    dns.put("_dmarc.clay.dk", "TXT", record)
    [found] = [one for one in domain.examine() if one.what.startswith("DMARC")]
    assert f"{'well' if found.well else 'ill'} {found.what}".startswith(what)
    assert hint in found.hint


def test_two_policies_are_none(dns: NameServer) -> None:
    dns.put(f"_dmarc.{SHOP}", "TXT", "v=DMARC1; p=none", "v=DMARC1; p=reject")
    assert [one.what for one in ill()] == [f"DMARC: _dmarc.{SHOP} has 2 records; receivers then take none"]


def test_nobody_can_answer_where_mail_is_not_taken(dns: NameServer, wiring: Callable[..., None]) -> None:
    wiring(REPLY_TO="people@quiet.dk")
    dns.put("quiet.dk", "MX", "0 .")
    assert [one.what for one in ill()] == ["MX: quiet.dk, of who answers, says that it takes no mail"]
    dns.zone["quiet.dk"] = {"A": ["192.0.2.1"]}
    assert ill() == []
    del dns.zone["quiet.dk"]
    assert [one.what for one in ill()] == ["MX: quiet.dk, of who answers, does not exist"]


def test_servers_that_fail_are_told_and_the_rest_is_looked_at(dns: NameServer) -> None:
    dns.zone["mail.sender.net"] = {"FAIL": []}
    dns.zone[f"s1._domainkey.{SHOP}"] = {"FAIL": []}
    assert [one.what for one in ill()] == [
        "SPF: the name servers of mail.sender.net fail",
        f"DKIM: the name servers of s1._domainkey.{SHOP} fail",
    ]


def test_an_internationalized_domain_is_asked_for_as_dns_knows_it(dns: NameServer, wiring: Callable[..., None]) -> None:
    wiring(FROM_EMAIL="Ton <hallo@münchen.dk>", REPLY_TO="")
    dns.put("xn--mnchen-3ya.dk", "TXT", "v=spf1 mx -all")
    dns.put("xn--mnchen-3ya.dk", "MX", "10 mx.clay.dk.")
    assert told()[0] == "well SPF: one record, 1 of 10 look-ups (v=spf1 mx -all)"


@pytest.mark.parametrize("name", ["a" * 70 + ".dk", "a..dk", "-_-.dk" * 60])
def test_a_name_that_is_none_is_told_and_no_traceback(name: str, dns: NameServer, wiring: Callable[..., None]) -> None:
    wiring(FROM_EMAIL=f"Clay <hello@{name}>")
    [found] = domain.examine()
    assert not found.well


@pytest.mark.parametrize(
    "servers", [["127.0.0.1:1"], ["nonsense"], ["127.0.0.1:1", "127.0.0.1:2"], ["[::1]:1"]], ids=str
)
def test_without_a_name_server_there_is_one_clear_answer(servers: list[str], dns: NameServer, wiring: Any) -> None:
    wiring(NAME_SERVERS=servers)
    began = time.monotonic()
    [found] = domain.examine()
    assert f"SPF, DKIM, DMARC and MX of {SHOP} were not, or not all, looked at" in found.what
    assert "Run this where there is a network" in found.cure
    assert time.monotonic() - began < 5


def test_a_name_server_that_says_nothing_is_waited_for_some_seconds_alone(dns: NameServer, wiring: Any) -> None:
    with nameserver.deaf() as address:
        wiring(NAME_SERVERS=[address])
        began = time.monotonic()
        [found] = domain.examine()
    assert found.what.startswith("no name server answers")
    assert time.monotonic() - began < 5


def test_a_domain_for_trying_things_out_is_not_looked_up(dns: NameServer, wiring: Callable[..., None]) -> None:
    for name in ("localhost", "shop.test", "example.com", "shop.example"):
        wiring(FROM_EMAIL=f"shop@{name}")
        [found] = domain.examine()
        assert (found.well, dns.asked) == (True, [])


def test_no_sender_is_told(wiring: Callable[..., None]) -> None:
    wiring(FROM_EMAIL="")
    assert [one.what for one in domain.examine()] == ["there is no sender's address"]
