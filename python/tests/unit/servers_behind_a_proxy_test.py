"""The proxy with which tests cut the network between a client and a server."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from servers import Proxy, RedisServer


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


@pytest.fixture
def proxy(server: RedisServer) -> Iterator[Proxy]:
    with Proxy(server.port) as proxy:
        yield proxy


def connection(proxy: Proxy, server: RedisServer) -> socket.socket:
    """A connection that is logged in."""
    client = socket.create_connection(("127.0.0.1", proxy.port), 5)
    assert ask(client, f"AUTH {server.password}") == b"+OK\r\n"
    return client


def ask(client: socket.socket, command: str) -> bytes:
    client.sendall(f"{command}\r\n".encode())
    return client.recv(4096)


#: How a system tells a reset: of a connection that the other end has closed before, as a pipe's.
RESET = (ConnectionResetError, BrokenPipeError)


def is_cut(client: socket.socket) -> bool:
    with client:
        try:
            return client.recv(1) == b""
        except RESET:
            return True


def test_bytes_pass_and_the_url_leads_here(proxy: Proxy, server: RedisServer) -> None:
    with connection(proxy, server) as client:
        assert ask(client, "PING") == b"+PONG\r\n"
    url = proxy.url(server.url)
    assert url == f"redis://:{server.password}@127.0.0.1:{proxy.port}/0"


def test_a_cut_ends_what_is_open_and_not_what_comes(proxy: Proxy, server: RedisServer) -> None:
    clients = [connection(proxy, server) for _ in range(3)]
    assert proxy.cut() == 3
    assert all(is_cut(client) for client in clients)
    with connection(proxy, server) as client:
        assert ask(client, "PING") == b"+PONG\r\n"


def test_what_is_held_arrives_later(proxy: Proxy, server: RedisServer) -> None:
    with connection(proxy, server) as client:
        proxy.hold()
        client.sendall(b"PING\r\n")
        client.settimeout(0.2)
        with pytest.raises(TimeoutError):
            client.recv(1)
        proxy.release()
        client.settimeout(5)
        assert client.recv(4096) == b"+PONG\r\n"


def test_a_network_that_is_down_refuses_until_it_is_up(proxy: Proxy, server: RedisServer) -> None:
    client = connection(proxy, server)
    proxy.down()
    assert is_cut(client)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", proxy.port), 5)
    proxy.up()
    with connection(proxy, server) as again:
        assert ask(again, "PING") == b"+PONG\r\n"


def test_a_server_that_is_away_closes_the_connection(server: RedisServer) -> None:
    with Proxy(1) as proxy:
        try:
            client = socket.create_connection(("127.0.0.1", proxy.port), 5)
        except RESET:
            return  # It was so quick that connecting tells it.
        assert is_cut(client)
