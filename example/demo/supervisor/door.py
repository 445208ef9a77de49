import errno
import os
import socket

from example.demo.supervisor.refusal import Refusal


def listen(port: int) -> socket.socket:
    """Take the port of the loopback and keep it; the web server inherits it.

    It listens already, so nobody else can take the port while the shop is being prepared.
    Raises Refusal where it is taken or not allowed.
    """
    if not 0 < port < 65536:
        raise Refusal(f"There is no port {port}. Name one between 1024 and 65535, for example: make demo PORT=8081")
    try:
        return socket.create_server(("127.0.0.1", port), backlog=128)
    except OSError as error:
        taken = error.errno == errno.EADDRINUSE
        reason = "is taken" if taken else f"cannot be used ({os.strerror(error.errno or 0).lower()})"
        raise Refusal(
            f"Port {port} {reason}. Name another, for example: make demo PORT={8081 + (port == 8081)}"
        ) from error


def free() -> int:
    """Return a port of the loopback that nobody has at this moment."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]
