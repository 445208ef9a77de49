"""Points of an earlier programme from a file: looked at first, then each person once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.urls import reverse

from loyalty import balance_file, balance_words
from loyalty.balance_file import Reading
from loyalty.models import Account, BalanceImport, BalanceLine, Entry, Lot
from loyalty.services import balances, verifying
from retention.csv_rows import NotReadable
from retention.locks import one_at_a_time
from retention.models import Customer, Job
from retention.services import customers, persons, suppression
from tests.loyalty.till import account, join, ledger, start, who

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HEAD = "email,customer_id,points,expires\n"


def read(text: str) -> Reading:
    return balance_file.read((HEAD + text).encode(), at=NOW)


def notes(text: str) -> list[tuple[int, str]]:
    return read(text).notes


def take_in(text: str, *, source: str = "Smile", trusts: bool = False, at: datetime = NOW) -> dict[str, int]:
    """Take a file in to its end; return what its preview said."""
    reading, how = read(text), dict[str, Any]({"source": source, "trusts_accounts": trusts})
    found = balances.look(reading, **how)
    assert balances.start(balances.keep(reading, found, by="mia", at=at, **how), at=at)
    while balances.carry_on(at=at):
        pass
    assert set(Job.objects.values_list("state", flat=True)) == {"done"}
    return {name: n for name, n in found.items() if n}


def states() -> list[tuple[str, str]]:
    return list(BalanceLine.objects.order_by("whole", "line").values_list("state", "reason"))


def imported(number: str, source: str = "log") -> Customer:
    return Customer.objects.create(kind="import", source=source, number=number, created_at=NOW)


def proven(email: str = "ada@example.com") -> Any:
    user = join(email)
    customers.prove_address(who(user), at=NOW)
    return user


def test_points_go_to_who_has_the_number_or_has_proven_the_address() -> None:
    ada, ben = proven(), imported("17")
    assert take_in("Ada@Example.com,,300,\n,17,40,2026-12-31\n") == {"lines": 2, "good": 2, "now": 2, "points": 340}
    assert ledger(ada) == [("grant", "balance", 300)]
    assert Account.objects.get(customer=ben).balance == 40
    entry = Entry.objects.get(points=300)
    assert (entry.source, entry.at, entry.order) == ("balances:Smile", NOW, "")
    # good to the end of the day in the shop's zone, an hour before ours
    assert Lot.objects.get().expires_at == datetime(2026, 12, 31, 23, tzinfo=UTC)
    assert states() == [("credited", ""), ("credited", "")]
    assert set(BalanceLine.objects.values_list("address", "number")) == {("", "")}
    assert list(verifying.differences()) == []


def test_without_an_end_of_their_own_they_end_as_points_that_are_given_today() -> None:
    start(expires="days", expires_after=90)
    proven()
    take_in("ada@example.com,,300,\n")
    assert Lot.objects.get().expires_at == NOW + timedelta(days=90)


def test_the_same_file_again_gives_nothing() -> None:
    ada = proven()
    take_in("ada@example.com,,300,\n")
    assert take_in("ada@example.com,,300,\n") == {"lines": 1, "good": 1, "before": 1}
    assert take_in("ada@example.com,,999,\n") == {"lines": 1, "good": 1, "before": 1}
    assert account(ada) == (300, 0)
    assert states() == [("credited", ""), ("refused", "before"), ("refused", "before")]
    take_in("ada@example.com,,5,\n", source="Another")
    assert account(ada) == (305, 0)


def test_who_is_unknown_gets_theirs_when_they_come_and_not_before() -> None:
    start()
    assert take_in("ada@example.com,,300,\nbob@example.com,18,70,\n") == {"lines": 2, "good": 2, "unknown": 2}
    assert states() == [("waiting", "unknown"), ("waiting", "unknown")]
    ada = join()
    assert balances.give_waiting(at=NOW) == 0
    customers.prove_address(who(ada), at=NOW)
    imported("18")
    assert balances.give_waiting(at=NOW) == 2
    assert balances.give_waiting(at=NOW) == 0
    assert account(ada) == (300, 0)
    assert states() == [("credited", ""), ("credited", "")]


def test_an_account_has_to_prove_the_mailbox_unless_accounts_are_trusted() -> None:
    ada = join()
    assert take_in("ada@example.com,,300,\n") == {"lines": 1, "good": 1, "unproven": 1}
    assert account(ada) == (0, 0)
    bob = join("bob@example.com")
    assert take_in("bob@example.com,,50,\n", trusts=True) == {"lines": 1, "good": 1, "now": 1, "points": 50}
    assert account(bob) == (50, 0)


def test_an_address_of_several_accounts_waits_for_the_one_who_proves_it() -> None:
    ada, other = join(), join("second@example.com")
    Customer.objects.filter(user=other).update(address="ada@example.com", email="ada@example.com")
    assert take_in("ada@example.com,,300,\n", trusts=True)["several"] == 1
    customers.prove_address(who(ada), at=NOW)
    assert balances.give_waiting(at=NOW) == 1
    assert (account(ada), account(other)) == ((300, 0), (0, 0))


def test_guests_hold_no_points_and_theirs_wait() -> None:
    customers.for_guest("ada@example.com", at=NOW)
    assert take_in("ada@example.com,,300,\n")["unknown"] == 1
    assert Entry.objects.count() == 0


def test_two_lines_of_one_person_that_say_different_things_are_both_left_out() -> None:
    proven()
    words = "line {} says something else of the same person; neither of them is taken"
    assert notes("ada@example.com,,300,\nADA@example.com,,400,\nada@example.com,,300,\n") == [
        (2, words.format(3)), (3, words.format(2)), (4, words.format(2)),
    ]  # fmt: skip
    assert read("ada@example.com,,300,\nada@example.com,,300,\n").twice == 1


def test_one_customer_by_address_and_by_number_gets_one_of_them() -> None:
    ada = proven()
    Customer.objects.create(kind="import", source="log", number="17", created_at=NOW, absorbed_into=who(ada))
    found = take_in("ada@example.com,,300,\n,17,300,\n")
    assert (found["now"], found["double"]) == (1, 1)
    assert account(ada) == (300, 0)
    assert states() == [("credited", ""), ("refused", "double")]
    take_in(",17,300,\n")
    assert states()[-1] == ("refused", "before")
    assert account(ada) == (300, 0)


def test_the_database_gives_one_person_one_credit() -> None:
    proven()
    take_in("ada@example.com,,300,\n")
    line = BalanceLine.objects.get()
    again = BalanceLine(
        whole=line.whole, source=line.source, line=99, person=line.person, points=5, state="waiting", changed_at=NOW
    )
    with pytest.raises(IntegrityError, match=r"loyalty_balance_once_per_person|person"), transaction.atomic():
        again.save()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("ada@example.com,,lots,", "the points are no whole number: write 1250"),
        ("ada@example.com,,12.5,", "the points are no whole number: write 1250"),
        ("ada@example.com,,1 250,", "the points are no whole number: write 1250"),
        ("ada@example.com,,,2027-01-01", "the points are no whole number: write 1250"),
        ("ada@example.com,,-5,", "the points are below zero: take them by a correction, with a reason"),
        ("ada@example.com,,0,", "it has no points"),
        (
            "ada@example.com,,10000000000,",
            "more than 1,000,000,000 points are a slip, or an amount in cents",
        ),
        (
            f"ada@example.com,,{'9' * 400},",
            "more than 1,000,000,000 points are a slip, or an amount in cents",
        ),
        ("ada at example,,5,", "this is no e-mail address"),
        (",,5,", "it says of nobody whose points they are"),
        ("ada@example.com,,5,31.12.2027", "the end is not written as 2026-03-10"),
        ("ada@example.com,,5,2026-02-28", "its points have ended already"),
    ],
)
def test_a_bad_line_is_named_and_stops_nothing_that_is_good(line: str, words: str) -> None:
    proven("bob@example.com")
    found = take_in(f"{line}\nbob@example.com,,7,\n")
    assert (found["wrong"], found["now"], found["points"]) == (1, 1, 7)
    assert notes(f"{line}\n") == [(2, words)]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "The file is empty"),
        (b"a,b\n1,2\n", "has to name the columns"),
        (b"email,name\nada@example.com,Ada\n", "has to name the columns"),
        ("points,email\n1,ä@x.de\n".encode("latin-1"), "not in UTF-8"),
    ],
)
def test_a_file_that_is_none_is_refused_whole(content: bytes, words: str) -> None:
    with pytest.raises(NotReadable, match=words):
        balance_file.read(content, at=NOW)


def test_points_that_end_while_they_wait_are_not_given() -> None:
    start()
    take_in("ada@example.com,,300,2026-03-31\n")
    proven()
    assert balances.give_waiting(at=NOW + timedelta(days=60)) == 0
    assert states() == [("refused", "ended")]


def test_a_file_that_nobody_says_yes_to_is_gone_after_an_hour() -> None:
    reading, how = read("ada@example.com,,300,\n"), dict[str, Any]({"source": "Smile", "trusts_accounts": False})
    balances.keep(reading, balances.look(reading, **how), by="mia", at=NOW, **how)
    assert balances.prune(at=NOW + timedelta(minutes=59)) == 0
    balances.carry_on(at=NOW + timedelta(minutes=61))
    assert (BalanceImport.objects.count(), BalanceLine.objects.count(), Entry.objects.count()) == (0, 0, 0)


def test_who_is_forgotten_is_in_no_line_and_gets_nothing() -> None:
    ada = join()
    take_in("ada@example.com,,300,\n")
    assert persons.export_person(who(ada))["loyalty.balances"] == {"balances": []}
    customers.prove_address(who(ada), at=NOW)
    [row] = persons.export_person(who(ada))["loyalty.balances"]["balances"]
    assert (row["points"], row["state"]) == (300, "waiting")
    persons.erase_person(who(ada), at=NOW)
    assert states() == [("refused", "forgotten")]
    assert BalanceLine.objects.get().address == ""
    assert balances.give_waiting(at=NOW) == 0


def test_what_was_given_to_a_number_is_not_given_once_more_to_the_address_of_the_same_person() -> None:
    number = imported("17")
    take_in(",17,500,\nada@example.com,,500,\n")
    ada = join()
    customers.prove_address(who(ada), at=NOW)
    assert customers.absorb(number, into=who(ada), at=NOW)
    assert account(ada) == (500, 0)
    assert balances.give_waiting(at=NOW) == 0
    assert account(ada) == (500, 0)
    assert states() == [("credited", ""), ("refused", "before")]
    told = persons.export_person(who(ada))["loyalty.balances"]["balances"]
    assert [(row["points"], row["state"]) for row in told] == [(500, "credited")]


@pytest.mark.parametrize("again", ["smile", " SMILE", "Smile  "])
def test_a_programme_is_the_same_however_its_name_is_written(again: str) -> None:
    ada = proven()
    take_in("ada@example.com,,300,\n")
    assert take_in("ada@example.com,,300,\n", source=again) == {"lines": 1, "good": 1, "before": 1}
    assert account(ada) == (300, 0)


def test_who_was_given_points_under_another_name_is_counted_before_anybody_says_yes() -> None:
    proven()
    take_in("ada@example.com,,300,\n")
    text, how = (
        "ada@example.com,,300,\nbea@example.com,,5,\n",
        dict[str, Any]({"source": "Smile 2", "trusts_accounts": False}),
    )
    found = balances.look(read(text), **how)
    assert (found["now"], found["elsewhere"]) == (1, 1)
    assert (
        "1 person has been given points of a programme with another name. Is the name of this one right?"
    ) in balance_words.of(found, trusts_accounts=False)


def test_the_address_of_who_was_forgotten_is_not_kept_by_a_later_file() -> None:
    persons.erase_person(customers.for_guest("ada@example.com", at=NOW), at=NOW)
    assert take_in("ada@example.com,,300,\nada@example.com,17,300,\n") == {"lines": 2, "good": 2, "forgotten": 2}
    assert states() == [("refused", "forgotten")] * 2
    assert set(BalanceLine.objects.values_list("address", "number")) == {("", "")}
    proven_again = join()
    customers.prove_address(who(proven_again), at=NOW)
    assert balances.give_waiting(at=NOW) == 0
    assert account(proven_again) == (0, 0)


def test_who_is_forgotten_between_the_file_and_the_yes_gets_nothing_back() -> None:
    take_in("ada@example.com,,300,\n")
    suppression.erase("ada@example.com", at=NOW)
    customers.prove_address(who(join()), at=NOW)
    assert balances.give_waiting(at=NOW) == 0
    assert states() == [("refused", "forgotten")]
    assert BalanceLine.objects.get().address == ""


def test_looking_for_who_waits_takes_no_lock_and_changes_nothing_where_nobody_has_come(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for source in ("north", "south"):
        imported("17", source)
    imported("18", customers.LISTED)
    take_in(",17,40,\n,18,40,\nada@example.com,,5,\n")
    locked: list[str] = []
    turn = one_at_a_time

    def counting(name: str, **how: Any) -> Any:
        locked.append(name)
        return turn(name, **how)

    monkeypatch.setattr("loyalty.services.balances.one_at_a_time", counting)
    assert balances.give_waiting(at=NOW + timedelta(days=1)) == 0
    assert locked == []
    assert set(BalanceLine.objects.values_list("changed_at", flat=True)) == {NOW}
    customers.prove_address(who(join()), at=NOW)
    assert balances.give_waiting(at=NOW + timedelta(days=1)) == 1
    assert len(locked) == 1


@pytest.mark.sqlite
@pytest.mark.parametrize("line", [",x{},5,\n", "{}@example.com,,5,\n"])
def test_who_waits_is_not_sought_among_all_customers(line: str) -> None:
    Customer.objects.bulk_create(
        [Customer(kind="import", source="log", number=str(number), created_at=NOW) for number in range(2000)],
        batch_size=200,
    )
    take_in("".join(line.format(number) for number in range(300)))
    steps = 0

    def step() -> int:
        nonlocal steps
        steps += 1
        return 0

    connection.connection.set_progress_handler(step, 1000)
    try:
        assert balances.give_waiting(at=NOW) == 0
    finally:
        connection.connection.set_progress_handler(None, 0)
    assert steps < 100  # thousands of instructions; all customers for each line are several millions


def test_what_it_costs_does_not_depend_on_how_many_there_are() -> None:
    start()
    counted = []
    for many in (3, 90):
        numbers = [f"{many}-{n}" for n in range(many)]
        for number in numbers:
            imported(number)
        reading, how = (
            read("".join(f",{number},5,\n" for number in numbers)),
            dict[str, Any]({"source": "S", "trusts_accounts": False}),
        )
        whole = balances.keep(reading, balances.look(reading, **how), by="mia", at=NOW, **how)
        balances.start(whole, at=NOW)
        count = 0

        def counting(execute: Callable[..., Any], *query: Any) -> Any:
            nonlocal count
            count += 1
            return execute(*query)

        with connection.execute_wrapper(counting):
            balances.carry_on(at=NOW)
        counted.append(count)
    assert counted[1] <= counted[0] + 6  # SQLite inserts so many rows a statement
    assert Account.objects.filter(balance=5).count() == 93


# The command


def test_the_command_looks_first_and_gives_then(tmp_path: Path) -> None:
    ada = proven()
    path = tmp_path / "points.csv"
    path.write_text(HEAD + "ada@example.com,,300,\nnobody@example.com,,5,\nx,,5,\n")
    out = StringIO()
    call_command("loyalty_import_balances", str(path), "--preview", stdout=out)
    assert out.getvalue().splitlines() == [
        "The file has 3 lines.",
        "1 person gets theirs at once: 300 points in all.",
        (
            "1 person is nobody that we know. Their points wait until somebody proves that address, or a log brings "
            "that number."
        ),
        "1 line cannot be taken in.",
        "Line 4: this is no e-mail address.",
    ]
    assert (BalanceImport.objects.count(), account(ada)) == (0, (0, 0))
    out = StringIO()
    call_command("loyalty_import_balances", str(path), stdout=out)
    assert out.getvalue().splitlines()[-1] == "Done: 1 given, 1 waiting, 0 left out."
    assert account(ada) == (300, 0)
    out = StringIO()
    call_command("loyalty_import_balances", str(path), stdout=out)
    assert out.getvalue().splitlines()[-1] == "Done: 0 given, 0 waiting, 2 left out."
    with pytest.raises(CommandError, match="cannot be opened"):
        call_command("loyalty_import_balances", str(tmp_path / "none.csv"))


# In admin


@pytest.fixture
def desk(client: Client) -> Callable[..., Client]:
    """Return what signs somebody in with these permissions."""

    def desk(*permissions: str) -> Client:
        user = join("mia@example.com")
        user.is_staff = True
        user.save()
        user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
        client.force_login(user)
        return client

    return desk


ADD = "admin:retention_loyalty_balanceimport_add"


def upload(client: Client, text: str, **given: Any) -> Any:
    file = SimpleUploadedFile("points.csv", (HEAD + text).encode())
    return client.post(reverse(ADD), {"file": file, "source": "Smile", **given}, follow=True)


def test_staff_look_at_a_file_before_anybody_gets_a_point(desk: Any) -> None:
    ada = proven()
    client = desk("import_points")
    page = upload(client, "ada@example.com,,300,\nada at example,,5,\n")
    text = page.content.decode()
    assert "1 person gets theirs at once: 300 points in all." in text
    assert "Line 3: this is no e-mail address." in text
    assert "ada@example.com" not in text
    assert account(ada) == (0, 0)
    whole = BalanceImport.objects.get()
    assert (whole.made_by, whole.lines) == ("mia@example.com", 1)
    start_url = reverse("admin:retention_loyalty_balanceimport_start", args=[whole.pk])
    assert client.get(start_url).status_code == 403
    assert account(ada) == (0, 0)
    assert "It is being taken in" in client.post(start_url, follow=True).content.decode()
    client.post(start_url)
    balances.carry_on(at=NOW)
    assert account(ada) == (300, 0)
    page = client.get(reverse("admin:retention_loyalty_balanceimport_change", args=[whole.pk]))
    assert "Taken in: 1 of 1 lines." in page.content.decode()
    progress = client.get(reverse("admin:retention_loyalty_balanceimport_progress", args=[whole.pk])).json()
    assert (progress["state"], progress["done"], progress["of"]) == ("done", 1, 1)


def test_a_file_is_thrown_away_before_anybody_says_yes_and_not_after(desk: Any) -> None:
    proven()
    client = desk("import_points", "view_balanceimport")
    upload(client, "ada@example.com,,300,\n")
    whole = BalanceImport.objects.get()
    balances.start(whole, at=NOW)
    url = reverse("admin:retention_loyalty_balanceimport_discard", args=[whole.pk])
    client.post(url)
    assert BalanceImport.objects.count() == 1
    BalanceImport.objects.update(job=None)
    client.post(url)
    assert BalanceImport.objects.count() == 0


def test_bad_files_are_refused_in_words(desk: Any) -> None:
    client = desk("import_points")
    assert "Line 2: the points are no whole number" in upload(client, "ada@example.com,,lots,\n").content.decode()
    assert "This field is required" in upload(client, "ada@example.com,,5,\n", source="").content.decode()
    assert BalanceImport.objects.count() == 0


def test_it_takes_a_permission_of_its_own(desk: Any) -> None:
    client = desk("adjust_points", "add_balanceimport", "view_account")
    assert upload(client, "ada@example.com,,300,\n").status_code == 403
    assert client.get(reverse("admin:retention_loyalty_balanceimport_changelist")).status_code == 403


def test_addresses_that_wait_are_shown_to_who_may_see_personal_data(desk: Any) -> None:
    take_in("ada@example.com,,300,\n")
    url = reverse("admin:retention_loyalty_balanceline_changelist")
    client = desk("view_balanceline")
    page = client.get(url).content.decode()
    assert "nobody has this address or number yet" in page
    assert "ada@example.com" not in page
    client.logout()
    user = who_may("view_balanceline", "view_personal_data")
    client.force_login(user)
    assert "ada@example.com" in client.get(url).content.decode()


def who_may(*permissions: str) -> Any:
    user = join("zoe@example.com")
    user.is_staff = True
    user.save()
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return user
