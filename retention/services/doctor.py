"""What system checks cannot see."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import datetime, timedelta

from django.conf import settings
from django.urls import reverse

from retention import links, registry
from retention.broker import find_app, is_reachable
from retention.conf import conf
from retention.finding import Finding
from retention.models import Heartbeat
from retention.services import domain, health, rendering, samples, unsettled

PATIENCE = 5
"""Seconds to wait for an answer of the shop."""


def examine(*, at: datetime) -> list[Finding]:
    """Look at broker, beat, sender's domain, links, mails and consents. Takes some seconds."""
    return [*_broker(), *_beat(at), *domain.examine(), *_links(), *_mails(), *_consents()]


def _broker() -> Iterator[Finding]:
    if find_app() is None:
        yield Finding(well=True, what="no Celery app: `manage.py retention_run` does the work")
        return
    fault = is_reachable()
    yield Finding(
        well=not fault,
        what=f"the broker does not answer ({fault})" if fault else "the broker answers",
        cure="Start it, or mend broker_url. Meanwhile nothing is lost: what is due waits in the database.",
    )


def _beat(at: datetime) -> Iterator[Finding]:
    beat = Heartbeat.objects.filter(name=health.TICK).first()
    well = beat is not None and at - beat.at <= timedelta(seconds=conf.HEARTBEAT_SECONDS)
    yield Finding(
        well=well,
        what=f"the last tick was at {beat.at:%Y-%m-%d %H:%M:%S %Z}" if beat else "no tick has run yet",
        cure="Start Celery worker and beat (with BEAT merged), or run `manage.py retention_run --loop`.",
    )


def _consents() -> Iterator[Finding]:
    waits = unsettled.matters()
    yield Finding(
        well=not waits,
        what="earlier unsubscribes are not imported: news to people of before waits"
        if waits
        else "nobody's earlier no is missing: news may go out to who wants it",
        cure="Take the lists of your old mail service in (`manage.py retention_import_consents list.csv`), or say on "
        "“Is everything well?” in admin that there is nothing to import.",
    )


def _links() -> Iterator[Finding]:
    url = links.absolute(reverse("retention:health"))
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
            status = answer.status
    except urllib.error.HTTPError as error:
        status = error.code
    except OSError as error:
        yield Finding(
            well=False,
            what=f"links in mails lead nowhere: {url} ({type(error).__name__})",
            cure='Mend RETENTION["BASE_URL"], or start the shop.',
        )
        return
    yield Finding(
        well=status in (200, 503),  # 503 is an answer of ours; the other findings say why
        what=f"links in mails reach the shop: {url} answers {status}",
        cure="Something else answers under this address: is our urls.py included?",
    )


def _mails() -> Iterator[Finding]:
    for mail in registry.mails:
        for language, _ in settings.LANGUAGES:
            try:
                rendering.render(mail, language=language, values=samples.values(mail))
            except rendering.CannotRender as error:
                yield Finding(well=False, what=str(error), cure="Mend the text in admin.")
    yield Finding(
        well=True, what=f"{len(registry.mails.names())} mails were written in {len(settings.LANGUAGES)} languages"
    )
