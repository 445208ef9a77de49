"""A log taken in by command, and the report: the reference answers, to the point, by commands alone."""

import json
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from loyalty.services import verifying

pytestmark = [pytest.mark.data, pytest.mark.django_db]

LOG = "events_until_2011-03-01.csv.gz"
ANSWERS = "online_retail_until_2011-03-01.json"
UNTIL = "2011-03-01"
EARNS = ["--currency=GBP", "--points=1", "--pending-days=0", "--history"]
POLICIES = {
    "R1": ["--refunds=recompute"],
    "R2": ["--refunds=amount"],
    "R3": ["--refunds=proportional"],
    "R4": ["--expires-days=180", "--history-spends=500"],
    "R5": ["--refunds=recompute", "--expires-days=180"],
}


@pytest.fixture
def answers(shop_data: Path) -> Any:
    return json.loads((shop_data / ANSWERS).read_text())


def say(*words: str) -> str:
    """Run a command and return what it prints."""
    out = StringIO()
    call_command(*words, stdout=out)
    return out.getvalue()


def compare(got: dict[str, Any], part: str, shop_data: Path, tmp_path: Path) -> None:
    """Compare by the tool that lies beside the reference."""
    (tmp_path / "got.json").write_text(json.dumps(got))
    words = [sys.executable, str(shop_data / "compare.py"), str(tmp_path / "got.json"), str(shop_data / ANSWERS)]
    done = subprocess.run([*words, "--at", part, "--tol", "1e-9"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", sorted(POLICIES))
def test_points_are_those_of_the_policy_to_the_point(name: str, shop_data: Path, answers: Any, tmp_path: Path) -> None:
    say("loyalty_programme", *EARNS, *POLICIES[name])
    say("retention_import", str(shop_data / LOG), *(["--orders-only"] if name == "R4" else []))
    got = json.loads(say("loyalty_report", "--json", "--until", UNTIL))["points"]
    compare(got, "points", shop_data, tmp_path)
    wanted = answers["points"]
    if name == "R4":
        assert got == {"R4": wanted["R4"]}
    elif name == "R5":
        assert got["balance_R5_unexpired"] == wanted["balance_R5_unexpired"]
    else:
        assert got["balance_total"] == {name: wanted["balance_total"][name]}
        assert got["clawed_back"] == {name: wanted["clawed_back"][name]}
        assert got["earned_total"] == wanted["earned_total"]
        assert set(got["outstanding_at_instant"]) == set(wanted["outstanding_at_instant"])
    if name == "R1":
        assert got["top10_R1"] == wanted["top10_R1"]
        assert got["customers_zero_points_R1"] == wanted["customers_zero_points_R1"]
    assert list(verifying.differences()) == []


@pytest.mark.parametrize(
    ("name", "days", "rungs"),
    [
        ("T365", 365, ["Bronze=0", "Silver=500", "Gold=2000", "Platinum=5000"]),
        ("T90", 90, ["Bronze=0", "Silver=250", "Gold=1000", "Platinum=2500"]),
    ],
)
def test_tiers_at_each_month_are_those_of_the_window(
    name: str, days: int, rungs: list[str], shop_data: Path, answers: Any, tmp_path: Path
) -> None:
    say("loyalty_tiers", "--currency=GBP", f"--window-days={days}", *rungs)
    say("retention_import", str(shop_data / LOG))
    got = json.loads(say("loyalty_report", "--json", "--until", UNTIL))["tiers"]
    compare(got, "tiers", shop_data, tmp_path)
    assert got == {name: answers["tiers"][name]}


def test_the_preview_counts_what_is_in_the_log(shop_data: Path, answers: Any) -> None:
    text = say("retention_import", str(shop_data / LOG), "--preview")
    events = answers["events"]
    assert f"The log has {events['events']:,} lines." in text
    assert f"Orders: {events['orders']:,} (" in text
    assert f"Refunds of orders: {events['refund_events_matched']} (" in text
    assert f"Refunds that name no order: {events['refund_events_unmatched']} (" in text
    assert f"Customers with an order: {events['customers_with_order']:,}; orders of guests: 361." in text
    assert "left out" not in text
