"""Workers in processes of their own, that a test kills."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


class Worker:
    """A process that is started again whenever it has been killed, as a supervisor does."""

    def __init__(self, command: list[str], *, env: dict[str, str], log: Path) -> None:
        self.command, self.env, self.log = command, env, log
        self.kills = 0
        self.start()

    def start(self) -> None:
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                self.command,
                cwd=ROOT,
                env={**os.environ, **self.env},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def kill(self) -> None:
        """SIGKILL, and all its children too."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.kills += 1
        self.start()

    def end(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def said(self) -> str:
        return self.log.read_text(errors="replace")[-4000:]


@contextmanager
def running(*words: str, env: dict[str, str], log: Path) -> Iterator[Worker]:
    """Run ``python words`` until the block ends."""
    worker = Worker([sys.executable, *words], env=env, log=log)
    try:
        yield worker
    finally:
        worker.end()


Kill = Callable[[str], None]


def at(worker: Worker, *moments: tuple[str, int]) -> Kill:
    """Return what kills the worker at these moments: the n-th time that a mail is at a stage, counted from one."""
    seen: dict[str, int] = {}

    def watch(stage: str) -> None:
        seen[stage] = seen.get(stage, 0) + 1
        if (stage, seen[stage]) in moments:
            worker.kill()

    return watch
