"""A little name server on the loopback: a zone in a dict, over UDP and TCP."""

from __future__ import annotations

import socket
import socketserver
import struct
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

Zone = Mapping[str, Mapping[str, Sequence[str]]]
"""Name → type → records; a name that is not there does not exist. Type ``FAIL``: the server fails over it."""


def txt(text: str) -> str:
    """Return a TXT record of any length, in pieces of 255."""
    return " ".join(f'"{text[at : at + 255]}"' for at in range(0, len(text), 255))


class NameServer:
    """Answers out of ``zone``, which a test may change; ``asked`` holds what it was asked."""

    def __init__(self) -> None:
        self.zone: dict[str, dict[str, list[str]]] = {}
        self.asked: list[tuple[str, str]] = []
        self.address = ""

    def put(self, name: str, kind: str, *records: str) -> None:
        """Give a name records of a kind, in place of those it has."""
        self.zone.setdefault(name, {})[kind] = [txt(one) if kind == "TXT" else one for one in records]

    def answer(self, packet: bytes, *, udp: bool) -> bytes:
        asked = dns.message.from_wire(packet)
        question = asked.question[0]
        name, kind = question.name.to_text(omit_final_dot=True).lower(), dns.rdatatype.to_text(question.rdtype)
        self.asked.append((name, kind))
        reply = dns.message.make_response(asked)
        reply.flags |= dns.flags.RA
        there = self.zone.get(name)
        below = any(known.endswith(f".{name}") for known in self.zone)
        if there is None and not below:
            reply.set_rcode(dns.rcode.NXDOMAIN)
        elif there and "FAIL" in there:
            reply.set_rcode(dns.rcode.SERVFAIL)
        elif records := (there or {}).get(kind):
            reply.answer.append(dns.rrset.from_text(question.name, 60, "IN", kind, *records))
        wire = reply.to_wire()
        if udp and len(wire) > 1200:
            reply.answer.clear()
            reply.flags |= dns.flags.TC
            wire = reply.to_wire()
        return wire


@contextmanager
def running() -> Iterator[NameServer]:
    """Run a name server on a free port; its ``address`` is for ``NAME_SERVERS``."""
    server = NameServer()

    class Udp(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            packet, line = self.request
            line.sendto(server.answer(packet, udp=True), self.client_address)

    class Tcp(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            head = self.request.recv(2)
            if len(head) == 2:
                wire = server.answer(self.request.recv(struct.unpack("!H", head)[0]), udp=False)
                self.request.sendall(struct.pack("!H", len(wire)) + wire)

    udp, tcp = _pair(Udp, Tcp)
    tcp.daemon_threads = udp.daemon_threads = True
    for one in (udp, tcp):
        threading.Thread(target=one.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    server.address = f"127.0.0.1:{udp.server_address[1]}"
    try:
        yield server
    finally:
        for one in (udp, tcp):
            one.shutdown()
            one.server_close()


def _pair(udp_handler: Any, tcp_handler: Any) -> tuple[Any, Any]:
    """Return servers of both kinds on one port, which another process may take for one of them meanwhile."""
    while True:
        udp = socketserver.ThreadingUDPServer(("127.0.0.1", 0), udp_handler)
        try:
            return udp, socketserver.ThreadingTCPServer(udp.server_address, tcp_handler)
        except OSError:
            udp.server_close()


@contextmanager
def deaf() -> Iterator[str]:
    """Hold a port on which nobody answers; yield its address."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as held:
        held.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{held.getsockname()[1]}"
