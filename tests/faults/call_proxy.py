"""A network that knows where a request and an answer end, to strike at exactly one of them."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from types import TracebackType

from typing_extensions import Self

from servers.process import free_port
from servers.proxy import close, connections, url_through

CHUNK = 65_536
#: Gives where the unit that begins at the buffer's start ends; 0 when more must come first.
Cut = Callable[[bytearray], int]


class Side(Enum):
    """What is counted."""

    #: Just before a request reaches the server: the call has not happened.
    REQUEST = "request"
    #: Just before an answer reaches the client: the call has happened, and nobody knows.
    ANSWER = "answer"


@dataclass
class Strike:
    """What happens at the so-manyth request or answer; that one is not passed on."""

    side: Side
    nth: int
    deed: Callable[[], None]
    seen: int = 0
    is_done: bool = False


class CallProxy:
    """Passes connections to a port of 127.0.0.1 on to another one, unit by unit.

    Attributes:
        port: Where clients connect to.
    """

    def __init__(self, target: int, kind: str) -> None:
        self.target = target
        self.kind = kind
        self.port = free_port()
        self._lock = threading.Lock()
        self._strike: Strike | None = None
        self._listener = socket.socket()

    def url(self, url: str) -> str:
        """The URL of the server as it is through here."""
        return url_through(url, self.port)

    def arm(self, strike: Strike | None) -> None:
        """Counts from now on for this strike, and for no other."""
        with self._lock:
            self._strike = strike

    def __enter__(self) -> Self:
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind(("127.0.0.1", self.port))
        self._listener.listen(128)
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        for client, server in connections(self._listener, self.target):
            asked, answered = (
                (resp_unit, resp_unit) if self.kind == "redis" else (PgRequests(), pg_answer)
            )
            for source, sink, cut, side in (
                (client, server, asked, Side.REQUEST),
                (server, client, answered, Side.ANSWER),
            ):
                threading.Thread(
                    target=self._pump, args=(source, sink, cut, side), daemon=True
                ).start()

    def _pump(self, source: socket.socket, sink: socket.socket, cut: Cut, side: Side) -> None:
        buffer = bytearray()
        with contextlib.suppress(OSError):
            while chunk := source.recv(CHUNK):
                buffer += chunk
                while end := cut(buffer):
                    if self._falls(side):
                        close(source, sink)
                        return
                    sink.sendall(buffer[:end])
                    del buffer[:end]
        close(source, sink)

    def _falls(self, side: Side) -> bool:
        """Counts one unit; does the deed when it is the one."""
        with self._lock:
            strike = self._strike
            if strike is None or strike.is_done or strike.side != side:
                return False
            strike.seen += 1
            if strike.seen < strike.nth:
                return False
            strike.is_done = True
            strike.deed()
            return True


def resp_unit(buffer: bytearray) -> int:
    """One request or answer of Redis' protocol."""
    try:
        return resp_end(buffer, 0)
    except IndexError:
        return 0


def resp_end(buffer: bytearray, start: int) -> int:
    """Where the value ends that begins at `start`; `IndexError` when not all of it is there."""
    line_end = buffer.find(b"\r\n", start)
    if line_end < 0:
        raise IndexError
    kind, end = bytes(buffer[start : start + 1]), line_end + 2
    if kind in {b"$", b"=", b"!"}:
        length = int(buffer[start + 1 : line_end])
        end += length + 2 if length >= 0 else 0
    elif kind in {b"*", b"~", b">", b"%"}:
        values = int(buffer[start + 1 : line_end]) * (2 if kind == b"%" else 1)
        for _ in range(max(values, 0)):
            end = resp_end(buffer, end)
    if end > len(buffer):
        raise IndexError
    return end


class PgRequests:
    """Requests of PostgreSQL's protocol: all messages until the client waits for an answer."""

    #: Query, Sync, the parts of a login, the end.
    LAST = frozenset(b"QSpX")

    def __init__(self) -> None:
        self._has_begun = False

    def __call__(self, buffer: bytearray) -> int:
        if not self._has_begun:
            # The first message has no type.
            end = pg_message_end(buffer, -1)
            self._has_begun = end > 0
            return end
        return pg_unit(buffer, lambda at: buffer[at] in self.LAST)


def pg_answer(buffer: bytearray) -> int:
    """An answer of PostgreSQL's protocol: all messages until it is the client's turn."""

    def is_last(at: int) -> bool:
        # ReadyForQuery, and what a login asks for. A notification comes by itself.
        is_login = buffer[at] == ord("R") and any(buffer[at + 5 : at + 9])
        return buffer[at] == ord("Z") or is_login or (at == 0 and buffer[at] == ord("A"))

    return pg_unit(buffer, is_last)


def pg_unit(buffer: bytearray, is_last: Callable[[int], bool]) -> int:
    """The end of the first message for which this holds; 0 when it is not there."""
    at = 0
    while end := pg_message_end(buffer, at):
        if is_last(at):
            return end
        at = end
    return 0


def pg_message_end(buffer: bytearray, at: int) -> int:
    """Where a message ends whose type is at this place; 0 when not all of it is there."""
    if len(buffer) < at + 5:
        return 0
    end = at + 1 + int.from_bytes(buffer[at + 1 : at + 5], "big")
    return end if end <= len(buffer) else 0
