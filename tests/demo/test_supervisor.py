"""The supervisor: one clear line where it cannot begin, and nobody left where it ends."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from example.demo.supervisor import broker, door, folder
from example.demo.supervisor.child import Child
from example.demo.supervisor.refusal import Refusal

ROOT = Path(__file__).parents[2]


def demo(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", "demo", *arguments],
        cwd=ROOT,
        env=os.environ | env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_taken_port_gets_one_clear_line(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        result = demo("--port", str(port), "--data", str(tmp_path / "shop"))

    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr == f"Port {port} is taken. Name another, for example: make demo PORT=8081\n"
    assert not (tmp_path / "shop").exists()


def test_a_port_that_cannot_be_gets_one_clear_line(tmp_path):
    result = demo("--port", "70000", "--data", str(tmp_path))

    assert result.returncode == 1
    assert result.stderr.startswith("There is no port 70000.")
    assert result.stderr.count("\n") == 1


def test_a_speed_of_zero_is_refused(tmp_path):
    result = demo("--speed", "0", "--data", str(tmp_path))

    assert result.returncode == 1
    assert result.stderr == "The speed must be above 0; 1 is as slow as life.\n"


def test_the_port_is_kept_from_the_first_moment():
    port = door.free()
    with door.listen(port), pytest.raises(Refusal, match=f"Port {port} is taken"):
        door.listen(port)


def test_a_folder_belongs_to_one_demo_at_a_time(tmp_path):
    with folder.take(tmp_path), pytest.raises(Refusal, match="Another demo has the folder"):
        folder.take(tmp_path)
    folder.take(tmp_path).close()


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(Refusal, match="cannot be used"):
        folder.take(tmp_path / "file" / "shop")


def test_the_key_of_a_folder_stays_and_is_nobody_elses_to_read(tmp_path):
    key = folder.secret(tmp_path)

    assert folder.secret(tmp_path) == key
    assert len(key) >= 50
    assert (tmp_path / "secret-key").stat().st_mode & 0o077 == 0


def test_a_platform_without_valkey_gets_one_clear_line(monkeypatch):
    monkeypatch.setattr(broker, "find_spec", lambda name: None)

    with pytest.raises(Refusal, match="REDIS_URL=") as refusal:
        broker.binary()
    assert refusal.value.code == 2
    assert "\n" not in str(refusal.value)


def test_a_child_ends_with_everything_it_has_started(tmp_path):
    with started("sleep 300 & sleep 300 & echo ready >/dev/fd/{fd}; wait", tmp_path) as (child, everybody_is_gone):
        child.stop()

        assert child.exit_code() == -signal.SIGTERM
        assert everybody_is_gone()


def test_a_child_that_ignores_sigterm_is_ended_all_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr("example.demo.supervisor.child.PATIENCE", 0.2)
    deaf = "trap '' TERM; echo ready >/dev/fd/{fd}; while :; do sleep 300; done"
    with started(deaf, tmp_path) as (child, everybody_is_gone):
        child.stop()

        assert child.exit_code() == -signal.SIGKILL
        assert everybody_is_gone()


def test_what_a_child_said_last_is_known(tmp_path):
    with started("echo one; echo two; echo three; echo ready >/dev/fd/{fd}", tmp_path) as (child, _):
        child.process.wait()

        assert child.last_words(lines=2) == "two\nthree"


@contextmanager
def started(script: str, folder: Path) -> Iterator[tuple[Child, Callable[[], bool]]]:
    """Run a shell script until it is ready; everything it starts holds a pipe, whose end tells that all are gone."""
    reader, writer = os.pipe()
    argv = ["sh", "-c", script.format(fd=writer)]
    child = Child("script", argv, env=dict(os.environ), log=folder / "log", fds=[writer])
    os.close(writer)
    try:
        with os.fdopen(reader) as pipe:
            assert pipe.readline() == "ready\n"
            yield child, lambda: pipe.read() == ""
    finally:
        child.stop()
