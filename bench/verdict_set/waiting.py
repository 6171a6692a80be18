"""Waiting, alone and beside computing."""

from __future__ import annotations

import asyncio
import os
import queue
import socket
import subprocess
import threading
import time

from verdict_set.cases import case


def compute(rounds: int) -> int:
    """Computes: a thousand rounds take about 60 us."""
    return sum(i * i for i in range(rounds))


async def _pause(seconds: float) -> None:
    await asyncio.sleep(seconds)


@case(0.02, coroutine=_pause)
def pause(seconds: float) -> None:
    """A wait that has a twin for the event loop."""
    time.sleep(seconds)


@case(0.02)
def event_wait(seconds: float) -> bool:
    """An event that does not come."""
    return threading.Event().wait(seconds)


@case(0.02)
def queue_get(seconds: float) -> bool:
    """A queue that stays empty."""
    try:
        queue.Queue[int]().get(timeout=seconds)
    except queue.Empty:
        return True
    return False


@case(0.002)
def short_pause(seconds: float) -> None:
    """A wait of two milliseconds."""
    time.sleep(seconds)


@case()
def socket_round_trip() -> bytes:
    """A question to a server that takes 20 ms to answer."""
    port = int(os.environ["LANEWAY_BENCH_ECHO"])
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(b"hello\n")
        return connection.recv(100)


@case()
def subprocess_sleep() -> int:
    """Another program that takes its time."""
    return subprocess.run(["sleep", "0.05"], check=True).returncode


async def _mostly_waiting(rounds: int, seconds: float) -> int:
    await asyncio.sleep(seconds)
    return compute(rounds)


@case(15_000, 0.03, coroutine=_mostly_waiting)
def wait_then_compute_little(rounds: int, seconds: float) -> int:
    """Thirty milliseconds of waiting and one of computing."""
    time.sleep(seconds)
    return compute(rounds)


@case(15_000, 0.03)
def blocking_wait_and_little(rounds: int, seconds: float) -> int:
    """The same; on the event loop it blocks."""
    time.sleep(seconds)
    return compute(rounds)


@case(150_000, 0.01)
def half_and_half(rounds: int, seconds: float) -> int:
    """As much computing as waiting."""
    result = compute(rounds)
    time.sleep(seconds)
    return result


@case(60_000, 0.012)
def a_quarter_computing(rounds: int, seconds: float) -> int:
    """Three times as much waiting as computing."""
    result = compute(rounds)
    time.sleep(seconds)
    return result


@case(300_000, 0.005)
def mostly_computing(rounds: int, seconds: float) -> int:
    """Four times as much computing as waiting."""
    result = compute(rounds)
    time.sleep(seconds)
    return result
