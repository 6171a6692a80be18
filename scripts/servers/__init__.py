"""Real Redis and PostgreSQL servers for tests and benchmarks.

Each server lives in a temporary folder, listens on a private loopback port and a Unix socket, and
ends with whoever started it, however that ends.
"""

from servers.pgbouncer import PgBouncer
from servers.postgres import PostgresServer, PostgresStandby
from servers.process import Server, ServerFailedError
from servers.programs import ProgramMissingError
from servers.proxy import Proxy
from servers.redis import RedisServer

__all__ = [
    "PgBouncer",
    "PostgresServer",
    "PostgresStandby",
    "ProgramMissingError",
    "Proxy",
    "RedisServer",
    "Server",
    "ServerFailedError",
]
