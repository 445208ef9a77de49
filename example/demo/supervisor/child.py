import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

PATIENCE = 10.0
"""Seconds that a child has to end by itself."""

# Linux alone can promise that even a killed supervisor leaves nobody behind.
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
_PR_SET_PDEATHSIG = 1


class Child:
    """A process with a log of its own and a session of its own.

    The session keeps Ctrl-C away from it: the supervisor alone decides who ends when.
    """

    def __init__(
        self, name: str, argv: Sequence[str], *, env: Mapping[str, str], log: Path, fds: Sequence[int] = ()
    ) -> None:
        """Start it; ``fds`` are the open files that it inherits."""
        self.name = name
        self.log = log
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                argv,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=fds,
                preexec_fn=_end_with_parent,
            )

    def exit_code(self) -> int | None:
        """Return its exit code, None while it runs."""
        return self.process.poll()

    def last_words(self, lines: int = 12) -> str:
        """Return the end of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def stop(self) -> None:
        """End it, kindly first, and with it everything that it has started."""
        if self.exit_code() is None:
            self.process.terminate()
            deadline = time.monotonic() + PATIENCE
            while self.exit_code() is None and time.monotonic() < deadline:
                time.sleep(0.02)
        # Mostly there is nobody left in its session.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def _end_with_parent() -> None:
    if _LIBC:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
