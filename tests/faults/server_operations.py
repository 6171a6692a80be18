"""Ways to break what lies behind a worker and a producer: servers, networks and files."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from operations import KILLS, PAUSES, System
from stores import HOLDER, OwnStore, ask, lock_file

from servers import PostgresServer, Proxy, RedisServer, Server

Fault = Callable[[random.Random], None]


def crash_server(server: Server, _: random.Random) -> None:
    """The server dies at once and comes back on what it had written."""
    server.crash()
    server.start()


def restart_server(server: Server, _: random.Random) -> None:
    """The server is stopped in good order and started again."""
    server.restart()


def pause_server(server: Server, chance: random.Random) -> None:
    """The server says nothing for a while, as on a machine that is frozen."""
    server.send_signal(signal.SIGSTOP)
    time.sleep(chance.uniform(0.1, 0.7))
    server.send_signal(signal.SIGCONT)


def flush_scripts(server: RedisServer, chance: random.Random) -> None:
    """The server forgets every script."""
    for _ in range(chance.randint(1, 30)):
        ask(server, "SCRIPT FLUSH")


def kill_clients(server: RedisServer, chance: random.Random) -> None:
    """The server closes every connection, some while an answer is on its way."""
    for _ in range(chance.randint(1, 5)):
        ask(server, "CLIENT KILL TYPE normal SKIPME yes", "CLIENT KILL TYPE pubsub")


def terminate_backends(server: PostgresServer, chance: random.Random) -> None:
    """The server ends the processes of every connection."""
    with psycopg.connect(server.url, autocommit=True) as connection:
        for _ in range(chance.randint(1, 5)):
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() "
                "AND application_name <> %s",
                (HOLDER,),
            )
            time.sleep(chance.uniform(0.0, 0.1))


def cut_connections(network: Proxy, chance: random.Random) -> None:
    """Every connection is cut, some in the middle of a request or an answer."""
    for _ in range(chance.randint(1, 5)):
        network.cut()
        time.sleep(chance.uniform(0.0, 0.1))


def freeze_connections(network: Proxy, chance: random.Random) -> None:
    """Nothing arrives for a while, sometimes for longer than a lease; then everything does."""
    network.hold()
    time.sleep(chance.uniform(0.1, 2.0))
    network.release()


def lose_answers(network: Proxy, chance: random.Random) -> None:
    """What is asked reaches the server and happens; the answers are lost, and then the way."""
    for _ in range(chance.randint(1, 3)):
        with network.losing_answers():
            time.sleep(chance.uniform(0.05, 0.4))
        time.sleep(chance.uniform(0.0, 0.2))


def lock_database(url: str, chance: random.Random) -> None:
    """Another program keeps the lock of the database for a while."""
    lock_file(Path(urlsplit(url).path), chance.uniform(0.1, 1.5))


def faults_of(system: System, store: OwnStore) -> dict[str, Fault]:
    """Everything that can happen to a system on such a store, by name."""
    faults: dict[str, Fault] = {op.__name__: partial(op, system) for op in (*KILLS, *PAUSES)}
    if store.server is not None:
        of_servers = (crash_server, restart_server, pause_server)
        faults |= {op.__name__: partial(op, store.server) for op in of_servers}
    if store.network is not None:
        of_networks = (cut_connections, freeze_connections, lose_answers)
        faults |= {op.__name__: partial(op, store.network) for op in of_networks}
    if isinstance(store.server, RedisServer):
        of_redis = (flush_scripts, kill_clients)
        faults |= {op.__name__: partial(op, store.server) for op in of_redis}
    elif isinstance(store.server, PostgresServer):
        faults[terminate_backends.__name__] = partial(terminate_backends, store.server)
    else:
        faults[lock_database.__name__] = partial(lock_database, store.url)
    return faults
