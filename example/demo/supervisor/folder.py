"""The demo's folder: database, pictures, logs, and a key that outlives a restart."""

import fcntl
import secrets
from pathlib import Path
from typing import IO

from example.demo.supervisor.refusal import Refusal


def take(folder: Path) -> IO[str]:
    """Make the folder and lock it for as long as the returned file is open.

    Raises Refusal where it cannot be written or another demo has it.
    """
    try:
        (folder / "logs").mkdir(parents=True, exist_ok=True)
        lock = (folder / "lock").open("w")
    except OSError as error:
        raise Refusal(f"The folder {folder} cannot be used ({error.strerror}). Name another by DATA.") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise Refusal(f"Another demo has the folder {folder}. End it, or name another by DATA.") from None
    return lock


def secret(folder: Path) -> str:
    """Return the key of this folder's shop, made once: sessions and links in mails outlive a restart."""
    file = folder / "secret-key"
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(secrets.token_urlsafe(40))
    return file.read_text()
