"""The same queue for each of them, made by SQL."""

from __future__ import annotations

from datetime import time, timedelta

from django.db import connection
from django.utils import timezone

from benchmarks.mail.letter import NAME
from retention.hashing import address_hash
from retention.models import Consent, Customer, DomainRate, MailCap, Message, Preference, Sending, SendTally

PEOPLE = 5_000

OURS = """
INSERT INTO retention_message (key, mail, purpose, at_least_once, customer_id, "order", "values", source, topic,
    priority, state, reason, error, due_at, due_zone, owner, tries, header_id, provider_id, created_at,
    changed_at, deferred)
SELECT %s || ':' || n, %s, 'marketing', false, first.id + (n %% %s), '', '{}', 'bench', '', 0, 'due', '', '',
    now() - interval '1 hour', '', '', 0, '', '', now(), now(), ''
FROM generate_series(0, %s - 1) n, (SELECT min(id) id FROM retention_customer WHERE source = 'bench') first
"""

POST_OFFICE = """
INSERT INTO post_office_email (from_email, "to", cc, bcc, subject, message, html_message, status, priority, created,
    last_updated, headers, backend_alias, context)
SELECT 'Paper & Clay <shop@example.com>', 'p' || n || '@example.com', '', '', %s, %s, %s, 2, 2, now(), now(), %s,
    '', NULL
FROM generate_series(0, %s - 1) n
"""


def people() -> None:
    """Customers who want marketing, and everything that can say no or not yet, none of which does."""
    now = timezone.now()
    rows = Customer.objects.bulk_create(
        Customer(
            kind="guest", source="bench", email=f"p{n}@example.com", address=f"p{n}@example.com",
            address_hash=address_hash(f"p{n}@example.com"), first_name=f"Ada{n}", zone="Europe/Berlin", created_at=now,
        )
        for n in range(PEOPLE)
    )  # fmt: skip
    Consent.objects.bulk_create(
        Consent(customer=one, purpose="marketing", granted=True, basis="opt_in", changed_at=now) for one in rows
    )
    Preference.objects.bulk_create(Preference(customer=one, changed_at=now) for one in rows)
    asleep = timezone.localtime().hour + 12
    Sending.objects.update_or_create(
        pk=1,
        defaults={
            "quiet_from": time(asleep % 24), "quiet_until": time((asleep + 2) % 24), "per_hour": 10_000_000,
            "warm_up_from": now.date() - timedelta(days=20),
        },
    )  # fmt: skip
    MailCap.objects.create(most=30_000, days=7)
    DomainRate.objects.create(domain="example.com", per_hour=10_000_000)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def fill_ours(count: int) -> None:
    """Let so many of our mails be due, and nothing else be in the outbox."""
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE retention_message CASCADE")
        cursor.execute(OURS, [timezone.now().isoformat(), NAME, PEOPLE, count])
        cursor.execute("ANALYZE retention_message")
        cursor.execute("CHECKPOINT")
    SendTally.objects.all().delete()


def fill_post_office(count: int, subject: str, text: str, html: str, headers: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE post_office_email CASCADE")
        cursor.execute(POST_OFFICE, [subject, text, html, headers, count])
        cursor.execute("ANALYZE post_office_email")
        cursor.execute("CHECKPOINT")


def sent() -> int:
    return Message.objects.filter(state="sent").count()


def post_office_sent() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM post_office_email WHERE status = 0")
        found: int = cursor.fetchone()[0]
    return found
