"""Two doors to an account, and what a stranger sees of either: nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import MD5PasswordHasher
from django.core.mail import EmailMessage
from django.test import Client
from django.urls import reverse

from retention.models import Customer, Message, Order, Prompt, Token
from retention.services import customers, prompts, tokens
from tests.retention.ground import happened, tell
from tests.retention.post import fetch, link, rows
from tests.retention.shop import NOON, LocalShop

GOOD = "correct horse battery"
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
Box = list[EmailMessage]


@pytest.fixture(autouse=True)
def clock() -> Iterator[Any]:
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture
def visitor(shop: LocalShop) -> Callable[..., Client]:
    """Somebody in whose session an order was just placed."""

    def make(reference: str = "A1", **given: Any) -> Client:
        shop.place(reference, **given)
        tell(reference)
        client = Client()
        session = client.session
        session["fake_order"] = reference
        session.save()
        return client

    return make


def user_of(client: Client) -> Any:
    key = client.session.get("_auth_user_id")
    return get_user_model().objects.get(pk=key) if key else None


def open_account(client: Client, password: str = GOOD) -> Any:
    return client.post(reverse("retention:open_account"), {"password": password})


def words(response: Any) -> str:
    """Return what stands on a page, without the token that each page has for itself."""
    return re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", response.content.decode())


def attached(user: Any) -> list[str]:
    """Which orders the shopper sees: those of the user's own row."""
    return sorted(Order.objects.filter(customer__user=user).values_list("reference", flat=True))


# Door one


def test_a_password_on_the_thank_you_page_opens_the_account_signs_in_and_attaches_that_order_only(
    shop: LocalShop, visitor: Callable[..., Client], mailoutbox: Box
) -> None:
    shop.place("A0", placed_at=NOON - HOUR)
    tell("A0")
    client = visitor(first_name="Ada", last_name="Byron", language="de")
    response = open_account(client)
    assert (response.status_code, response["Location"]) == (302, "/retention/account/done/")
    user = get_user_model().objects.get()
    assert user_of(client) == user
    assert (user.email, user.first_name, user.last_name) == ("ada@example.com", "Ada", "Byron")
    assert user.check_password(GOOD)
    assert shop.orders["A1"].user_id == user.pk
    assert shop.orders["A0"].user_id is None
    tell()
    assert attached(user) == ["A1"]
    member = Customer.objects.get(user=user)
    assert (member.address_proven_at, member.language) == (None, "de")
    assert "OrderChangedHands A1" in happened()
    [mail] = fetch(mailoutbox, NOON)
    assert mail.to == ["ada@example.com"]
    assert link(mail).startswith("/retention/enter/")


def test_the_link_of_that_mail_attaches_the_older_orders_by_a_post(
    shop: LocalShop, visitor: Callable[..., Client], mailoutbox: Box
) -> None:
    shop.place("A0", placed_at=NOON - HOUR)
    shop.place("B1", email="ben@example.com")
    tell("A0", "B1")
    client = visitor()
    open_account(client)
    [mail] = fetch(mailoutbox, NOON)
    user = get_user_model().objects.get()
    assert client.get(link(mail)).status_code == 200
    tell()
    assert attached(user) == ["A1"], "a GET changes nothing"
    response = client.post(link(mail))
    assert (response.status_code, response["Location"]) == (302, "/retention/account/")
    tell()
    assert attached(user) == ["A0", "A1"]
    assert shop.orders["A0"].user_id == user.pk
    assert shop.orders["B1"].user_id is None
    assert Customer.objects.get(user=user).address_proven_at == NOON
    assert user.check_password(GOOD), "who is signed in to it keeps the password"


def test_an_address_that_has_an_account_gets_the_same_answer_and_a_mail(
    shop: LocalShop, visitor: Callable[..., Client], user: Callable[..., Any], mailoutbox: Box
) -> None:
    ada = user("ada@example.com")
    known, new = visitor("A1"), visitor("B1", email="ben@example.com")
    answers = [open_account(client) for client in (known, new)]
    assert [answer.status_code for answer in answers] == [302, 302]
    assert len({answer["Location"] for answer in answers}) == 1
    pages = [client.get(answers[0]["Location"]) for client in (known, new)]
    assert words(pages[0]) == words(pages[1])
    assert [page.status_code for page in pages] == [200, 200]
    assert user_of(known) is None
    assert get_user_model().objects.count() == 2, "no second account with the address"
    assert shop.orders["A1"].user_id is None
    mails = {mail.to[0]: mail for mail in fetch(mailoutbox, NOON)}
    assert link(mails["ada@example.com"]).startswith("/retention/sign-in/")
    ada.refresh_from_db()
    assert ada.check_password("a long password")


def test_letter_case_does_not_make_another_address(
    shop: LocalShop, visitor: Callable[..., Client], user: Callable[..., Any]
) -> None:
    user("Ada@Example.com")
    client = visitor(email="ADA@example.com")
    open_account(client)
    assert user_of(client) is None
    assert get_user_model().objects.count() == 1


def test_the_time_spent_hashing_is_the_same(
    shop: LocalShop, visitor: Callable[..., Client], user: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counted, not measured: as many passwords are hashed for a known address as for a new one."""
    hashed: list[str] = []
    encode = MD5PasswordHasher.encode

    def counted(self: Any, password: str, salt: str) -> str:
        hashed.append(password)
        return encode(self, password, salt)

    user("ada@example.com")
    clients = visitor("A1"), visitor("B1", email="ben@example.com")
    monkeypatch.setattr(MD5PasswordHasher, "encode", counted)
    counts = []
    for client in (*clients, clients[0]):
        hashed.clear()
        open_account(client)
        counts.append(len(hashed))
    assert counts == [1, 1, 1]


def test_an_order_has_one_try(
    shop: LocalShop, visitor: Callable[..., Client], user: Callable[..., Any], mailoutbox: Box
) -> None:
    user("ada@example.com")
    client = visitor()
    for _ in range(5):
        assert open_account(client).status_code == 302
    assert len(fetch(mailoutbox, NOON)) == 1
    get_user_model().objects.all().delete()
    open_account(client)
    assert get_user_model().objects.count() == 0, "the order's try was used up"


@pytest.mark.parametrize("weak", ["", "short", "password123", "a" * 129], ids=["none", "short", "common", "too long"])
def test_a_weak_password_is_asked_for_again_and_uses_no_try_up(
    shop: LocalShop, visitor: Callable[..., Client], weak: str
) -> None:
    client = visitor()
    response = open_account(client, weak)
    assert response.status_code == 422
    assert b'role="alert"' in response.content
    assert get_user_model().objects.count() == 0
    assert open_account(client).status_code == 302
    assert user_of(client) is not None


def test_a_shop_that_cannot_make_the_account_uses_no_try_up(
    shop: LocalShop, visitor: Callable[..., Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*args: Any, **given: Any) -> Any:
        raise ConnectionError("the shop is away")

    client = visitor()
    with monkeypatch.context() as patch:
        patch.setattr(shop, "create_customer", down)
        with pytest.raises(ConnectionError):
            open_account(client)
    assert Prompt.objects.filter(accepted_at__isnull=False).count() == 0
    open_account(client)
    assert user_of(client) is not None


def test_without_an_order_in_the_session_nothing_is_opened(shop: LocalShop, mailoutbox: Box) -> None:
    client = Client()
    for name in ("open_account", "mail_account_link"):
        response = client.post(reverse(f"retention:{name}"), {"password": GOOD})
        assert (response.status_code, response["Location"]) == (302, "/retention/account/done/")
    assert get_user_model().objects.count() == 0
    assert fetch(mailoutbox, NOON) == []


def test_somebody_elses_order_cannot_be_claimed_again(shop: LocalShop, visitor: Callable[..., Client]) -> None:
    """The thank-you page is opened again, after its order was attached."""
    client = visitor()
    open_account(client)
    session = client.session
    session.flush()
    again = Client()
    session = again.session
    session["fake_order"] = "A1"
    session.save()
    assert open_account(again, "another good password").status_code == 302
    assert user_of(again) is None
    assert get_user_model().objects.get().check_password(GOOD)


def test_a_stranger_who_orders_with_somebodys_address_sees_nothing_of_theirs(
    shop: LocalShop, visitor: Callable[..., Client], mailoutbox: Box
) -> None:
    """Ada has ordered as a guest; a stranger types her address and opens an account with it."""
    for reference in ("A1", "A2"):
        shop.place(reference, placed_at=NOON - HOUR)
    tell("A1", "A2")
    stranger = visitor("X1")
    open_account(stranger, "the strangers password")
    tell()
    user = user_of(stranger)
    assert attached(user) == ["X1"]
    page = stranger.get(reverse("retention:account")).content.decode()
    assert "NA1" not in page
    assert "NA2" not in page
    # the proof goes to Ada's mailbox; opened there, the account is hers alone
    [mail] = fetch(mailoutbox, NOON)
    ada = Client()
    assert b'name="password"' in ada.get(link(mail)).content
    ada.post(link(mail), {"password": GOOD})
    tell()
    assert attached(user_of(ada)) == ["A1", "A2", "X1"]
    user.refresh_from_db()
    assert user.check_password(GOOD)
    assert stranger.get(reverse("retention:account")).status_code == 302, "the stranger's session is over"


def test_a_stranger_who_orders_with_a_members_address_gets_into_nothing(
    shop: LocalShop, visitor: Callable[..., Client], user: Callable[..., Any], mailoutbox: Box
) -> None:
    ada = user("ada@example.com")
    shop.place("A1", user_id=ada.pk)
    tell("A1")
    customers.prove_address(Customer.objects.get(user=ada), at=NOON)
    stranger = visitor("X1")
    open_account(stranger, "the strangers password")
    assert user_of(stranger) is None
    assert stranger.get(reverse("retention:account")).status_code == 302
    assert attached(ada) == ["A1"]
    ada.refresh_from_db()
    assert ada.check_password("a long password")
    [mail] = fetch(mailoutbox, NOON)
    assert mail.to == ["ada@example.com"]


# Instead of a password


def test_a_link_in_place_of_a_password_opens_the_account_with_all_orders(
    shop: LocalShop, visitor: Callable[..., Client], mailoutbox: Box
) -> None:
    shop.place("A0", placed_at=NOON - HOUR)
    tell("A0")
    client = visitor()
    assert client.post(reverse("retention:mail_account_link"))["Location"] == "/retention/account/done/"
    assert get_user_model().objects.count() == 0
    [mail] = fetch(mailoutbox, NOON)
    other = Client()  # the mail may be opened elsewhere
    assert b'name="password"' in other.get(link(mail)).content
    assert other.post(link(mail), {"password": "short"}).status_code == 422
    assert other.post(link(mail), {"password": GOOD}).status_code == 302
    tell()
    assert attached(user_of(other)) == ["A0", "A1"]
    assert Customer.objects.get(user=user_of(other)).address_proven_at == NOON
    assert happened().count("GuestAbsorbed") == 1


def test_links_can_be_asked_for_three_times_an_hour(
    shop: LocalShop, visitor: Callable[..., Client], mailoutbox: Box, clock: Any
) -> None:
    client = visitor()
    answers = []
    for _ in range(5):
        clock.shift(MINUTE)
        answers.append(client.post(reverse("retention:mail_account_link")).status_code)
    assert answers == [302, 302, 302, 429, 429]
    assert len(fetch(mailoutbox, NOON + HOUR)) == 3
    clock.move_to(NOON + HOUR)
    assert client.post(reverse("retention:mail_account_link")).status_code == 302


def test_a_member_may_ask_for_the_proof_again(shop: LocalShop, user: Callable[..., Any], mailoutbox: Box) -> None:
    client = Client()
    client.force_login(user("ada@example.com"))
    assert client.get(reverse("retention:ask_proof")).status_code == 405
    assert client.post(reverse("retention:ask_proof"))["Location"] == "/retention/account/"
    [mail] = fetch(mailoutbox, NOON)
    client.post(link(mail))
    assert Customer.objects.get().address_proven_at == NOON


def test_a_proof_that_was_given_meanwhile_is_not_asked_for(
    shop: LocalShop, user: Callable[..., Any], mailoutbox: Box
) -> None:
    member = user("ada@example.com", joined=True)
    client = Client()
    client.force_login(member)
    client.post(reverse("retention:ask_proof"))
    customers.prove_address(Customer.objects.get(), at=NOON)
    assert fetch(mailoutbox, NOON) == []
    assert Message.objects.get().reason == "address proven"


# Door two: links


@pytest.fixture
def mailed(shop: LocalShop, visitor: Callable[..., Client], mailoutbox: Box) -> str:
    """The path of a link that opens an account for order A1."""
    visitor().post(reverse("retention:mail_account_link"))
    [mail] = fetch(mailoutbox, NOON)
    return link(mail)


@pytest.fixture
def sign_in(shop: LocalShop, visitor: Callable[..., Client], user: Callable[..., Any], mailoutbox: Box) -> str:
    """The path of a sign-in link to Ada's proven account, after a guest order with her address."""
    customers.prove_address(customers.for_user(user("ada@example.com"), at=NOON), at=NOON)
    open_account(visitor())
    [mail] = fetch(mailoutbox, NOON)
    return link(mail)


def test_a_scanner_that_opens_a_link_twenty_times_changes_nothing(mailed: str) -> None:
    client = Client()
    client.get(mailed)
    before = rows()
    for _ in range(20):
        assert client.get(mailed).status_code == 200
        assert client.head(mailed).status_code == 200
    assert rows() == before


def test_a_link_says_nothing_of_whom_it_is_for(mailed: str, sign_in: str) -> None:
    for path in (mailed, sign_in):
        page = Client().get(path).content.decode()
        assert "ada" not in page.lower()
        assert "NA1" not in page


def test_a_link_that_was_used_says_so_and_offers_a_new_one(mailed: str, mailoutbox: Box, clock: Any) -> None:
    Client().post(mailed, {"password": GOOD})
    before = rows()
    client = Client()
    for response in (client.get(mailed), client.post(mailed, {"password": "another good one"})):
        assert response.status_code == 410
        assert "This link has been used" in response.content.decode()
    assert rows() == before
    assert user_of(client) is None
    clock.shift(MINUTE)
    secret = mailed.strip("/").rpartition("/")[2]
    response = client.post(reverse("retention:link_again"), {"secret": secret, "purpose": "claim"})
    assert response["Location"] == "/retention/account/done/"
    [mail] = fetch(mailoutbox, NOON + MINUTE)
    assert mail.to == ["ada@example.com"]
    assert client.post(link(mail)).status_code == 302
    assert user_of(client) == get_user_model().objects.get()


def test_an_expired_link_says_so_and_the_new_one_opens_the_account(mailed: str, mailoutbox: Box, clock: Any) -> None:
    clock.shift(timedelta(hours=72))
    client = Client()
    response = client.post(mailed, {"password": GOOD})
    assert response.status_code == 410
    assert "This link is too old" in response.content.decode()
    assert get_user_model().objects.count() == 0
    secret = mailed.strip("/").rpartition("/")[2]
    client.post(reverse("retention:link_again"), {"secret": secret, "purpose": "claim"})
    [mail] = fetch(mailoutbox, NOON + timedelta(hours=72))
    assert mail.to == ["ada@example.com"]
    assert client.post(link(mail), {"password": GOOD}).status_code == 302
    assert user_of(client) is not None


def test_asking_again_has_its_limit(mailed: str, mailoutbox: Box, clock: Any) -> None:
    clock.shift(timedelta(hours=72))
    secret = mailed.strip("/").rpartition("/")[2]
    answers = []
    for _ in range(5):
        clock.shift(MINUTE)
        answers.append(
            Client().post(reverse("retention:link_again"), {"secret": secret, "purpose": "claim"}).status_code
        )
    assert answers == [302, 302, 302, 429, 429]
    assert len(fetch(mailoutbox, NOON + timedelta(hours=73))) == 3


@pytest.mark.parametrize(
    ("secret", "purpose"),
    [("nonsense", "claim"), ("", ""), ("nonsense", "no such purpose at all"), ("x" * 100_000, "claim")],
    ids=["nonsense", "empty", "purpose", "long"],
)
def test_asking_again_with_nonsense_mails_nobody(shop: LocalShop, mailoutbox: Box, secret: str, purpose: str) -> None:
    response = Client().post(reverse("retention:link_again"), {"secret": secret, "purpose": purpose})
    assert response.status_code == 404
    assert fetch(mailoutbox, NOON) == []


def test_an_invitation_to_a_survey_is_not_renewed_as_an_account_link(
    shop: LocalShop, customer: Callable[..., Customer], mailoutbox: Box
) -> None:
    about = [(customer().pk, "S1")]
    [secret] = tokens.mint(purpose="answer", about=about, lasts=HOUR, at=NOON - 2 * HOUR)
    response = Client().post(reverse("retention:link_again"), {"secret": secret, "purpose": "answer"})
    assert response.status_code == 404
    assert fetch(mailoutbox, NOON) == []


@pytest.mark.parametrize(
    "change",
    [str.swapcase, lambda secret: secret[:-1], lambda secret: f"{secret}x"],
    ids=["case", "shorter", "longer"],
)
def test_a_tampered_link_leads_nowhere(mailed: str, change: Callable[[str], str]) -> None:
    head, _, secret = mailed.rstrip("/").rpartition("/")
    before = rows()
    for method in ("get", "post"):
        response = getattr(Client(), method)(f"{head}/{change(secret)}/", {"password": GOOD})
        assert response.status_code == 404
        assert "does not lead anywhere" in response.content.decode()
    assert rows() == before


def test_a_link_of_one_door_does_not_open_the_other(mailed: str) -> None:
    assert Client().post(mailed.replace("/enter/", "/sign-in/")).status_code == 404


def test_a_sign_in_link_signs_in_and_attaches_the_order(shop: LocalShop, sign_in: str) -> None:
    client = Client()
    assert b'name="password"' not in client.get(sign_in).content
    response = client.post(sign_in)
    assert (response.status_code, response["Location"]) == (302, "/retention/account/")
    user = get_user_model().objects.get()
    assert user_of(client) == user
    tell()
    assert attached(user) == ["A1"]
    assert user.check_password("a long password"), "a proven account keeps its password"


def test_a_sign_in_link_needs_no_log_in_but_a_forgery_is_refused(sign_in: str) -> None:
    """The page has a token of its own; a form on somebody else's page has not."""
    client = Client(enforce_csrf_checks=True)
    assert client.post(sign_in).status_code == 403
    page = client.get(sign_in).content.decode()
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
    assert token is not None
    assert client.post(sign_in, {"csrfmiddlewaretoken": token[1]}).status_code == 302


def test_somebody_else_who_is_signed_in_becomes_whom_the_link_names(sign_in: str, user: Callable[..., Any]) -> None:
    ben = user("ben@example.com")
    client = Client()
    client.force_login(ben)
    client.post(sign_in)
    assert user_of(client).email == "ada@example.com"


def test_a_link_to_an_account_whose_address_is_another_by_now_opens_nothing(sign_in: str) -> None:
    """The shop changed the address behind our back."""
    client = Client()
    ada = get_user_model().objects.get()
    shop_says = get_user_model().objects.filter(pk=ada.pk)
    Token.objects.update(customer=Customer.objects.get(user=ada))
    shop_says.update(email="victim@example.com")
    assert client.post(sign_in).status_code == 410
    assert user_of(client) is None


# A no


def test_a_no_is_remembered_for_the_order_and_the_address(shop: LocalShop, visitor: Callable[..., Client]) -> None:
    client = visitor("A1")
    assert prompts.wanted(name="account", order="A1", email="ada@example.com", at=NOON)
    assert client.get(reverse("retention:dismiss_account")).status_code == 405
    response = client.post(reverse("retention:dismiss_account"))
    assert (response.status_code, response["Location"]) == (302, "/thank-you/")

    def wanted(order: str, email: str, at: Any) -> bool:
        return prompts.wanted(name="account", order=order, email=email, at=at)

    late = NOON + timedelta(days=90)
    assert not wanted("A1", "ada@example.com", NOON)
    assert not wanted("A2", "ADA@example.com", NOON), "remembered by address, not by cookie"
    assert not wanted("A2", "ada@example.com", late)
    assert wanted("A2", "ada@example.com", late + MINUTE)
    assert wanted("B1", "ben@example.com", NOON)
    assert "ada" not in str(list(Prompt.objects.values()))


def test_after_a_yes_the_order_is_not_asked_about_again_and_another_is(
    shop: LocalShop, visitor: Callable[..., Client]
) -> None:
    open_account(visitor("A1"))
    assert not prompts.wanted(name="account", order="A1", email="ada@example.com", at=NOON)
    assert prompts.wanted(name="account", order="A2", email="ada@example.com", at=NOON)


def test_a_prompt_is_noted_once_however_often_the_page_is_shown(shop: LocalShop) -> None:
    for minute in range(5):
        prompts.note_shown(name="account", order="A1", email="a@example.com", at=NOON + minute * MINUTE, variant="b")
    assert list(Prompt.objects.values_list("order", "shown_at", "variant")) == [("A1", NOON, "b")]
