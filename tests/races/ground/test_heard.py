"""An event that comes at the very moment in which a dead worker's mail is taken from it is not lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import Any

import pytest

from retention.models import Customer, Message
from retention.services import events, heard, outbox
from retention.services.events import Told
from tests.races.together import all_well, together
from tests.retention.ground import promise
from tests.retention.mails import NEWS
from tests.retention.shop import NOON

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgres, pytest.mark.usefixtures("mails")]

LATER = NOON + timedelta(minutes=5)


@pytest.mark.parametrize(("locked", "state"), [(True, "sent"), (False, "unknown")], ids=["locked", "control"])
@pytest.mark.parametrize("kind", ["delivered", "unsubscribed"])
def test_an_event_between_the_reapers_look_and_its_word(
    customer: Callable[..., Customer], monkeypatch: pytest.MonkeyPatch, kind: str, locked: bool, state: str
) -> None:
    message = promise(customer(wants=("marketing",)), NEWS)
    Message.objects.update(
        state="sending", owner="worker", lease_until=NOON, started_at=NOON, tries=1, header_id="<1@shop>"
    )
    looked, settle = threading.Event(), heard.settle

    def slowly(ids: Collection[int], *, at: datetime) -> list[int]:
        rest = settle(ids, at=at)
        looked.set()
        time.sleep(1)
        return rest

    def tell() -> None:
        looked.wait(30)
        events.take(Told(kind=kind, ids=["<1@shop>"], at=LATER, provider="Test"), at=LATER)

    def unlocked(rows: Any, *, limit: int) -> list[int]:
        return list(rows.values_list("pk", flat=True)[:limit])

    monkeypatch.setattr(heard, "settle", slowly)
    if not locked:
        monkeypatch.setattr(outbox, "lock", unlocked)
    all_well(together(lambda: outbox.reap(at=LATER), tell))
    message.refresh_from_db()
    assert message.state == state
