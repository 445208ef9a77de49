"""The demo as a whole: it opens, and it ends without leaving anybody behind."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from example.demo.supervisor import door

ROOT = Path(__file__).parents[2]
PATIENCE = 300

pytestmark = pytest.mark.faults


class Demo:
    """A demo with its own shop; everything it starts holds a pipe, whose end tells that all are gone."""

    def __init__(self, home: Path) -> None:
        self.port, self.home = door.free(), home
        outside = ("REDIS_URL", "DATABASE_URL", "EMAIL_URL", "BASE_URL", "DEMO_DATA")
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "demo", "--port", str(self.port), "--data", str(home), "--people", "3"],
            cwd=ROOT,
            env={name: value for name, value in os.environ.items() if name not in outside},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.said: list[str] = []

    def wait_for(self, words: str) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said.append(line)
            if words in line:
                return
        raise AssertionError(f"It never said {words!r}, but: {''.join(self.said)}")

    def children(self) -> dict[str, int]:
        """Name → process id of what it has started."""
        names = {"gunicorn": "web", "worker": "worker", "beat": "beat", "valkey-server": "broker"}
        found = {}
        for pid in Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split():
            words = {Path(word).name for word in Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ").split()}
            found |= {name: int(pid) for word, name in names.items() if word in words}
        return found

    def ask(self, path: str) -> bytes:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=20) as answer:
            return answer.read()

    def left_behind(self) -> list[str]:
        """Return the command lines of processes that know this demo's folder."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if str(self.home).encode() in (folder / "environ").read_bytes():
                    found.append((folder / "cmdline").read_text().replace("\0", " "))
            except OSError:
                continue  # It has just ended, or it is somebody else's.
        return found


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("demo") / "shop"


@pytest.fixture
def demo(home) -> Iterator[Demo]:
    running = Demo(home)
    yield running
    if running.process.poll() is None:
        running.process.kill()
    running.process.wait()
    running.process.stdout.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_it_opens_and_a_signal_ends_it_whole(demo, number):
    demo.wait_for("Three things to try")
    assert json.loads(demo.ask("/retention/health/"))["ok"] is True
    assert b"Stoneware mug" in demo.ask("/catalogue/")
    assert demo.children().keys() == {"web", "worker", "beat", "broker"}

    demo.process.send_signal(number)

    demo.wait_for("Everything has stopped.")
    assert demo.process.wait(30) == 0
    assert demo.left_behind() == []


@pytest.mark.parametrize("name", ["web", "worker", "beat", "broker"])
def test_when_one_of_them_dies_it_says_so_and_ends(demo, name):
    demo.wait_for("Three things to try")

    os.kill(demo.children()[name], signal.SIGKILL)

    demo.wait_for(f"The {name} has ended (exit code -9)")
    assert demo.process.wait(60) == 1
    assert demo.left_behind() == []


def test_stopped_while_it_prepares_the_shop_it_leaves_nobody(demo, tmp_path):
    demo.wait_for("Preparing the database")

    demo.process.terminate()

    demo.wait_for("Everything has stopped.")
    assert demo.process.wait(30) == 0
    assert demo.left_behind() == []


def test_killed_outright_it_takes_the_others_along(demo):
    demo.wait_for("Three things to try")

    demo.process.kill()

    deadline = time.monotonic() + 60
    while demo.left_behind() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert demo.left_behind() == []
