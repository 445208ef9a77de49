"""GET me/points/ of who has 10 and of who has 100,000 movements, beside one row by DRF and by Django alone."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from statistics import median

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model
from django.contrib.sessions.backends.db import SessionStore
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext, override_settings, setup_test_environment
from django.utils import timezone

from benchmarks import rounds, table
from loyalty.models import Account, Entry
from retention.models import Customer

REQUESTS, AT_ONCE = 1500, 4
FEW, MANY = 10, 100_000
OURS, LONG = f"ours, {FEW} movements", f"ours, {MANY:,} movements"
DRF, DJANGO = "DRF, one row", "Django, one row"
OF_PEER, FLAT, QUERIES = 0.8, 0.9, 3
WALLET = "/retention/api/v1/me/points/"


def main() -> list[str]:
    """Print rates and ratios. Returns what is wrong."""
    if subprocess.run(["scripts/need", "ab", "apache2-utils"], check=False).returncode:
        return ["there is no ab"]
    setup_test_environment()
    few, many = _member("few", FEW), _member("many", MANY)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    ways = {OURS: (WALLET, few), LONG: (WALLET, many), DRF: ("/drf/", few), DJANGO: ("/django/", few)}
    with server() as port:
        for path, session in ways.values():
            _rate(port, path, session, 200)  # both workers are warm
        measured = []
        for turn in range(rounds.ROUNDS):
            names = [*list(ways)[turn % 4 :], *list(ways)[: turn % 4]]
            measured.append({name: _rate(port, *ways[name], REQUESTS) for name in names})
    table.show(
        f"{REQUESTS:,} requests, {AT_ONCE} at once, gunicorn with 2 workers",
        ["", "a second", "ours to it"],
        [
            [name, f"{median(one[name] for one in measured):,.0f}", f"{rounds.ratio(measured, OURS, name):.2f}"]
            for name in ways
        ],
    )
    ratio, flat = rounds.ratio(measured, OURS, DRF), rounds.ratio(measured, LONG, OURS)
    for words, figure, least in (
        ("Ours to DRF with one row", ratio, OF_PEER),
        (f"{MANY:,} movements to {FEW}", flat, FLAT),
    ):
        verdict = "held" if figure >= least else "NOT held, on this machine and at this load"
        print(f"{words}: {figure:.2f}; wanted {least}: {verdict}.")
    beyond = {name: _queries(*ways[name]) - _queries("/django/", few) + 1 for name in (OURS, LONG)}
    print(f"Queries beyond authentication: {beyond}; at most {QUERIES}.")
    return [f"{name}: {count} queries" for name, count in beyond.items() if count > QUERIES]


def _member(name: str, movements: int) -> str:
    """Make a member with so many movements. Returns the key of their session."""
    now = timezone.now()
    user = get_user_model().objects.create_user(name, f"{name}@example.com", "x")
    customer = Customer.objects.create(
        kind="member", user=user, email=user.email, address=user.email, created_at=now, first_name="Ada"
    )
    account = Account.objects.create(customer=customer, balance=movements, created_at=now)
    Entry.objects.bulk_create(
        (
            Entry(account=account, key=f"{name}:{n}", kind="grant", bucket="balance", points=1, balance_after=n + 1,
                  at=now)
            for n in range(movements)
        ),
        batch_size=5000,
    )  # fmt: skip
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    assert session.session_key
    return session.session_key


@contextmanager
def server() -> Iterator[int]:
    """Run gunicorn with two workers; yield its port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    words = ["gunicorn", "-w", "2", "-b", f"127.0.0.1:{port}", "--log-level", "error", "example.wsgi:application"]
    one = subprocess.Popen(
        [sys.executable, "-m", *words], env={**os.environ, "DJANGO_SETTINGS_MODULE": "benchmarks.wallet.settings"}
    )
    try:
        for _ in range(300):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.1)
        yield port
    finally:
        one.terminate()
        one.wait(30)


def _rate(port: int, path: str, session: str, count: int) -> float:
    said = subprocess.run(
        ["ab", "-q", "-n", str(count), "-c", str(AT_ONCE), "-C", f"sessionid={session}",
         f"http://127.0.0.1:{port}{path}"],
        capture_output=True, text=True, check=True, timeout=120,
    ).stdout  # fmt: skip
    found: Mapping[str, str] = dict(re.findall(r"^(Complete requests|Failed requests|Requests per second):\s+([\d.]+)",
                                               said, re.MULTILINE))  # fmt: skip
    if "Non-2xx" in said or found["Failed requests"] != "0" or found["Complete requests"] != str(count):
        raise RuntimeError(said)
    return float(found["Requests per second"])


def _queries(path: str, session: str) -> int:
    """Return how many queries one request takes, session and user included."""
    client = Client()
    client.cookies["sessionid"] = session
    with override_settings(ROOT_URLCONF="benchmarks.wallet.urls"), CaptureQueriesContext(connection) as asked:
        assert client.get(path).status_code == 200
    return len(asked)
