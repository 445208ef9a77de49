"""Forgetting a person: the strings go, the figures stay, and no sweep brings anything back."""

from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.core.management import CommandError, call_command
from django.test import Client

from retention.hashing import customer_key
from retention.models import Customer, Fact, Heartbeat, IdempotentRequest, Message, Order, Prompt, Suppression, Token
from retention.services import accounts, customers, delivery, imports, persons, prompts, suppression, sweep, tokens
from tests.retention.ground import guest, promise, tell
from tests.retention.shop import NOON, LocalShop

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
PERSONAL = ("ada", "byron", "sw1y 4qu")


def dump() -> str:
    """Every value in every table of ours, in lower case."""
    models = [model for model in apps.get_models() if model.__module__.startswith("retention.models")]
    return str([list(model._default_manager.values()) for model in models]).lower()


def personal() -> list[str]:
    return [word for word in PERSONAL if word in dump()]


def bought(shop: LocalShop, *references: str, **given: Any) -> None:
    for reference in references:
        shop.place(
            reference, email="Ada@example.com", first_name="Ada", last_name="Byron", postcode="SW1Y 4QU", **given
        )
    tell(*references)


def test_no_personal_string_is_left_and_the_figures_are(shop: LocalShop) -> None:
    bought(shop, "A1", "A2")
    row = guest()
    assert personal() == list(PERSONAL)
    persons.erase_person(row, at=NOON)
    assert personal() == []
    row.refresh_from_db()
    assert (row.orders_count, row.spends.get().net_minor, row.erased_at) == (2, 8000, NOON)
    assert Order.objects.count() == 2
    assert Fact.objects.count() == 2


def test_a_sweep_an_import_and_a_change_bring_nothing_back(shop: LocalShop) -> None:
    bought(shop, "A1")
    row = guest()
    persons.erase_person(row, at=NOON + HOUR)
    shop.change("A1", paid_at=NOON)
    tell("A1", at=NOON + 2 * HOUR)
    sweep.sweep_new(at=NOON + 2 * HOUR)
    imports.take_in_shop(at=NOON + 2 * HOUR)
    assert personal() == []
    assert list(Order.objects.values_list("reference", "customer", "paid_at")) == [("A1", row.pk, NOON)]
    assert Customer.objects.count() == 1


def test_an_order_of_before_that_was_never_read_comes_without_the_person(shop: LocalShop) -> None:
    bought(shop, "A1")
    persons.erase_person(guest(), at=NOON + HOUR)
    shop.place("A0", email="Ada@example.com", first_name="Ada", postcode="SW1Y 4QU", placed_at=NOON - DAY)
    for hour, paid_at in enumerate([None, NOON], start=2):
        shop.change("A0", paid_at=paid_at)
        sweep.sweep_new(at=NOON + hour * HOUR)
        tell("A0", at=NOON + hour * HOUR)
    assert personal() == []
    assert Order.objects.filter(reference="A0", paid_at=NOON).count() == 1
    assert Customer.objects.count() == 2


def test_who_orders_again_after_that_is_a_new_customer(shop: LocalShop) -> None:
    bought(shop, "A1")
    old = guest()
    persons.erase_person(old, at=NOON + HOUR)
    shop.place("A2", email="ada@example.com", placed_at=NOON + DAY)
    tell("A2", at=NOON + DAY)
    assert guest().pk != old.pk
    assert Order.objects.get(reference="A2").email == "ada@example.com"


def test_who_begins_anew_can_open_an_account_again(shop: LocalShop, mailoutbox: Any) -> None:
    bought(shop, "A1")
    persons.erase_person(guest(), at=NOON + HOUR)
    order = shop.place("A2", email="ada@example.com", placed_at=NOON + DAY)
    tell("A2", at=NOON + DAY)
    accounts.ask_link(order=order, at=NOON + DAY)
    delivery.deliver(at=NOON + DAY)
    assert [mail.to for mail in mailoutbox] == [["ada@example.com"]]


def test_the_next_order_of_an_erased_member_who_keeps_the_account_stays_nameless(
    shop: LocalShop, user: Callable[..., Any]
) -> None:
    member = user("ada@example.com")
    bought(shop, "A1", user_id=member.pk)
    row = Customer.objects.get(user=member)
    persons.erase_person(row, at=NOON)
    bought(shop, "A2", user_id=member.pk)
    assert personal() == []
    assert Order.objects.get(reference="A2").customer_id == row.pk


def test_the_rows_that_a_member_has_absorbed_are_emptied_too(shop: LocalShop, user: Callable[..., Any]) -> None:
    bought(shop, "A1")
    member = customers.for_user(user("ada@example.com"), at=NOON)
    customers.prove_address(member, at=NOON)
    persons.erase_person(member, at=NOON)
    assert personal() == []
    assert Order.objects.get().customer_id == member.pk


def test_no_prompt_knows_the_address_any_more(shop: LocalShop) -> None:
    bought(shop, "A1")
    prompts.dismiss(name="account", order="A1", email="ada+cups@example.com", at=NOON)
    prompts.dismiss(name="account", order="A9", email="Ada@example.com", at=NOON)
    prompts.dismiss(name="account", order="B1", email="ben@example.com", at=NOON)
    persons.erase_person(guest(), at=NOON)
    assert list(Prompt.objects.order_by("order").values_list("order", "address_hash")) == [
        ("A1", ""),
        ("A9", ""),
        ("B1", customer_key("ben@example.com")),
    ]


def test_a_prompt_of_an_order_is_forgotten_though_the_account_has_another_address_by_now(
    shop: LocalShop, user: Callable[..., Any]
) -> None:
    ada = user(joined=True)
    shop.place("A1", user_id=ada.pk, email="ada@example.com")
    tell("A1")
    prompts.dismiss(name="account", order="A1", email="ada@example.com", at=NOON)
    ada.email = "ada@example.org"
    customers.change_address(user=ada, at=NOON)
    persons.erase_person(Customer.objects.get(user=ada), at=NOON)
    assert Prompt.objects.get().address_hash == ""


def test_a_user_deleted_in_the_host_is_forgotten_and_the_ledger_is_kept(
    shop: LocalShop, user: Callable[..., Any]
) -> None:
    member = user("ada@example.com")
    bought(shop, "A1", user_id=member.pk)
    row = Customer.objects.get(user=member)
    member.delete()
    shop.change("A1", user_id=None)  # what a host does to the orders of a user it deletes
    tell("A1", at=NOON + HOUR)
    assert personal() == []
    row.refresh_from_db()
    assert (row.user, row.orders_count, row.spends.get().net_minor) == (None, 1, 4000)
    assert row.erased_at is not None
    assert Order.objects.get().customer_id == row.pk


def test_many_users_deleted_at_once_are_all_forgotten(shop: LocalShop, user: Callable[..., Any]) -> None:
    for number in range(3):
        user(f"ada{number}@example.com", joined=True)
    get_user_model().objects.filter(email__startswith="ada").delete()
    assert personal() == []
    assert Customer.objects.filter(user=None).exclude(erased_at=None).count() == 3


def test_a_failure_of_ours_does_not_keep_the_host_from_deleting(
    shop: LocalShop, user: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*args: Any, **given: Any) -> None:
        raise RuntimeError("not today")

    member = user("ada@example.com", joined=True)
    monkeypatch.setattr(persons, "erase_person", broken)
    key = member.pk
    member.delete()
    assert get_user_model().objects.count() == 0
    assert [record.getMessage() for record in caplog.records] == [f"the customer of user {key} could not be erased"]


def test_what_waits_in_the_outbox_is_called_off_and_links_end(shop: LocalShop, mails: None, mailoutbox: Any) -> None:
    bought(shop, "A1")
    row = guest()
    waiting = promise(row)
    [secret] = tokens.mint(purpose="claim", about=[(row.pk, "A1")], lasts=DAY, at=NOON)
    persons.erase_person(row, at=NOON)
    waiting.refresh_from_db()
    assert (waiting.state, waiting.reason) == ("cancelled", "erased")
    assert Token.objects.count() == 0
    with pytest.raises(tokens.Invalid):
        accounts.enter(None, secret=secret, purpose="claim", password=None, at=NOON)
    delivery.deliver(at=NOON + DAY)
    assert mailoutbox == []


def test_what_the_mail_server_said_of_the_address_goes_too(shop: LocalShop, mails: None) -> None:
    bought(shop, "A1")
    row = guest()
    message = promise(row)
    Message.objects.filter(pk=message.pk).update(state="failed", error="550 <Ada@example.com>: no such mailbox")
    persons.erase_person(row, at=NOON)
    assert personal() == []
    message.refresh_from_db()
    assert message.state == "failed", "that it failed is kept"


def test_the_address_is_suppressed_and_stays_so(shop: LocalShop) -> None:
    bought(shop, "A1")
    persons.erase_person(guest(), at=NOON)
    assert list(Suppression.objects.values_list("scope", "reason", "at")) == [("all", "erased", NOON)]


def test_an_address_that_bounced_before_is_erased_all_the_same(shop: LocalShop) -> None:
    bought(shop, "A1")
    suppression.add("ada@example.com", scope="all", reason="bounced", at=NOON - DAY)
    persons.erase_person(guest(), at=NOON + HOUR)
    shop.place("A0", email="ada@example.com", placed_at=NOON)
    tell("A0", at=NOON + 2 * HOUR)
    assert personal() == []


def test_erasing_twice_changes_nothing(shop: LocalShop) -> None:
    bought(shop, "A1")
    row = guest()
    persons.erase_person(row, at=NOON)
    before = dump()
    row.refresh_from_db()
    persons.erase_person(row, at=NOON + DAY)
    assert dump() == before


def test_every_row_of_the_address_is_forgotten_at_once(shop: LocalShop, user: Callable[..., Any]) -> None:
    bought(shop, "A1")
    typed_by_somebody = customers.for_user(user("ada@example.com"), at=NOON)
    other = customers.for_user(user("ben@example.com"), at=NOON)
    persons.forget(guest(), at=NOON)
    assert personal() == []
    other.refresh_from_db()
    assert other.email == "ben@example.com"
    typed_by_somebody.refresh_from_db()
    assert typed_by_somebody.erased_at == NOON


def test_who_forgets_a_guest_that_was_absorbed_forgets_the_member(shop: LocalShop, user: Callable[..., Any]) -> None:
    bought(shop, "A1")
    row = guest()
    member = customers.for_user(user("ada@example.com"), at=NOON)
    customers.prove_address(member, at=NOON)
    row.refresh_from_db()
    persons.forget(row, at=NOON)
    assert personal() == []


def test_errors_that_repeat_a_name_are_blackened_and_others_are_not(shop: LocalShop) -> None:
    bought(shop, "A1")
    Heartbeat.objects.create(name="one", at=NOON, error="550 ADA@Example.com: Ada Byron of SW1Y 4QU; adapter gave up")
    Heartbeat.objects.create(name="two", at=NOON, error="the adapter of ben@example.com gave up in canada")
    persons.erase_person(guest(), at=NOON)
    errors = dict(Heartbeat.objects.values_list("name", "error"))
    assert errors == {
        "one": "550 …: … of …; adapter gave up",
        "two": "the adapter of ben@example.com gave up in canada",
    }


def test_a_name_in_letters_that_are_not_ascii_goes_from_answers_of_the_api(
    shop: LocalShop, user: Callable[..., Any]
) -> None:
    shop.place("A1", email="zoe@example.com", first_name="Zoë", last_name="Łukasik")
    tell("A1")
    staff = user("staff@example.com")
    for key, name in (("1", "Łukasik"), ("2", "Nowak")):
        IdempotentRequest.objects.create(
            user=staff, key=key, fingerprint="f", status=200, body={"last_name": name}, created_at=NOON
        )
    persons.erase_person(guest("zoe@example.com"), at=NOON)
    assert list(IdempotentRequest.objects.values_list("key", flat=True)) == ["2"]


@pytest.fixture
def staff(db: None) -> Callable[..., Client]:
    """Sign in a member of staff with these permissions of ours."""

    def make(*names: str) -> Client:
        person = get_user_model().objects.create_user(username="staff", email="s@example.com", is_staff=True)
        person.user_permissions.set(Permission.objects.filter(content_type__app_label="retention", codename__in=names))
        client = Client()
        client.force_login(person)
        return client

    return make


@pytest.fixture
def keeps(shop: LocalShop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the shop say what it keeps of Ada."""
    kept = {"ada@example.com": ["2 orders with their addresses"]}
    monkeypatch.setattr(shop, "personal_places", lambda *, email, user_id: kept.get(email.lower(), []))


def test_staff_are_asked_with_what_goes_what_stays_and_what_the_shop_keeps(
    shop: LocalShop, keeps: None, staff: Callable[..., Client], user: Callable[..., Any]
) -> None:
    bought(shop, "A1")
    row, other = guest(), customers.for_user(user("ada@example.com"), at=NOON)
    url = f"/admin/retention/customer/{row.pk}/erase/"
    client = staff("view_customer", "erase_person")
    page = client.get(url).content.decode()
    for words in ("What goes", "What stays", "2 orders with their addresses", f"/customer/{other.pk}/change/"):
        assert words in page
    row.refresh_from_db()
    assert row.erased_at is None
    page = client.post(url, follow=True).content.decode()
    assert "The shop itself still keeps: 2 orders with their addresses." in page
    assert personal() == []
    assert LogEntry.objects.get().get_change_message() == "Forgot the person."


def test_staff_forget_those_chosen_on_the_list_after_one_question(
    shop: LocalShop, keeps: None, staff: Callable[..., Client]
) -> None:
    bought(shop, "A1")
    shop.place("B1", email="ben@example.com")
    shop.place("C1", email="cy@example.com")
    tell("B1", "C1")
    client = staff("view_customer", "erase_person")
    chosen = {"_selected_action": [guest().pk, guest("ben@example.com").pk], "action": "erase_chosen"}
    page = client.post("/admin/retention/customer/", chosen).content.decode()
    assert "Forget these people?" in page
    assert Customer.objects.exclude(erased_at=None).count() == 0
    page = client.post("/admin/retention/customer/", {**chosen, "confirmed": "1"}, follow=True).content.decode()
    assert "2 people are forgotten" in page
    assert list(Customer.objects.filter(erased_at=None).values_list("email", flat=True)) == ["cy@example.com"]


def test_who_may_not_forget_is_not_offered_it(shop: LocalShop, staff: Callable[..., Client]) -> None:
    bought(shop, "A1")
    row = guest()
    client = staff("view_customer", "change_customer")
    page = client.get(f"/admin/retention/customer/{row.pk}/change/").content.decode()
    assert "/erase/" not in page
    assert client.post(f"/admin/retention/customer/{row.pk}/erase/").status_code == 403
    chosen = {"_selected_action": [row.pk], "action": "erase_chosen", "confirmed": "1"}
    client.post("/admin/retention/customer/", chosen)
    row.refresh_from_db()
    assert row.erased_at is None


def test_the_command_forgets_by_address_or_number_and_says_what_the_shop_keeps(
    shop: LocalShop, keeps: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    bought(shop, "A1")
    shop.place("B1", email="ben@example.com")
    tell("B1")
    out = StringIO()
    monkeypatch.setattr("builtins.input", lambda question: "n")
    call_command("retention_person", "erase", "ADA@example.com", stdout=out)
    assert "Nothing was done." in out.getvalue()
    assert personal() == list(PERSONAL)
    call_command("retention_person", "erase", "ada@example.com", "--yes", stdout=out)
    assert "The shop itself still keeps: 2 orders with their addresses." in out.getvalue()
    assert personal() == []
    call_command("retention_person", "erase", str(guest("ben@example.com").pk), "--yes", stdout=out)
    assert Customer.objects.filter(erased_at=None).count() == 0
    for nobody in ("ada@example.com", "987654", "Ada", "9" * 30):
        with pytest.raises(CommandError, match="Nobody has this address or number"):
            call_command("retention_person", "erase", nobody, "--yes")
