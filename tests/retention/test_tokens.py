"""Secrets in mails: stored as a hash, used up once."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from retention.models import Customer, Token
from retention.services import tokens
from tests.retention.shop import NOON

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("wiring")]

HOUR = timedelta(hours=1)
Make = Callable[..., Customer]


def mint(*about: tuple[Customer, str], purpose: str = "claim") -> list[str]:
    return tokens.mint(purpose=purpose, about=[(row.pk, subject) for row, subject in about], lasts=HOUR, at=NOON)


def test_the_secret_is_not_stored(customer: Make) -> None:
    [secret] = mint((customer(), "A1"))
    assert len(secret) == 32
    assert secret not in str(list(Token.objects.values()))


def test_a_token_is_used_once(customer: Make) -> None:
    ada = customer()
    [secret] = mint((ada, "A1"))
    assert tokens.use(secret, purpose="claim", at=NOON).customer == ada
    with pytest.raises(tokens.Used):
        tokens.use(secret, purpose="claim", at=NOON)
    with pytest.raises(tokens.Used):
        tokens.read(secret, purpose="claim", at=NOON)


def test_reading_twenty_times_uses_nothing_up(customer: Make) -> None:
    [secret] = mint((customer(), "A1"))
    for _ in range(20):
        tokens.read(secret, purpose="claim", at=NOON)
    assert Token.objects.get().used_at is None


def test_using_one_ends_all_of_the_same_customer_purpose_and_subject(customer: Make) -> None:
    """A mail that was sent again carries another secret; earlier ones stay good until one is used."""
    ada, ben = customer("ada@example.com"), customer("ben@example.com")
    first, second, other, bens = mint((ada, "A1"), (ada, "A1"), (ada, "A2"), (ben, "A1"))
    tokens.read(first, purpose="claim", at=NOON)
    tokens.use(second, purpose="claim", at=NOON)
    with pytest.raises(tokens.Used):
        tokens.use(first, purpose="claim", at=NOON)
    assert tokens.use(other, purpose="claim", at=NOON).subject == "A2"
    assert tokens.use(bens, purpose="claim", at=NOON).customer == ben


def test_one_that_is_used_up_does_not_live_on_in_a_newer_one(customer: Make) -> None:
    ada = customer()
    [old] = mint((ada, "A1"))
    tokens.use(old, purpose="claim", at=NOON)
    [new] = mint((ada, "A1"))
    with pytest.raises(tokens.Used):
        tokens.use(old, purpose="claim", at=NOON)
    assert tokens.use(new, purpose="claim", at=NOON).customer == ada


def test_a_token_ends_at_its_time(customer: Make) -> None:
    [secret] = mint((customer(), "A1"))
    tokens.read(secret, purpose="claim", at=NOON + HOUR - timedelta(microseconds=1))
    with pytest.raises(tokens.Expired) as ended:
        tokens.use(secret, purpose="claim", at=NOON + HOUR)
    assert not isinstance(ended.value, tokens.Used)
    assert ended.value.token.subject == "A1"
    assert Token.objects.get().used_at is None


@pytest.mark.parametrize("purpose", ["sign_in", "confirm", "answer", ""])
def test_a_token_is_good_for_its_purpose_only(customer: Make, purpose: str) -> None:
    [secret] = mint((customer(), "A1"))
    with pytest.raises(tokens.Invalid):
        tokens.use(secret, purpose=purpose, at=NOON)


@pytest.mark.parametrize(
    "tamper",
    [str.swapcase, lambda secret: secret[:-1], lambda secret: secret + "A", lambda _: "", lambda _: "é" * 500],
    ids=["case", "shorter", "longer", "empty", "long and foreign"],
)
def test_a_tampered_token_is_none_of_ours(customer: Make, tamper: Callable[[str], str]) -> None:
    [secret] = mint((customer(), "A1"))
    with pytest.raises(tokens.Invalid):
        tokens.use(tamper(secret), purpose="claim", at=NOON)
    assert Token.objects.get().used_at is None


def test_old_tokens_are_deleted(customer: Make) -> None:
    mint((customer(), "A1"))
    ended = NOON + HOUR + timedelta(days=90)
    assert tokens.prune(at=ended) == 0
    assert tokens.prune(at=ended + HOUR) == 1
