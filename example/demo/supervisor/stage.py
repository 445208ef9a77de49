import os
import signal
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from example.demo.supervisor import broker, door, folder, guide
from example.demo.supervisor.child import Child
from example.demo.supervisor.refusal import Refusal

PATIENCE = 90.0
"""Seconds that the shop has to become healthy."""

Say = Callable[[str], None]


class Ended(Exception):
    """Somebody asked the demo to end."""


@dataclass(kw_only=True)
class Stage:
    """One demo: its folder, its environment and its running children, in the order of their start."""

    port: int
    home: Path
    speed: float
    people: int
    say: Say
    env: dict[str, str] = field(default_factory=dict)
    children: list[Child] = field(default_factory=list)
    ending: bool = False

    def run(self) -> None:
        """Play until a signal comes. Raises Refusal where it cannot begin or somebody falls out."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._end)
        program = None if "REDIS_URL" in os.environ else broker.binary()
        with door.listen(self.port) as listener, folder.take(self.home):
            try:
                self._open(listener, program)
                while True:
                    self._pause(0.25)
            except Ended:
                self.say("Stopping ...")
            finally:
                # Another Ctrl-C changes nothing: each child has its seconds to end, and no more.
                for child in reversed(self.children):
                    child.stop()
        self.say("Everything has stopped.")

    def _open(self, listener: socket.socket, program: Path | None) -> None:
        self.env = self._environment()
        if program:
            number = door.free()
            self.env["REDIS_URL"] = f"redis://127.0.0.1:{number}/0"
            self._start("broker", *broker.argv(program=program, port=number, folder=self.home))
        self._do("migrate", "Preparing the database ...", "migrate", "--verbosity", "0")
        words = "Filling the shop with a year of history (once, one to two minutes) ..."
        self._do("seed", words, "demo_seed", "--people", str(self.people))
        self._start("web", *_WEB, "--bind", f"fd://{listener.fileno()}", fds=[listener.fileno()])
        self._start("worker", *_CELERY, "worker", *_ALONE, "-P", "threads", "-c", "2", "--loglevel", "WARNING")
        schedule = ["--schedule", str(self.home / "beat"), "--pidfile", ""]
        self._start("beat", *_CELERY, "beat", *schedule, "--loglevel", "WARNING")
        self._wait_until_healthy()
        self.say(guide.opening(url=self.env["BASE_URL"], speed=self.speed, logs=str(self.home / "logs")))

    def _environment(self) -> dict[str, str]:
        """What the children need to know; what the outside says about servers comes first."""
        return {
            "DJANGO_SETTINGS_MODULE": "example.settings",
            "SECRET_KEY": folder.secret(self.home),
            "BASE_URL": self._url(),
            **os.environ,
            "DEMO_DATA": str(self.home),
            "DEMO_SPEED": str(self.speed),
            "PYTHONUNBUFFERED": "1",
        }

    def _url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def _start(self, name: str, *argv: str, fds: Sequence[int] = ()) -> None:
        log = self.home / "logs" / f"{name}.log"
        self.children.append(Child(name, argv, env=self.env, log=log, fds=fds))

    def _do(self, name: str, words: str, *command: str) -> None:
        """Run one command of manage.py to its end."""
        self.say(words)
        self._start(name, sys.executable, "manage.py", *command)
        job = self.children.pop()
        try:
            while job.exit_code() is None:
                self._pause(0.05)
        finally:
            job.stop()
        if job.exit_code():
            raise Refusal(f"`{name}` failed. The end of {job.log}:\n{job.last_words()}")

    def _wait_until_healthy(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while (answer := self._health()) != "":
            if time.monotonic() > deadline:
                raise Refusal(f"The shop did not become healthy in {PATIENCE:.0f} seconds; it says: {answer}")
            self._pause(0.25)

    def _health(self) -> str:
        """Return what the shop complains about; nothing is good news."""
        try:
            urllib.request.urlopen(f"{self._url()}/retention/health/", timeout=10).close()
        except urllib.error.HTTPError as error:
            with error:
                return error.read(2000).decode(errors="replace")
        except OSError as error:
            return str(error)
        return ""

    def _pause(self, seconds: float) -> None:
        """Wait, and notice who has gone and whether to end."""
        time.sleep(0 if self.ending else seconds)
        if self.ending:
            raise Ended
        for child in self.children:
            if child.exit_code() is not None:
                raise Refusal(
                    f"The {child.name} has ended (exit code {child.exit_code()}), so the demo ends too. "
                    f"The end of {child.log}:\n{child.last_words()}"
                )

    def _end(self, number: int, frame: FrameType | None) -> None:
        self.ending = True


_WEB = (sys.executable, "-m", "gunicorn", "example.wsgi", "--workers", "1", "--threads", "8", "--no-control-socket")
_CELERY = (sys.executable, "-m", "celery", "--app", "example")
# There is nobody to talk to: it is the only worker.
_ALONE = ("--without-mingle", "--without-gossip", "--without-heartbeat")
