"""As much of Redis' protocol as the tests need, so that they need no client library."""

from __future__ import annotations

import socket
from types import TracebackType
from typing import TypeAlias, cast

from typing_extensions import Self

Answer: TypeAlias = "str | int | list[Answer] | None"


class Wire:
    """A connection to a server, past Laneway."""

    def __init__(self, port: int, password: str | None = None) -> None:
        self._connection = socket.create_connection(("127.0.0.1", port), 10)
        self._answers = self._connection.makefile("rb")
        if password is not None:
            try:
                self.ask("AUTH", password)
            except BaseException:
                self.close()
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Hangs up."""
        self._answers.close()
        self._connection.close()

    def ask(self, *words: str | bytes | int) -> Answer:
        """Sends a command and reads its answer; texts come decoded."""
        parts = [word if isinstance(word, bytes) else str(word).encode() for word in words]
        request = b"*%d\r\n" % len(parts)
        request += b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)
        self._connection.sendall(request)
        return self._answer()

    def text(self, *words: str | bytes | int) -> str:
        """Sends a command whose answer is a text."""
        return cast("str", self.ask(*words))

    def _answer(self) -> Answer:
        line = self._answers.readline()
        if not line:
            raise ConnectionError("the server closed the connection")
        kind, rest = line[:1], line[1:-2]
        if kind == b"-":
            raise ConnectionError(rest.decode())
        if kind == b"+":
            return rest.decode()
        if kind == b":":
            return int(rest)
        length = int(rest)
        if length < 0:
            return None
        if kind == b"$":
            return self._answers.read(length + 2)[:-2].decode()
        return [self._answer() for _ in range(length)]
