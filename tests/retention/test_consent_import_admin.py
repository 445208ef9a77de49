"""Taking a list in by the admin: looked at first, said yes to, and what stops is told with its cure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from retention.models import ConsentImport, ConsentImportPart, Customer, Job, Suppression
from retention.services import consent, consent_imports, delivery, installation
from tests.retention.ground import LIVE, guest, promise, tell
from tests.retention.shop import NOON, LocalShop

PAGE, STATUS = "/admin/retention/consentimport/", "/admin/retention/installation/"
LINES = "address,kind,at\nada@example.com,consent,2024-05-01\nben@example.com,unsubscribe,\nnobody,bounce,\n"

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff() -> Callable[..., Client]:
    """Sign in a member of staff with these permissions of ours."""

    def make(*names: str) -> Client:
        users = get_user_model().objects
        person = users.create_user(username=f"staff{users.count()}", email="s@example.com", is_staff=True)
        person.user_permissions.set(Permission.objects.filter(content_type__app_label="retention", codename__in=names))
        client = Client()
        client.force_login(person)
        return client

    return make


def upload(client: Client, content: str | bytes) -> Any:
    data = content.encode() if isinstance(content, str) else content
    return client.post(f"{PAGE}add/", {"file": SimpleUploadedFile("list.csv", data)}, follow=True)


def test_a_file_is_looked_at_said_yes_to_and_taken_in(staff: Callable[..., Client]) -> None:
    client = staff("add_consentimport", "view_consentimport")
    page = upload(client, LINES).content.decode()
    for words in (
        "The file has 3 lines.", "1 is a consent.", "1 is an unsubscribe.", "1 cannot be read and is left out.",
        "1 person becomes known by it.", "Line 4: this is no e-mail address.", "Nothing has been taken in yet.",
    ):  # fmt: skip
        assert words in page
    assert "@example.com" not in page
    assert Customer.objects.count() == 0
    whole = ConsentImport.objects.get()
    assert client.get(f"{PAGE}{whole.pk}/start/").status_code == 403
    page = client.post(f"{PAGE}{whole.pk}/start/", follow=True).content.decode()
    assert "Being taken in: 0 of 2 lines." in page
    said = client.get(f"{PAGE}{whole.pk}/progress/")
    assert (said.json()["done"], said.json()["of"], "no-store" in said["Cache-Control"]) == (0, 2, True)
    consent_imports.carry_on(at=timezone.now())
    assert "Taken in: 2 of 2 lines." in client.get(f"{PAGE}{whole.pk}/change/").content.decode()
    assert "Taken in: 2 of 2 lines." in client.get(PAGE).content.decode()
    assert (Customer.objects.count(), Suppression.objects.count(), ConsentImportPart.objects.count()) == (1, 1, 0)
    assert installation.get().consents_settled_by == whole.made_by


@pytest.mark.parametrize(("kind", "told"), [("bounce", True), ("complaint", True), ("unsubscribe", False)])
def test_a_file_that_settles_nothing_says_so(staff: Callable[..., Client], kind: str, told: bool) -> None:
    page = upload(staff("add_consentimport", "view_consentimport"), f"address,kind\nada@example.com,{kind}\n")
    assert ("It says nothing of who has unsubscribed." in page.content.decode()) is told


def test_what_was_thrown_away_does_not_go_on(staff: Callable[..., Client]) -> None:
    client = staff("add_consentimport", "view_consentimport", "view_installation")
    upload(client, LINES)
    whole = ConsentImport.objects.get()
    job = consent_imports.start(whole, at=NOON)
    assert job
    Job.objects.update(state="failed", log="noon: ValueError: too long\n")
    client.post(f"{PAGE}{whole.pk}/discard/")
    answer = client.post(f"{PAGE}{whole.pk}/retry/", follow=True)  # of a page that was open still
    assert "It goes on where it stopped." not in answer.content.decode()
    consent_imports.carry_on(at=timezone.now())
    job.refresh_from_db()
    assert (job.state, job.done, installation.get().consents_settled_at) == ("done", 0, None)
    assert "stopped at line" not in client.get(STATUS).content.decode()


def test_a_file_can_be_thrown_away_instead(staff: Callable[..., Client]) -> None:
    client = staff("add_consentimport", "view_consentimport")
    upload(client, LINES)
    whole = ConsentImport.objects.get()
    page = client.post(f"{PAGE}{whole.pk}/discard/", follow=True).content.decode()
    assert "The file is thrown away" in page
    assert (ConsentImport.objects.count(), ConsentImportPart.objects.count()) == (0, 0)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("address,kind\nada@example.com,bounce\n".encode("utf-16"), "not plain text in UTF-8"),
        ("address,kind,source\nada@example.com,bounce,Müller\n".encode("latin-1"), "Line 2 is not in UTF-8"),
        (b"ada@example.com|bounce\n", "has to name the columns"),
        (b"address,kind\nada,bounce\n", "no line that could be taken in. Line 2: this is no e-mail address."),
    ],
)
def test_a_file_that_cannot_be_read_is_told_on_its_field(
    content: bytes, words: str, staff: Callable[..., Client]
) -> None:
    page = upload(staff("add_consentimport"), content).content.decode()
    assert words in page
    assert ConsentImport.objects.count() == 0


def test_who_may_not_take_in_sees_no_button_and_cannot_press_one(staff: Callable[..., Client]) -> None:
    upload(staff("add_consentimport", "view_consentimport"), LINES)
    whole = ConsentImport.objects.get()
    client = staff("view_consentimport")
    assert "Take it in" not in client.get(f"{PAGE}{whole.pk}/change/").content.decode()
    assert client.get(f"{PAGE}add/").status_code == 403
    for name in ("start", "discard", "retry"):
        assert client.post(f"{PAGE}{whole.pk}/{name}/").status_code == 403
    assert staff().get(f"{PAGE}{whole.pk}/change/").status_code == 403


def test_what_stopped_is_told_on_the_status_page_and_goes_on_from_there(staff: Callable[..., Client]) -> None:
    client = staff("add_consentimport", "view_consentimport", "view_installation")
    upload(client, LINES)
    whole = ConsentImport.objects.get()
    job = consent_imports.start(whole, at=NOON)
    Job.objects.update(state="failed", log="noon: ValueError: too long\n")
    page = client.get(STATUS).content.decode()
    assert "The import of consents stopped at line 0 of 2. noon: ValueError: too long" in page
    assert f"{PAGE}{whole.pk}/retry/" in page
    client.post(f"{PAGE}{whole.pk}/retry/")
    consent_imports.carry_on(at=NOON)
    assert job
    job.refresh_from_db()
    assert job.state == "done"
    assert "stopped at line" not in client.get(STATUS).content.decode()


def test_that_nobody_knows_who_unsubscribed_elsewhere_is_told_with_its_cure(
    shop: LocalShop, mails: None, staff: Callable[..., Client]
) -> None:
    reader, chief = staff("view_installation"), staff("view_installation", "go_live")
    assert "Earlier unsubscribes are not imported" not in reader.get(STATUS).content.decode(), "nobody is of before"
    shop.place("A1", placed_at=LIVE - (NOON - LIVE))
    tell("A1")
    consent.grant(guest(), purpose="marketing", basis="soft_opt_in", source="checkout:A2", at=NOON)
    promise(guest(), "test.news")
    delivery.deliver(at=NOON)
    page = reader.get(STATUS).content.decode()
    assert "Earlier unsubscribes are not imported; 1 mail waits for it" in page
    assert f"{STATUS}settle/" not in page
    assert reader.post(f"{STATUS}settle/").status_code == 403
    assert f"{STATUS}settle/" in chief.get(STATUS).content.decode()
    assert chief.get(f"{STATUS}settle/").status_code == 403
    page = chief.post(f"{STATUS}settle/", follow=True).content.decode()
    assert "Earlier unsubscribes are not imported" not in page
    assert "What people had said elsewhere is settled since" in page
