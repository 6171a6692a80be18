"""A process may be forked at any moment, and its child can measure.

A fork copies locks but not the threads that hold them. Children once hung when a thread without the
GIL read the name of what blocks the loop, or asked for the watchdog, at the moment of the fork; and
in a runner, where threads send what they measure, when they told of their progress, ended an
attempt, or just ended and let go of everything.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from laneway._bridge import Account, ProfileRecorder, Watchdog
from laneway._metering import metered

FORKS = 300

RUNNER = """
import gc, os, signal, sys, threading, time
from laneway._bridge import ProfileBook, RunnerChannel, Watchdog

channel = RunnerChannel(0)
book = ProfileBook(channel, "cpython-test")
watchdog = Watchdog(1.0)
watchdog.start()
task = book.task("forks")
is_over = threading.Event()


def again_and_again(act):
    while not is_over.is_set():
        act()


def run():
    task.thread().end(1, 1, 0)


def refuses(act):
    try:
        act()
    except Exception as error:
        return error.args[0] == "LW1008"
    return False


def live_as_a_child(meter):
    global book, channel, task, watchdog
    reports = [(1, 0.5, None, "in a child")]
    acts = (
        lambda: channel.progress(reports),
        lambda: channel.done([(1, (1, 1), b"")]),
        lambda: book.flush(),
        lambda: watchdog.start(),
    )
    are_refused = all([refuses(act) for act in acts])
    meter.end(1, 1, 0)
    run()
    found = watchdog.take(), watchdog.acquitted()
    watchdog.stop()
    del book, channel, task, watchdog, acts, meter
    gc.collect()
    os._exit(0 if are_refused and found == ([], (0, 0)) else 1)


def has_ended_well(child):
    until = time.monotonic() + 10
    while time.monotonic() < until:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return status == 0
        time.sleep(0.0002)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return False


acts = (book.flush, book.flush, watchdog.take, run)
threads = [threading.Thread(target=again_and_again, args=[act]) for act in acts]
for thread in threads:
    thread.start()
del acts, thread
for number in range(int(sys.argv[1])):
    meter = task.thread()
    child = os.fork()
    if child == 0:
        # What the threads of the parent held is not this process's to let go of.
        del threads[:]
        live_as_a_child(meter)
    meter.end(1, 1, 0)
    if not has_ended_well(child):
        print(f"the child of fork {number} hangs or measures wrongly")
        break
is_over.set()
for thread in threads:
    thread.join()
"""

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork"),
    pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning"),
    pytest.mark.timeout(60),
]


def has_ended_well(child: int) -> bool:
    until = time.monotonic() + 10
    while time.monotonic() < until:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return status == 0
        time.sleep(0.0002)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return False


def test_a_child_that_is_forked_while_others_measure_can_measure(tmp_path: Path) -> None:
    watchdog = Watchdog(1.0)
    recorder = ProfileRecorder(str(tmp_path), "cpython-test")
    is_over = threading.Event()

    def again_and_again(act: Callable[[], object]) -> None:
        while not is_over.is_set():
            act()

    async def forks() -> None:
        """One long step, so that there is a loop to name while it is blocked."""
        for number in range(FORKS):
            child = os.fork()
            if child == 0:
                is_named = Account(f"child {number}").label == f"child {number}"
                is_free = Watchdog.current() is None
                os._exit(0 if is_named and is_free else 1)
            assert has_ended_well(child), f"the child of fork {number} hangs or measures wrongly"

    acts = (recorder.write, Watchdog.current, Watchdog.current)
    threads = [threading.Thread(target=again_and_again, args=[act]) for act in acts]
    watchdog.start()
    for thread in threads:
        thread.start()
    try:
        asyncio.run(metered(forks(), Account("forks")))
    finally:
        is_over.set()
        for thread in threads:
            thread.join()
        watchdog.stop()


def test_a_child_that_is_forked_in_a_runner_ends_without_its_parents_locks() -> None:
    ours, theirs = socket.socketpair()

    def read_all() -> None:
        while ours.recv(1 << 16):
            pass

    reader = threading.Thread(target=read_all)
    with ours:
        with theirs:
            runner = subprocess.Popen(
                [sys.executable, "-Wignore", "-c", RUNNER, str(FORKS)],
                stdin=theirs.fileno(),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        reader.start()
        try:
            said, _ = runner.communicate(timeout=50)
        finally:
            runner.kill()
            runner.wait()
            reader.join()
    assert (runner.returncode, said) == (0, "")
