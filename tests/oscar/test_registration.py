"""The box on Oscar's registration pages: never ticked for anybody, and what a tick is worth."""

from __future__ import annotations

import re
from decimal import Decimal
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone, translation

from retention.contrib.oscar import registering
from retention.hashing import origin_hash
from retention.models import Consent, ConsentEvidence, Customer, Suppression
from retention.testing.settling import settle
from tests.oscar.test_opt_out import fields
from tests.oscar.world import OscarWorld

PASSWORD = "a long enough one"
PAGES = ["/accounts/register/", "/accounts/login/"]


def inputs(page: Any) -> dict[str, str]:
    """Return our inputs of the page as a browser would send them, by name without the form's prefix."""
    found = {}
    for tag in re.findall(r"<input[^>]*>", page.content.decode()):
        attributes = dict(re.findall(r'([\w-]+)="([^"]*)"', tag))
        name = attributes["name"].removeprefix("registration-")
        if name.startswith("retention_") and (attributes["type"] != "checkbox" or " checked" in tag):
            found[name] = unescape(attributes.get("value", "on"))
    return found


def register(client: Client, page: str, email: str = "ada@example.com", **more: str) -> Any:
    """Fill the page in; a name of ours gets the form's prefix."""
    prefix = "registration-" if "login" in page else ""
    sent = inputs(client.get(page)) | {"email": email, "password1": PASSWORD, "password2": PASSWORD} | more
    data = {prefix + name: value for name, value in sent.items()}
    return client.post(page, data | {"registration_submit": "Register"})


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("asks", ["opt_out", "opt_in"])
def test_the_box_stands_in_the_form_before_its_button_and_is_not_ticked(
    world: OscarWorld, settings: Any, page: str, asks: str
) -> None:
    settings.RETENTION = {**settings.RETENTION, "REGISTRATION_ASKS": asks}
    html = Client().get(page).content.decode()
    assert str(registering.LABELS[asks]) in unescape(html)
    assert inputs(Client().get(page)) == {registering.SHOWN: f"{asks}:{registering.version(asks)}:en"}
    box = html.index(f'{registering.TICKED}" id=')
    assert html.index('id="register_form"') < box < html.index('name="registration_submit"')
    assert html.count(f'{registering.TICKED}" id=') == 1, "not in the form of who has an account"


def test_without_the_setting_there_is_no_box(world: OscarWorld, settings: Any) -> None:
    settings.RETENTION = {**settings.RETENTION, "REGISTRATION_ASKS": ""}
    assert inputs(Client().get(PAGES[0])) == {}
    assert register(Client(), PAGES[0]).status_code == 302


@pytest.mark.parametrize("page", PAGES)
def test_who_leaves_the_box_alone_has_said_nothing(world: OscarWorld, page: str) -> None:
    """Registering is no sale: it is no consent, and no refusal either."""
    assert register(Client(), page).status_code == 302
    assert Consent.objects.count() == ConsentEvidence.objects.count() == 0


@pytest.mark.parametrize("page", PAGES)
def test_a_tick_is_a_no_with_its_evidence_and_outweighs_the_soft_opt_in_of_a_later_order(
    world: OscarWorld, page: str
) -> None:
    client = Client()
    assert register(client, page, **{registering.TICKED: "on"}).status_code == 302
    evidence = ConsentEvidence.objects.get()
    assert (evidence.purpose, evidence.granted, evidence.basis) == ("marketing", False, "")
    assert (evidence.source, evidence.origin_hash) == ("registration", origin_hash("127.0.0.1"))
    assert evidence.text == f"[x] {registering.LABELS['opt_out']}"
    assert evidence.text_version == registering.version("opt_out")
    assert Customer.objects.get(user__isnull=False).pk == evidence.customer_id
    assert Suppression.objects.count() == 0, "nobody has proven the mailbox"

    world.put(client, world.add_product("Cup", Decimal("10.00")))
    preview = world.to_preview(client, "ada@example.com")
    world.place(client, **fields(preview))
    settle(at=timezone.now())
    assert list(Consent.objects.values_list("purpose", "granted")) == [("marketing", False)]


def test_a_tick_beside_a_question_for_yes_is_an_opt_in(world: OscarWorld, settings: Any) -> None:
    settings.RETENTION = {**settings.RETENTION, "REGISTRATION_ASKS": "opt_in"}
    register(Client(), PAGES[0], **{registering.TICKED: "on"})
    answer = Consent.objects.get()
    assert (answer.granted, answer.basis) == (True, "opt_in")
    assert ConsentEvidence.objects.get().text == f"[x] {registering.LABELS['opt_in']}"


def test_the_evidence_is_in_the_language_that_was_shown(world: OscarWorld, settings: Any) -> None:
    client = Client()
    shown = f"opt_out:{registering.version('opt_out')}:es"
    register(client, PAGES[0], **{registering.TICKED: "on", registering.SHOWN: shown})
    with translation.override("es"):
        assert ConsentEvidence.objects.get().text == f"[x] {registering.LABELS['opt_out']}"


@pytest.mark.parametrize("shown", ["", "opt_in", "opt_in:0badf00d:en", "opt_in:{}:xx", "other:{}:en", "x" * 500])
def test_words_that_we_cannot_quote_are_no_yes(world: OscarWorld, shown: str) -> None:
    given = shown.format(registering.version("opt_in"))
    assert register(Client(), PAGES[0], **{registering.TICKED: "on", registering.SHOWN: given}).status_code == 302
    assert Consent.objects.count() == 0


def test_a_no_to_words_of_an_older_version_counts_all_the_same(world: OscarWorld) -> None:
    register(Client(), PAGES[0], **{registering.TICKED: "on", registering.SHOWN: "opt_out:0badf00d:en"})
    evidence = ConsentEvidence.objects.get()
    assert (evidence.granted, evidence.text, evidence.text_version) == (False, "", "0badf00d")


def test_a_form_that_comes_back_keeps_the_tick_and_no_account_is_made(world: OscarWorld) -> None:
    page = register(Client(), PAGES[0], password2="another one", **{registering.TICKED: "on"})
    assert page.status_code == 200
    assert inputs(page)[registering.TICKED] == "on"
    assert Customer.objects.count() == ConsentEvidence.objects.count() == 0


def test_a_failure_of_ours_does_not_stop_the_registration(world: OscarWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr(registering.profile, "choose", fail)
    assert register(Client(), PAGES[0], **{registering.TICKED: "on"}).status_code == 302
    assert Consent.objects.count() == 0


def test_the_account_of_a_thank_you_page_is_asked_one_thing(world: OscarWorld) -> None:
    """Our own door makes the account by the shop's signal, too: nothing was shown there, nothing is claimed."""
    world.add_user("ben@example.com")
    assert ConsentEvidence.objects.count() == 0
