"""A network between a client and a server that can be cut, held up and taken down."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from servers.process import free_port

if TYPE_CHECKING:
    from collections.abc import Generator
    from types import TracebackType

    from typing_extensions import Self

CHUNK = 65_536
# A socket that is closed with this set tells the other end of a reset, as a cut connection does.
RESET_AT_CLOSE = struct.pack("ii", 1, 0)


class Proxy:
    """Passes connections to a port of 127.0.0.1 on to another one.

    Attributes:
        port: Where clients connect to.
    """

    def __init__(self, target: int) -> None:
        """Stand in front of the port `target`."""
        self.target = target
        self.port = free_port()
        self._lock = threading.Lock()
        self._pairs: set[tuple[socket.socket, socket.socket]] = set()
        # Connections whose answers are thrown away. One that lost a byte must never pass another.
        self._deaf: set[tuple[socket.socket, socket.socket]] = set()
        self._flows = threading.Event()
        self._flows.set()
        self._listener: socket.socket | None = None

    def url(self, url: str) -> str:
        """Give the URL of a server as it is through here."""
        return url_through(url, self.port)

    def up(self) -> None:
        """Take connections."""
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen(128)
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def down(self) -> None:
        """Cut every connection and refuse new ones, until `up`."""
        with self._lock:
            listener, self._listener = self._listener, None
        if listener is not None:
            # Only a shutdown wakes the thread that waits for a connection.
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        self.cut()

    def cut(self) -> int:
        """Cut every connection; new ones are taken. Gives how many there were."""
        with self._lock:
            pairs, self._pairs = self._pairs, set()
        for pair in pairs:
            close(*pair)
        return len(pairs)

    @contextlib.contextmanager
    def losing_answers(self) -> Generator[None]:
        """Throw away what the server answers to the present connections, and cut them at the end.

        What clients ask still reaches the server, so it happens, and nobody hears of it.
        """
        with self._lock:
            self._deaf = set(self._pairs)
        try:
            yield
        finally:
            self.cut()

    def hold(self) -> None:
        """Let no byte pass in either direction, as a network that loses every packet."""
        self._flows.clear()

    def release(self) -> None:
        """Let bytes pass again, first those that were held."""
        self._flows.set()

    def __enter__(self) -> Self:
        self.up()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()
        self.down()

    def _accept(self, listener: socket.socket) -> None:
        for pair in connections(listener, self.target):
            with self._lock:
                # One that was taken while the network went down is down, too.
                is_up = self._listener is listener
                if is_up:
                    self._pairs.add(pair)
            if not is_up:
                close(*pair)
                return
            for source, sink in (pair, pair[::-1]):
                threading.Thread(target=self._pump, args=(source, sink, pair), daemon=True).start()

    def _pump(
        self,
        source: socket.socket,
        sink: socket.socket,
        pair: tuple[socket.socket, socket.socket],
    ) -> None:
        try:
            while chunk := source.recv(CHUNK):
                self._flows.wait()
                if pair in self._deaf and source is pair[1]:
                    continue
                sink.sendall(chunk)
        except OSError:
            pass
        with self._lock:
            self._pairs.discard(pair)
        close(*pair)


def url_through(url: str, port: int) -> str:
    """Give the URL of a server as it is through a port of 127.0.0.1."""
    parts = urlsplit(url)
    account, at, _ = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{account}{at}127.0.0.1:{port}"))


def connections(
    listener: socket.socket, target: int
) -> Generator[tuple[socket.socket, socket.socket]]:
    """Take connections until the listener is closed; give each with one to the port `target`."""
    while True:
        try:
            client, _ = listener.accept()
        except OSError:
            return
        try:
            server = socket.create_connection(("127.0.0.1", target))
        except OSError:
            close(client)
            continue
        for end in (client, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield client, server


def close(*ends: socket.socket) -> None:
    """Close sockets so that both their ends hear of it at once."""
    for end in ends:
        with contextlib.suppress(OSError):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_CLOSE)
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()
