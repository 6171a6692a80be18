"""Empties the store before each drain, so that every queue finds it alike."""

from __future__ import annotations

import os
import time

import psycopg
import redis

STORE = os.environ.get("PEERS_STORE", "")
KIND = "postgres" if STORE.startswith("postgres") else "redis"


def client() -> redis.Redis:
    """A connection to the Redis server, for what a queue itself has no word for."""
    return redis.Redis.from_url(STORE)


def clear_redis() -> None:
    """Deletes everything, and rewrites the append-only file, which would else only grow."""
    with client() as server:
        server.flushall()
        server.bgrewriteaof()
        while server.info("persistence")["aof_rewrite_in_progress"]:
            time.sleep(0.02)


def clear_postgres() -> None:
    """Makes a database of its own for the next queue."""
    # The server's own URL ends with its first database, and the queues' with one beside it.
    parent, _, name = STORE.rpartition("/")
    with psycopg.connect(f"{parent}/postgres", autocommit=True) as server:
        server.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())
        server.execute(f"CREATE DATABASE {name}".encode())
        server.execute("CHECKPOINT")


def waiting_in_streams() -> int:
    """How many entries of all streams a group has not read, or not acknowledged."""
    waiting = 0
    with client() as server:
        for stream in server.scan_iter(_type="stream"):
            for group in server.xinfo_groups(stream):
                # What follows the last entry that was read is counted here, and not by `lag`, which
                # is unknown where a queue deletes what it has acknowledged.
                unread = server.xrange(stream, min=b"(" + group["last-delivered-id"])
                waiting += group["pending"] + len(unread)
    return waiting


def count(question: str) -> int:
    """The number that a question to the PostgreSQL server is answered with."""
    with psycopg.connect(STORE) as server:
        row = server.execute(question.encode()).fetchone()
        return row[0] if row else 0


if __name__ == "__main__":
    {"redis": clear_redis, "postgres": clear_postgres}[KIND]()
