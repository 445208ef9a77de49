"""What people had said to another mail service: looked at first, taken in piece by piece, and each line once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from retention import consent_file
from retention.csv_rows import NotReadable
from retention.models import (
    Consent,
    ConsentEvidence,
    ConsentImport,
    ConsentImportPart,
    Customer,
    Fact,
    Job,
    Message,
    Suppression,
)
from retention.services import consent, consent_imports, customers, delivery, installation, persons, suppression, ticks
from tests.retention.ground import promise, tell
from tests.retention.post import rows
from tests.retention.shop import NOON, LocalShop

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
HEAD = "address,kind,purpose,at,source,text,basis\n"

pytestmark = pytest.mark.django_db


def look(text: str | bytes, *, at: datetime = NOON) -> tuple[consent_file.Reading, dict[str, int]]:
    """Read a file and say what it would change."""
    reading = consent_file.read(text.encode() if isinstance(text, str) else text, at=at)
    return reading, consent_imports.look(reading, at=at)


def take_in(text: str, *, at: datetime = NOON) -> dict[str, int]:
    """Take a file in, to its end; return what its preview said."""
    reading, found = look(HEAD + text, at=at)
    job = consent_imports.start(consent_imports.keep(reading, found, by="mia", at=at), at=at)
    assert job
    while consent_imports.carry_on(at=at):
        pass
    job.refresh_from_db()
    assert (job.state, job.log, ConsentImportPart.objects.count()) == ("done", "", 0)
    return found


def notes(reading: consent_file.Reading) -> list[tuple[int, str]]:
    return [(note.line, note.words) for note in reading.notes]


def answers(email: str) -> list[tuple[str, bool, str]]:
    found = Consent.objects.filter(customer__address=email).order_by("customer", "purpose")
    return list(found.values_list("purpose", "granted", "basis"))


def stops() -> list[tuple[str, str]]:
    return list(Suppression.objects.order_by("scope", "reason").values_list("scope", "reason"))


def said(email: str = "ada@example.com") -> int:
    return ConsentEvidence.objects.filter(customer__address=email).count()


# What a file says


def test_a_yes_of_a_stranger_makes_a_person_with_its_evidence() -> None:
    found = take_in("Ada@Example.com,consent,,2024-05-01T10:00:00+02:00,form on the blog,Send me news,double_opt_in\n")
    assert (found["people"], found["yes"], found["evidence"]) == (1, 1, 1)
    ada = Customer.objects.get()
    assert (ada.kind, ada.email, ada.address_proven_at) == ("import", "ada@example.com", None)
    assert ada.created_at == datetime(2024, 5, 1, 8, tzinfo=UTC)
    assert answers("ada@example.com") == [("marketing", True, "double_opt_in")]
    told = ConsentEvidence.objects.get()
    assert (told.text, told.at, told.source) == (
        "Send me news",
        ada.created_at,
        f"import:{ConsentImport.objects.get().pk} form on the blog",
    )


def test_a_yes_of_a_customer_is_theirs_and_of_the_members_row_first(
    customer: Callable[..., Customer], user: Callable[..., Any]
) -> None:
    customer()
    member = user(joined=True).retention_customer
    take_in("ada@example.com,consent,survey,2024-05-01,,,\n")
    assert list(Consent.objects.values_list("customer", "purpose", "granted", "basis")) == [
        (member.pk, "survey", True, "import")
    ]
    assert Customer.objects.count() == 2


def test_noes_bounces_and_complaints_of_strangers_are_kept_as_hashes_alone() -> None:
    take_in(
        "a@example.com,unsubscribe,,2024-05-01,,,\n"
        "b@example.com,unsubscribe,survey,,,,\n"
        "c@example.com,bounce,,,,,\n"
        "d@example.com,complaint,,,,,\n"
        "e@example.com,suppression,,,,,\n"
        "f@example.com,suppression,marketing,,,,\n"
    )
    assert stops() == [
        ("all", "bounced"), ("all", "complained"), ("all", "imported"),
        ("marketing", "imported"), ("marketing", "imported"), ("survey", "imported"),
    ]  # fmt: skip
    assert Customer.objects.count() == 0
    assert "@example.com" not in rows()


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(
    ("yes", "no", "then"),
    [
        ("2024-05-02,,,opt_in", "2024-05-01", True),
        ("2024-05-01,,,opt_in", "2024-05-02", False),
        ("2024-05-01,,,opt_in", "2024-05-01", False),
        ("2024-05-02,,,import", "2024-05-01", False),
        ("2024-05-02,,,soft_opt_in", "2024-05-01", False),
        ("2024-05-02,,,opt_in", "", False),
    ],
    ids=["yes later", "no later", "same time", "weak yes", "soft yes", "no without a time"],
)
@pytest.mark.parametrize("files", [1, 2])
def test_a_no_outweighs_a_yes_of_before_it_and_every_weak_one(
    yes: str, no: str, then: bool, turned: bool, files: int, mails: None, mailoutbox: list[Any]
) -> None:
    lines = [f"ada@example.com,consent,,{yes}\n", f"ada@example.com,unsubscribe,,{no},,,\n"][:: -1 if turned else 1]
    for text in ["".join(lines)] if files == 1 else lines:
        take_in(text)
    for row in Customer.objects.all():
        promise(row, "test.news")
    delivery.deliver(at=NOON)
    assert len(mailoutbox) == int(then)
    assert stops() == ([] if then else [("marketing", "imported")])


def test_a_yes_of_the_file_lifts_no_no_of_our_own(customer: Callable[..., Customer], mails: None) -> None:
    by_link, by_api = customer("link@example.com", wants=("marketing",)), customer("api@example.com")
    customer("bounced@example.com", wants=("marketing",))
    consent.unsubscribe(by_link, purpose="marketing", source="link", at=NOON - 9 * DAY)
    consent.withdraw(by_api, purpose="marketing", source="api", at=NOON - 9 * DAY)
    suppression.add("bounced@example.com", scope="all", reason="bounced", at=NOON - 9 * DAY)
    before = stops()
    found = take_in(
        "".join(f"{name}@example.com,consent,,2026-03-09,,,double_opt_in\n" for name in ("link", "api", "bounced"))
    )
    assert (found["yes"], found["outweighed"]) == (0, 3)
    assert answers("link@example.com") == answers("api@example.com") == [("marketing", False, "")]
    assert stops() == before


def test_an_imported_no_that_the_person_repeats_is_our_own(customer: Callable[..., Customer]) -> None:
    ada = customer()
    take_in("ada@example.com,unsubscribe,,2024-05-01,,,\n")
    consent.unsubscribe(ada, purpose="marketing", source="link", at=NOON - DAY)
    take_in("ada@example.com,consent,,2026-03-10,,,opt_in\n")
    assert stops() == [("marketing", "unsubscribed")]


def test_a_no_of_before_leaves_a_yes_that_was_given_to_us_in_so_many_words(customer: Callable[..., Customer]) -> None:
    customer(wants=("marketing",), at=NOON - DAY)
    found = take_in("ada@example.com,unsubscribe,,2024-05-01,,,\n")
    assert (found["no"], stops(), answers("ada@example.com")) == (0, [], [("marketing", True, "opt_in")])
    assert said() == 2, "it is kept that they had said no once"


def test_a_no_of_the_file_ends_a_soft_yes_and_says_so(customer: Callable[..., Customer]) -> None:
    ada = customer()
    consent.grant(ada, purpose="marketing", basis="soft_opt_in", source="checkout:A1", at=NOON - DAY)
    take_in("ada@example.com,unsubscribe,,2024-05-01,,,\n")
    assert answers("ada@example.com") == [("marketing", False, "")]
    assert [fact.kind for fact in Fact.objects.order_by("pk")][-1] == "retention.ConsentWithdrawn"


def test_whom_a_file_refuses_can_still_come_back_by_a_double_opt_in(customer: Callable[..., Customer]) -> None:
    ada = customer()
    take_in("ada@example.com,unsubscribe,,,,,\n")
    consent.grant(ada, purpose="marketing", basis="double_opt_in", source="sign-up", at=NOON + DAY)
    assert (stops(), answers("ada@example.com")) == ([], [("marketing", True, "double_opt_in")])
    take_in("ada@example.com,unsubscribe,,,,,\n", at=NOON + 2 * DAY)
    assert (stops(), answers("ada@example.com")) == ([], [("marketing", True, "double_opt_in")]), "said before that"


def test_the_same_file_twice_changes_nothing_and_doubles_no_evidence(customer: Callable[..., Customer]) -> None:
    customer("ben@example.com")
    text = (
        "ada@example.com,consent,,2024-05-01,form,Send me news,opt_in\n"
        "ada@example.com,unsubscribe,survey,,,,\n"
        "ben@example.com,unsubscribe,,,,,\n"
        "ben@example.com,consent,survey,2024-05-01,,,import\n"
        "cy@example.com,consent,,2024-05-01,,,import\n"
        "cy@example.com,complaint,,,,,\n"
        "dee@example.com,unsubscribe,,,,,\n"
    )
    take_in(text)
    tables = (Customer, Consent, ConsentEvidence, Suppression, Fact)
    before = [list(table.objects.order_by("pk").values()) for table in tables]
    found = take_in(text, at=NOON + 40 * DAY)
    assert [found[name] for name in ("people", "yes", "no", "stops", "evidence")] == [0] * 5
    assert [list(table.objects.order_by("pk").values()) for table in tables] == before


def test_what_was_said_elsewhere_starts_no_journey_and_sends_no_mail(mailoutbox: list[Any]) -> None:
    take_in("ada@example.com,consent,,2024-05-01,,,opt_in\n")
    ticks.run_due(at=NOON)
    assert (Fact.objects.count(), Message.objects.count(), mailoutbox) == (0, 0, [])


def test_a_yes_of_before_the_person_was_forgotten_brings_nothing_back(customer: Callable[..., Customer]) -> None:
    persons.erase_person(customer(), at=NOON - DAY)
    found = take_in(
        "ada@example.com,consent,,2024-05-01,,,opt_in\nada@example.com,unsubscribe,survey,,,,\n"
        "ada@example.com,complaint,,,,,\n"
    )
    assert (found["forgotten"], found["people"]) == (1, 0)
    assert Customer.objects.filter(address="ada@example.com").count() == 0
    assert stops() == [("all", "erased"), ("marketing", "complained"), ("survey", "complained")]


def test_who_is_known_from_a_list_and_buys_is_one_person(shop: LocalShop) -> None:
    take_in("ada@example.com,consent,,2024-05-01,,,opt_in\n")
    listed = Customer.objects.get()
    shop.place("A1", first_name="Ada", country="DE")
    tell("A1")
    row = Customer.objects.get()
    assert (row.pk, row.kind, row.orders_count, row.first_name) == (listed.pk, "guest", 1, "Ada")
    assert answers("ada@example.com") == [("marketing", True, "opt_in")]


def test_who_is_known_from_a_list_and_opens_an_account_brings_the_yes_along(
    shop: LocalShop, user: Callable[..., Any]
) -> None:
    take_in("ada@example.com,consent,,2024-05-01,,,opt_in\n")
    listed = Customer.objects.get()
    member = user(joined=True).retention_customer
    customers.prove_address(member, at=NOON)
    listed.refresh_from_db()
    assert listed.absorbed_into_id == member.pk
    assert list(Consent.objects.values_list("customer", "granted")) == [(member.pk, True)]


# Files as people have them


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "The file is empty."),
        (b"\n\n", "The file is empty."),
        ((HEAD + "a@example.com,bounce").encode("utf-16"), "not plain text in UTF-8"),
        ((HEAD + "a@example.com,bounce,,,M\u00fcller").encode("latin-1"), "Line 2 is not in UTF-8"),
        (b"address|kind\na@example.com|bounce\n", "has to name the columns, with commas, semicolons or tabs"),
        (b"a@example.com,bounce\n", "has to name the columns"),
        (b"email,purpose\na@example.com,marketing\n", "has to name the columns"),
        ((HEAD + 'a@example.com,consent,,2024-01-01,,"no end\nb@example.com,bounce').encode(), "cannot be read as CSV"),
    ],
    ids=["empty", "blank", "UTF-16", "latin-1", "bars", "no head", "no kind", "open quotation mark"],
)
def test_a_file_that_cannot_be_read_is_refused_as_a_whole_with_the_reason(content: bytes, words: str) -> None:
    with pytest.raises(NotReadable, match=words):
        look(content)


@pytest.mark.parametrize(
    "text",
    [
        "\ufeffaddress,kind\r\nada@example.com,unsubscribed\r\n",
        "E-Mail;Status\nADA@example.com ;Unsubscribed\n",
        "email\tkind\tname\nada@example.com\topt-out\tAda\n",
        'kind,text,address\nunsubscribe,"said:\nno, ""thanks""",ada@example.com\n',
        "address,kind\n\n,,\nada@example.com,unsubscribe\nada@example.com,unsubscribe\nAda@example.com,UNSUBSCRIBE\n",
    ],
    ids=["mark and CRLF", "semicolons", "tabs", "quoted newline", "twice"],
)
def test_a_file_is_read_as_people_have_it(text: str) -> None:
    reading, found = look(text)
    assert [(line.address, line.kind, line.purpose) for line in reading.said["ada@example.com"]] == [
        ("ada@example.com", "unsubscribe", "marketing")
    ]
    assert (found["good"], found["no"], reading.notes, found["twice"]) == (1, 1, [], 2 if "UNSUB" in text else 0)


def test_bad_lines_are_told_by_number_and_reason_and_the_others_count() -> None:
    reading, found = look(
        HEAD + "ada,unsubscribe,,,,,\n"
        '"a,b@example.com",unsubscribe,,,,,\n'
        "a,b@example.com,unsubscribe,,,,\n"
        "ada@example.com,subscribed?,,,,,\n"
        "ada@example.com,unsubscribe,telephone,,,,\n"
        "ada@example.com,unsubscribe,,yesterday,,,\n"
        "ada@example.com,unsubscribe,,2031-01-01,,,\n"
        "ada@example.com,consent,,,,,\n"
        "ada@example.com,consent,,2024-05-01,,,because\n"
        "ada@example.com\n"
        "ben@example.com,bounce\n"
    )
    assert notes(reading) == [
        (2, "this is no e-mail address"),
        (3, "this is no e-mail address"),
        (4, "this is no e-mail address"),
        (5, "the kind is none of consent, unsubscribe, bounce, complaint, suppression"),
        (6, "the purpose is neither marketing nor survey"),
        (7, "the time is not written as 2026-03-10 or 2026-03-10T12:00"),
        (8, "the time lies in the future"),
        (9, "a consent needs its time: without one it is no evidence"),
        (10, "the basis is none of opt_in, double_opt_in, soft_opt_in, import"),
        (11, "the kind is none of consent, unsubscribe, bounce, complaint, suppression"),
    ]
    assert (found["lines"], found["good"], found["wrong"], found["stops"]) == (11, 1, 10, 1)


@pytest.mark.parametrize(
    "address",
    ['"a,b"@example.com', "ada@münchen.example", "ada@xn--mnchen-3ya.example", "o'brien@example.com", "+1@example.com"],
)
def test_odd_addresses_are_addresses(address: str) -> None:
    quoted = address.replace('"', '""')
    for cell in (f'"{quoted}"', f'"\'{quoted}"' if address[0] == "+" else f'"{quoted}"'):
        reading, _found = look(f"{HEAD}{cell},consent,,2024-05-01,,,\n")
        assert list(reading.said) == [address], "also with the apostrophe that an export puts before it"


def test_a_date_without_a_zone_is_the_shops(wiring: Callable[..., None]) -> None:
    wiring(TIME_ZONE="Asia/Tokyo")
    reading, _found = look(HEAD + "ada@example.com,consent,,2024-05-01 09:00:00,,,\n")
    assert reading.said["ada@example.com"][0].at == datetime(2024, 5, 1, tzinfo=UTC)


# Looked at first, and then bit by bit


def test_looking_writes_nothing_and_asks_by_the_hundred() -> None:
    lines = "".join(f"p{n}@example.com,consent,,2024-05-01,,,\n" for n in range(2000))
    with CaptureQueriesContext(
        connection,
    ) as asked:
        _reading, found = look(HEAD + lines)
    assert found["people"] == 2000
    assert len(asked) == 2 * 4, "of whom nobody is known nothing else is asked"
    assert not [query for query in asked.captured_queries if not query["sql"].startswith("SELECT")]


def test_a_step_costs_the_same_however_many_lines_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    costs = []
    for size in (2, 10, 80):
        monkeypatch.setattr(consent_imports, "PIECE", size)
        monkeypatch.setattr(consent_imports, "PIECE_ON_SQLITE", size)
        reading, found = look(
            HEAD
            + "".join(
                f"{size}-{n}@example.com,{kind},,2024-05-01,,,opt_in\n"
                for n in range(size // 2)
                for kind in ("consent", "complaint")
            )
        )
        consent_imports.start(consent_imports.keep(reading, found, by="mia", at=NOON), at=NOON)
        with CaptureQueriesContext(connection) as asked:
            consent_imports.carry_on(at=NOON, most=1)
        costs.append(len(asked))
        assert Job.objects.order_by("pk").last().done == size  # type: ignore[union-attr]
    assert costs[1] == costs[2]


def test_it_goes_on_where_it_stopped_and_the_file_goes_piece_by_piece(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(consent_imports, "PIECE", 10)
    monkeypatch.setattr(consent_imports, "PIECE_ON_SQLITE", 10)
    reading, found = look(
        HEAD
        + "".join(f"p{n}@example.com,consent,,2024-05-01,,,\n" for n in range(44))
        + "no@example.com,unsubscribe,,,,,\n"
    )
    whole = consent_imports.keep(reading, found, by="mia", at=NOON)
    job = consent_imports.start(whole, at=NOON)
    assert job
    assert consent_imports.start(whole, at=NOON) == job, "said twice, it is one job"
    consent_imports.carry_on(at=NOON, most=20)
    job.refresh_from_db()
    assert (job.state, job.done, job.total, whole.parts.count(), Customer.objects.count()) == ("running", 20, 45, 3, 20)
    assert "@example.com" not in str(list(Job.objects.values()) + list(ConsentImport.objects.values()))

    def broken(*args: Any, **given: Any) -> None:
        raise ValueError("cannot take in p20@example.com")

    with monkeypatch.context() as patch:
        patch.setattr("retention.services.consent_writing.write", broken)
        consent_imports.carry_on(at=NOON)
    job.refresh_from_db()
    assert (job.state, job.done, Customer.objects.count()) == ("failed", 20, 20)
    assert job.log.endswith("ValueError: cannot take in …\n")
    assert "@example.com" not in caplog.text
    assert installation.get().consents_settled_at is None
    assert consent_imports.retry(job, at=NOON)
    consent_imports.carry_on(at=NOON)
    job.refresh_from_db()
    assert (job.state, job.done, job.percent, Customer.objects.count()) == ("done", 45, 100, 44)
    assert ConsentImportPart.objects.count() == 0
    assert (installation.get().consents_settled_at, installation.get().consents_settled_by) == (NOON, "mia")


def test_a_file_that_nobody_says_yes_to_is_thrown_away_after_an_hour() -> None:
    reading, found = look(HEAD + "ada@example.com,bounce,,,,,\n")
    whole = consent_imports.keep(reading, found, by="mia", at=NOON)
    ticks.run_due(at=NOON + HOUR)
    assert ConsentImportPart.objects.count() == 1
    ticks.run_due(at=NOON + HOUR + timedelta(minutes=1))
    assert (ConsentImportPart.objects.count(), ConsentImport.objects.count()) == (0, 0)
    assert consent_imports.start(whole, at=NOON) is None


def test_who_is_forgotten_while_a_file_waits_is_forgotten_there_too(customer: Callable[..., Customer]) -> None:
    ada = customer()
    reading, found = look(
        HEAD + "ada@example.com,consent,,2026-03-10,Ada,,opt_in\nada@example.com,complaint,,,,,\n"
        "ben@example.com,bounce,,,,,\n"
    )
    consent_imports.keep(reading, found, by="mia", at=NOON)
    persons.erase_person(ada, at=NOON)
    [part] = ConsentImportPart.objects.all()
    assert [packed[:2] for packed in part.lines] == [["ben@example.com", "bounce"]]
    assert "ada" not in rows()
    assert ("marketing", "complained") in stops()


def test_two_hundred_thousand_lines_are_looked_at_in_seconds() -> None:
    lines = "".join(f"person.{n}@example{n % 50}.com,unsubscribe,,2024-05-01,,,\n" for n in range(200_000))
    reading, found = look(HEAD + lines)
    assert (found["good"], found["no"], len(reading.said)) == (200_000, 200_000, 200_000)


def test_a_file_of_too_many_lines_is_refused_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consent_file, "MOST_LINES", 3)
    assert look(HEAD + "ada@example.com,bounce,,,,,\n" * 3)[1]["good"] == 1
    with pytest.raises(NotReadable, match="more than 3 lines: split it"):
        look(HEAD + "ada@example.com,bounce,,,,,\n" * 4)


# From the command line


def test_the_command_looks_first_and_takes_in_what_was_agreed_to(tmp_path: Any) -> None:
    path = tmp_path / "list.csv"
    path.write_text(HEAD + "ada@example.com,consent,,2024-05-01,,,opt_in\nnobody,bounce,,,,,\n")
    out = StringIO()
    call_command("retention_import_consents", str(path), "--look", stdout=out)
    assert "Line 3: this is no e-mail address." in out.getvalue()
    assert "1 person becomes known" in out.getvalue()
    assert (Customer.objects.count(), ConsentImport.objects.count()) == (0, 0)
    call_command("retention_import_consents", str(path), "--yes", stdout=out)
    assert "Done: 1 line." in out.getvalue()
    assert Customer.objects.count() == 1
    assert "ada" not in out.getvalue()


def test_the_command_says_what_is_wrong_with_a_file(tmp_path: Any) -> None:
    path = tmp_path / "list.csv"
    path.write_bytes("address,kind\nada@example.com,bounce\n".encode("utf-16"))
    with pytest.raises(CommandError, match="not plain text in UTF-8"):
        call_command("retention_import_consents", str(path), "--yes")
    with pytest.raises(CommandError, match="cannot be opened"):
        call_command("retention_import_consents", str(tmp_path / "none.csv"), "--yes")
    path.write_text("address,kind\nada,bounce\n")
    with pytest.raises(CommandError, match="no line that could be taken in"):
        call_command("retention_import_consents", str(path), "--yes")
