"""The outbox: every arrow between its states, and none that is not drawn."""

from collections.abc import Callable
from datetime import date, time, timedelta

import pytest
from django.db import connection
from django.db.models import Q
from django.test.utils import CaptureQueriesContext

from retention.models import Customer, Message
from retention.services import outbox
from retention.services.outbox import Promise
from tests.retention.ground import promise
from tests.retention.mails import NEWS, RECEIPT
from tests.retention.shop import NOON

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("mails")]

MINUTE = timedelta(minutes=1)
Make = Callable[..., Customer]

STATES = ["planned", "due", "claimed", "sending", "sent", "unknown", "failed", "skipped", "cancelled"]
UNDER_WAY = {"claimed", "sending"}


def in_state(customer: Customer, state: str, mail: str = NEWS) -> Message:
    """Return a mail in a state, due at noon; one that is under way has a lease that ended at noon."""
    message = promise(customer, mail)
    Message.objects.filter(pk=message.pk).update(
        state=state,
        owner="worker" if state in UNDER_WAY else "",
        lease_until=NOON if state in UNDER_WAY else None,
        sent_at=NOON if state == "sent" else None,
        header_id="<1@shop>",
        tries=1,
    )
    message.refresh_from_db()
    return message


LATER = NOON + MINUTE

ACTIONS: dict[str, tuple[Callable[[Message], object], str, dict[str, str]]] = {
    "promote": (lambda message: outbox.promote(at=LATER), NEWS, {"planned": "due"}),
    "claim": (lambda message: outbox.claim(owner="me", at=LATER, limit=10), NEWS, {"due": "claimed"}),
    "reap at-most-once": (lambda message: outbox.reap(at=LATER), NEWS, {"claimed": "due", "sending": "unknown"}),
    "reap at-least-once": (lambda message: outbox.reap(at=LATER), RECEIPT, {"claimed": "due", "sending": "due"}),
    "cancel": (
        lambda message: outbox.cancel(message, reason="order cancelled", at=LATER),
        NEWS,
        {"planned": "cancelled", "due": "cancelled"},
    ),
    "resend": (
        lambda message: outbox.resend(message, at=LATER),
        NEWS,
        {"failed": "due", "unknown": "due", "skipped": "due", "cancelled": "due"},
    ),
    "it left": (lambda message: outbox.resolve_unknown(message, left=True, at=LATER), NEWS, {"unknown": "sent"}),
    "it did not": (lambda message: outbox.resolve_unknown(message, left=False, at=LATER), NEWS, {"unknown": "failed"}),
}


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("action", ACTIONS)
def test_arrow(customer: Make, action: str, state: str) -> None:
    """An action moves a mail as its arrow says and leaves it alone in any other state."""
    act, mail, arrows = ACTIONS[action]
    message = in_state(customer(), state, mail)
    before = Message.objects.values().get()
    act(message)
    after = Message.objects.values().get()
    assert after["state"] == arrows.get(state, state)
    if state not in arrows:
        assert after == before
    else:
        assert (after["owner"] == "") is (after["state"] not in UNDER_WAY)
        assert after["changed_at"] == LATER


def test_the_states_are_these() -> None:
    assert Message.State.values == STATES


def test_the_same_promise_twenty_times_is_one_mail(customer: Make) -> None:
    ada = customer()
    for number in range(20):
        outbox.post(Promise(key="welcome:1", mail=NEWS, customer=ada.pk, due_at=NOON + number * MINUTE), at=NOON)
    assert list(Message.objects.values_list("state", "due_at", "purpose")) == [("planned", NOON, "marketing")]


def test_a_promise_of_a_mail_that_is_not_registered_is_refused_at_once(customer: Make) -> None:
    with pytest.raises(KeyError, match=r"test\.unheard"):
        promise(customer(), "test.unheard")


def test_a_thousand_promises_cost_as_many_queries_as_ten(customer: Make) -> None:
    ada = customer()

    def cost(start: int, count: int) -> int:
        promises = [
            Promise(key=f"k{number}", mail=NEWS, customer=ada.pk, due_at=NOON) for number in range(start, start + count)
        ]
        with CaptureQueriesContext(connection) as queries:
            outbox.post_many(promises, at=NOON)
        return len(queries)

    if connection.vendor == "postgresql":
        assert cost(0, 10) == cost(10, 1000) == 1
    else:  # which takes so many variables a statement
        assert cost(0, 10) == 1
        assert cost(10, 1000) <= 60
    assert Message.objects.count() == 1010


def test_a_mail_is_not_due_before_its_time(customer: Make) -> None:
    message = promise(customer(), due_at=NOON)
    assert outbox.promote(at=NOON - MINUTE) == 0
    assert outbox.promote(at=NOON) == 1
    message.refresh_from_db()
    assert message.state == "due"


def test_the_most_urgent_are_claimed_first_and_then_the_oldest(customer: Make) -> None:
    ada = customer()
    promise(ada, key="b", due_at=NOON)
    promise(ada, key="a", due_at=NOON - MINUTE)
    promise(ada, key="urgent", due_at=NOON, priority=100)
    outbox.promote(at=NOON)
    claimed = [[mail.key for mail in outbox.claim(owner=str(n), at=NOON, limit=2)] for n in range(3)]
    assert claimed == [["urgent", "a"], ["b"], []]
    row = Message.objects.get(key="urgent")
    assert (row.owner, row.lease_until) == ("0", NOON + timedelta(seconds=120))


def test_a_lease_that_is_not_over_is_left_alone(customer: Make) -> None:
    message = in_state(customer(), "sending")
    assert outbox.reap(at=NOON) == 0
    message.refresh_from_db()
    assert (message.state, message.owner) == ("sending", "worker")


def test_what_was_taken_from_a_dead_worker_says_why(customer: Make) -> None:
    message = in_state(customer(), "sending")
    assert outbox.reap(at=LATER) == 1
    message.refresh_from_db()
    assert (message.state, message.reason, message.header_id) == ("unknown", "sender died", "<1@shop>")


def test_an_at_least_once_mail_of_a_dead_worker_keeps_its_message_id(customer: Make) -> None:
    message = in_state(customer(), "sending", RECEIPT)
    outbox.reap(at=LATER)
    message.refresh_from_db()
    assert (message.state, message.header_id) == ("due", "<1@shop>")


def test_resending_starts_the_tries_anew(customer: Make) -> None:
    message = in_state(customer(), "failed")
    assert outbox.resend(message, at=LATER)
    assert not outbox.resend(message, at=LATER), "it is due already"
    message.refresh_from_db()
    assert (message.tries, message.due_at, message.reason) == (0, LATER, "")


def test_an_unknown_mail_that_left_was_sent_when_it_became_unknown(customer: Make) -> None:
    message = in_state(customer(), "unknown")
    Message.objects.update(changed_at=NOON)
    assert outbox.resolve_unknown(message, left=True, at=LATER)
    message.refresh_from_db()
    assert (message.state, message.sent_at) == ("sent", NOON)


def test_only_what_waits_is_called_off(customer: Make) -> None:
    ada = customer()
    for state in STATES:
        message = promise(ada, NEWS, key=state, order="A1")
        extra = {"owner": "w", "lease_until": LATER} if state in UNDER_WAY else {}
        Message.objects.filter(pk=message.pk).update(state=state, sent_at=NOON if state == "sent" else None, **extra)
    promise(ada, NEWS, key="another", order="A2")
    assert outbox.cancel_all(Q(order="A1"), reason="order cancelled", at=LATER) == 2
    states = dict(Message.objects.values_list("key", "state"))
    assert states == {**{state: state for state in STATES}, "planned": "cancelled", "due": "cancelled"} | {
        "another": "planned"
    }


def test_a_zone_that_there_is_not_holds_up_nobody(customer: Make) -> None:
    ada = customer()
    local = (date(2026, 3, 10), time(9, 0), "Mars/Olympus")
    promise(ada, key="mars", local=local)
    promise(ada, key="earth")
    assert outbox.promote(at=NOON) == 2
    assert set(Message.objects.values_list("state", flat=True)) == {"due"}, "the first guess stands"


def test_a_local_time_is_resolved_when_it_is_due(customer: Make) -> None:
    message = promise(customer(), local=(date(2026, 3, 10), time(18, 30), "Europe/Berlin"), due_at=NOON)
    assert outbox.promote(at=NOON) == 1
    message.refresh_from_db()
    assert (message.state, message.due_at) == ("planned", NOON.replace(hour=17, minute=30))
    outbox.promote(at=message.due_at)
    message.refresh_from_db()
    assert message.state == "due"
