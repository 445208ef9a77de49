"""Every mail that the apps ship is the same whether it is written from a stencil or the long way."""

from __future__ import annotations

import html

import pytest

from retention import registry
from retention.services import samples
from retention.services.rendering import Script


@pytest.mark.django_db
def test_every_mail_of_the_apps_is_the_same_both_ways_in_each_language() -> None:
    assert len(registry.mails.names()) > 10
    for mail in registry.mails:
        for language in ("en", "ru", "es", "zh-hans"):
            script = Script(mail, language=language)
            for name in ("Ada", "Ben & Co", "O'Hara"):
                given = samples.values(mail, language=language, first_name=name)
                quick, slow = script.write(given), script._write(given)
                assert html.unescape(quick.html) == html.unescape(slow.html), mail.name
                assert (quick.subject, quick.text) == (slow.subject, slow.text), mail.name
            assert any(script._stencils._made.values()), f"{mail.name} has a stencil in the end"
