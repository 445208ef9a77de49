"""Misconfigured, the shop says so at start-up, with a cure."""

from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.template import engines

from retention.contrib.oscar import checks
from retention.contrib.oscar.middleware import CheckoutMiddleware


def found() -> dict[str, Any]:
    return {message.id: message for message in checks.adapter(None)}


def test_the_example_is_set_up_as_it_should_be() -> None:
    assert found() == {}


def test_the_name_of_the_middleware_in_the_check_is_its_name() -> None:
    assert f"{CheckoutMiddleware.__module__}.{CheckoutMiddleware.__name__}" == checks.MIDDLEWARE


def test_listed_after_oscar_our_templates_never_stand_before_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    configs = sorted(apps.get_app_configs(), key=lambda config: config.label == "retention_oscar")
    monkeypatch.setattr(apps, "get_app_configs", lambda: configs)
    assert "before" in found()["retention_oscar.E001"].hint


def test_without_the_middleware_or_with_it_too_early(settings: Any) -> None:
    right = list(settings.MIDDLEWARE)
    settings.MIDDLEWARE = [name for name in right if name != checks.MIDDLEWARE]
    assert checks.MIDDLEWARE in found()["retention_oscar.E003"].hint
    settings.MIDDLEWARE = [checks.MIDDLEWARE, *settings.MIDDLEWARE]
    assert "retention_oscar.E004" in found()


def test_no_status_means_cancelled(settings: Any) -> None:
    settings.RETENTION = {**settings.RETENTION, "STATUS_TIMES": {"Shipped": "fulfilled"}}
    assert "never go back" in found()["retention_oscar.W005"].msg


def test_guests_cannot_check_out(settings: Any) -> None:
    settings.OSCAR_ALLOW_ANON_CHECKOUT = False
    assert "retention_oscar.W006" in found()


def test_another_shop_is_named(settings: Any) -> None:
    settings.RETENTION = {**settings.RETENTION, "SHOP": "shop.adapter.MyShop"}
    assert "retention_oscar.I007" in found()


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("{% extends 'oscar/checkout/layout.html' %}", True),
        ('{% extends "oscar/checkout/thank_you.html" %}{% block content %}{{ block.super }}{% endblock %}', False),
        ("<p>Thank you.</p>", True),
        ("{% no_such_tag %}", True),
    ],
)
def test_a_merchants_template_hides_ours_unless_it_extends_the_same(
    settings: Any, tmp_path: Path, text: str, hidden: bool
) -> None:
    folder = tmp_path / "oscar" / "checkout"
    folder.mkdir(parents=True)
    (folder / "thank_you.html").write_text(text)
    [engine] = settings.TEMPLATES
    settings.TEMPLATES = [{**engine, "DIRS": [tmp_path, *engine["DIRS"]]}]
    assert engines.all()
    assert checks.is_chained("oscar/checkout/thank_you.html") is not hidden
    assert ("retention_oscar.W002" in found()) is hidden


@pytest.mark.parametrize(("asks", "wrong"), [("opt_out", False), ("opt_in", False), ("", False), ("opt-in", True)])
def test_the_registration_asks_what_there_is(settings: Any, asks: str, wrong: bool) -> None:
    settings.RETENTION = {**settings.RETENTION, "REGISTRATION_ASKS": asks}
    assert ("retention_oscar.E008" in found()) is wrong
