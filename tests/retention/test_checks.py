"""Every check fires for its mistake, and none fires when all is right."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from django.conf import settings as real_settings
from django.core.checks import ERROR, WARNING
from django.template import TemplateDoesNotExist, TemplateSyntaxError
from django.urls import NoReverseMatch

from retention import checks, links
from retention.shop import get_shop
from tests.retention.shop import LocalShop

Wiring = Callable[..., None]
GOOD_DATABASE = {
    "ENGINE": "django.db.backends.sqlite3",
    "OPTIONS": {"transaction_mode": "IMMEDIATE"},
    "ATOMIC_REQUESTS": False,
}


def ids() -> list[str]:
    return [message.id.removeprefix("retention.") for message in checks.run(None) if message.id]


@pytest.fixture(autouse=True)
def statuses(bare_shop: LocalShop) -> None:
    """A shop with three statuses."""
    bare_shop.known_statuses = ["new", "sent", "void"]


@pytest.fixture
def change(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Change what the checks see of Django's settings."""

    def change(**given: Any) -> None:
        names = ["DATABASES", "SECRET_KEY", "TIME_ZONE", "USE_TZ", "REST_FRAMEWORK"]
        seen = {name: getattr(real_settings, name) for name in names}
        monkeypatch.setattr(checks, "settings", SimpleNamespace(**{**seen, **given}))

    return change


def test_nothing_fires_when_all_is_right() -> None:
    assert checks.run(None) == []


RETENTION: dict[str, tuple[dict[str, Any], list[str]]] = {
    "a key that there is not": ({"SHOPP": "x"}, ["E001"]),
    "no shop": ({"SHOP": ""}, ["E002"]),
    "a shop that is no module": ({"SHOP": "no.such.module.Shop"}, ["E002"]),
    "a shop that is no class": ({"SHOP": "tests.retention.shop.Nothing"}, ["E002"]),
    "a shop that is something else": ({"SHOP": "collections.OrderedDict"}, ["E002"]),
    "a status that stamps no time of ours": ({"STATUS_TIMES": {"sent": "shipped"}}, ["E003"]),
    "a status that the shop has not": ({"STATUS_TIMES": {"Sent": "fulfilled"}}, ["W004"]),
    "a final status that the shop has not": ({"FINAL_STATUSES": ["gone"]}, ["W004"]),
    "a plain status that the shop has not": ({"PLAIN_STATUSES": ["gone"]}, ["W004"]),
    "statuses that the shop has": (
        {"STATUS_TIMES": {"sent": "fulfilled", "void": "cancelled"}, "PLAIN_STATUSES": ["new"]},
        [],
    ),
    "no base URL": ({"BASE_URL": ""}, ["E008"]),
    "a base URL without a scheme": ({"BASE_URL": "shop.example.com"}, ["E008"]),
    "a base URL that is not https": ({"BASE_URL": "http://shop.example.com"}, ["W009"]),
    "a base URL of the own machine": ({"BASE_URL": "http://127.0.0.1:8000"}, []),
    "a long base URL": ({"BASE_URL": "https://the-longest-name-of-a-shop.example.com"}, ["E010"]),
    "no sender": ({"FROM_EMAIL": ""}, ["E012"]),
    "a sender that is no address": ({"FROM_EMAIL": "Paper & Clay"}, ["E012"]),
    "no postal address": ({"POSTAL_ADDRESS": ""}, ["W013"]),
    "no name": ({"SHOP_NAME": ""}, ["W014"]),
    "no key of limits": ({"HASH_KEY": ""}, ["E015"]),
    "no key of suppression": ({"SUPPRESSION_KEY": ""}, ["E015"]),
    "no keys of links": ({"LINK_KEYS": []}, ["E015"]),
    "SECRET_KEY as a key": ({"HASH_KEY": real_settings.SECRET_KEY}, ["W016"]),
    "SECRET_KEY among keys": ({"LINK_KEYS": ["x", real_settings.SECRET_KEY]}, ["W016"]),
    "keys of links that are one string": ({"LINK_KEYS": "a long random string"}, ["E017"]),
    "a zone that there is not": ({"TIME_ZONE": "Mars/Olympus"}, ["E018"]),
    "a zone that is a path": ({"TIME_ZONE": "../../etc/passwd"}, ["E018"]),
    "a zone": ({"TIME_ZONE": "Asia/Tokyo"}, []),
}


@pytest.mark.parametrize(("keys", "found"), RETENTION.values(), ids=RETENTION.keys())
def test_a_key_of_ours(wiring: Wiring, keys: dict[str, Any], found: list[str]) -> None:
    wiring(**keys)
    assert ids() == found


DJANGO: dict[str, tuple[dict[str, Any], list[str]]] = {
    "SQLite as it should be": ({"DATABASES": {"default": GOOD_DATABASE}}, []),
    "SQLite that cannot wait": ({"DATABASES": {"default": {**GOOD_DATABASE, "OPTIONS": {}}}}, ["E006"]),
    "SQLite that waits too late": (
        {"DATABASES": {"default": {**GOOD_DATABASE, "OPTIONS": {"transaction_mode": "DEFERRED"}}}},
        ["E006"],
    ),
    "SQLite locked by each page": ({"DATABASES": {"default": {**GOOD_DATABASE, "ATOMIC_REQUESTS": True}}}, ["W007"]),
    "PostgreSQL with both": (
        {"DATABASES": {"default": {"ENGINE": "django.db.backends.postgresql", "ATOMIC_REQUESTS": True}}},
        [],
    ),
    "times without zone": ({"USE_TZ": False}, ["E019"]),
    "a proxy that nobody counts": ({"USE_X_FORWARDED_HOST": True}, ["W022"]),
    "a proxy that ends TLS": ({"SECURE_PROXY_SSL_HEADER": ("HTTP_X_FORWARDED_PROTO", "https")}, ["W022"]),
    "a proxy that is counted": ({"USE_X_FORWARDED_HOST": True, "REST_FRAMEWORK": {"NUM_PROXIES": 1}}, []),
    "no proxy, said so": ({"USE_X_FORWARDED_HOST": True, "REST_FRAMEWORK": {"NUM_PROXIES": 0}}, []),
}


@pytest.mark.parametrize(("seen", "found"), DJANGO.values(), ids=DJANGO.keys())
def test_a_setting_of_django(change: Callable[..., None], seen: dict[str, Any], found: list[str]) -> None:
    change(**seen)
    assert ids() == found


def test_a_proxy_that_our_own_key_counts(change: Callable[..., None], wiring: Wiring) -> None:
    change(USE_X_FORWARDED_HOST=True)
    wiring(NUM_PROXIES=1)
    assert ids() == []


def test_a_template_that_cannot_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def get_template(name: str) -> None:
        raise TemplateDoesNotExist(name)

    monkeypatch.setattr(checks, "get_template", get_template)
    assert ids() == ["E005", "E005"]


def test_a_template_that_is_liquid_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def get_template(name: str) -> None:
        raise TemplateSyntaxError(name)

    monkeypatch.setattr(checks, "get_template", get_template)
    assert ids() == []


def test_urls_that_are_not_included(monkeypatch: pytest.MonkeyPatch) -> None:
    def reverse(*args: Any, **given: Any) -> str:
        raise NoReverseMatch

    monkeypatch.setattr(links, "reverse", reverse)
    links._path_around.cache_clear()  # another process begins without it
    assert ids() == ["E011"]


def test_no_celery_app(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "find_app", lambda: None)
    assert ids() == ["W020"]


def test_a_celery_app_without_our_ticks(monkeypatch: pytest.MonkeyPatch) -> None:
    app = SimpleNamespace(conf=SimpleNamespace(beat_schedule={"other": {"task": "shop.other"}}))
    monkeypatch.setattr(checks, "find_app", lambda: app)
    assert ids() == ["W021"]


def test_an_error_has_an_id_of_its_level_and_a_cure(wiring: Wiring) -> None:
    found = []
    for keys in ({"SHOPP": 1}, {"BASE_URL": ""}, {"FROM_EMAIL": ""}, {"HASH_KEY": ""}):
        wiring(**keys)
        found += checks.run(None)
    assert found
    for message in found:
        level = {"E": ERROR, "W": WARNING}[message.id.removeprefix("retention.")[0]]
        assert message.level == level
        assert message.hint


def test_a_key_is_read_when_it_is_asked_for(wiring: Wiring) -> None:
    shop = get_shop()
    wiring(SHOP="retention.testing.shop.FakeShop")
    assert type(get_shop()) is not type(shop)


def test_a_wrong_key_is_told_the_right_one(wiring: Wiring) -> None:
    wiring(POSTAL_ADRESS="x")
    [message] = checks.run(None)
    assert message.msg == "RETENTION has no key 'POSTAL_ADRESS'. Did you mean 'POSTAL_ADDRESS'?"
