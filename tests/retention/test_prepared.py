"""The statement that starts a mail is prepared where it can be, and sent as it is where a pooler takes it away."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.core.mail import EmailMessage
from django.db import DataError, connection

from retention.models import Customer, Message
from retention.services import delivery, prepared
from retention.services.prepared import Prepared, Statement
from tests.retention.ground import promise
from tests.retention.mails import NEWS, QUESTION, RECEIPT
from tests.retention.shop import NOON

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgres, pytest.mark.usefixtures("mails")]

SUM = Statement("SELECT %s + %s, length(%s || '%%')", [1, 0, "it's"], [(1, "n")])


@pytest.fixture(autouse=True)
def usable(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, bool]]:
    state = {"usable": True}
    monkeypatch.setattr(prepared, "_state", state)
    yield state
    with connection.cursor() as cursor:
        cursor.execute("DEALLOCATE ALL")


def known() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_prepared_statements WHERE name LIKE 'retention%'")
        found: int = cursor.fetchone()[0]
    return found


def test_a_statement_is_prepared_once_and_forgotten_at_the_end() -> None:
    statements = Prepared()
    assert [statements.rows(SUM, {"n": n}) for n in range(3)] == [[(n + 1, 5)] for n in range(3)]
    assert known() == 1
    statements.close()
    assert known() == 0


def test_a_session_that_forgets_is_asked_in_full_from_then_on(usable: dict[str, bool]) -> None:
    statements = Prepared()
    statements.rows(SUM, {"n": 1})
    with connection.cursor() as cursor:
        cursor.execute("DEALLOCATE ALL")
    assert statements.rows(SUM, {"n": 2}) == [(3, 5)]
    assert usable == {"usable": False}
    assert Prepared().rows(SUM, {"n": 3}) == [(4, 5)]
    assert known() == 0
    statements.close()


def test_something_else_is_done_while_the_database_works() -> None:
    statements, done = Prepared(), []
    assert statements.rows(SUM, {"n": 2}, lambda: done.append(1)) == [(3, 5)]
    assert done == [1]
    statements.close()


def test_what_fails_meanwhile_leaves_the_connection_usable() -> None:
    statements = Prepared()
    with pytest.raises(ZeroDivisionError):
        statements.rows(SUM, {"n": 1}, lambda: print(1 // 0))
    assert statements.rows(SUM, {"n": 1}) == [(2, 5)]


def test_what_the_database_refuses_is_raised_and_leaves_the_connection_usable() -> None:
    statements, done = Prepared(), []
    share = Statement("SELECT %s / %s", [1, 0], [(1, "n")])
    with pytest.raises(DataError, match="division by zero"):
        statements.rows(share, {"n": 0}, lambda: done.append(1))
    assert done == [1]
    assert statements.rows(share, {"n": 1}, lambda: done.append(2)) == [(1,)]


def test_mails_of_every_kind_go_out_either_way(
    customer: Callable[..., Customer], mailoutbox: list[EmailMessage], usable: dict[str, bool]
) -> None:
    for round_, way in enumerate((True, False)):
        usable["usable"] = way
        for number, proven in enumerate((None, NOON)):
            one = customer(f"{round_}{number}@example.com", wants=("marketing",), address_proven_at=proven)
            for mail in (NEWS, QUESTION, RECEIPT):
                promise(one, mail)
                promise(one, mail, key=f"{one.pk} {mail} again")
        assert delivery.deliver(at=NOON + timedelta(minutes=round_)) == 12
        assert known() == 0
    assert set(Message.objects.values_list("state", "tries", "owner")) == {("sent", 1, "")}
    assert len(mailoutbox) == 24


@pytest.fixture
def binding_there() -> Iterator[None]:
    """PostgreSQL puts the values in; Django's own cursors keep them out of the statement."""
    options = connection.settings_dict["OPTIONS"]
    before = dict(options)
    connection.close()
    options["server_side_binding"] = True
    yield
    connection.close()
    options.clear()
    options.update(before)


@pytest.mark.usefixtures("binding_there")
def test_mails_go_out_where_postgresql_puts_the_values_in(
    customer: Callable[..., Customer], mailoutbox: list[EmailMessage], usable: dict[str, bool]
) -> None:
    for number, proven in enumerate((None, NOON)):
        one = customer(f"{number}@example.com", wants=("marketing",), address_proven_at=proven)
        for mail in (NEWS, QUESTION, RECEIPT):
            promise(one, mail)
    assert delivery.deliver(at=NOON) == 6
    assert set(Message.objects.values_list("state", "tries", "owner")) == {("sent", 1, "")}
    assert len(mailoutbox) == 6
    assert usable == {"usable": True}, "another session may prepare"
