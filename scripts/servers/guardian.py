"""The parent process of one server: it ends the server when its own owner ends.

The owner holds the other end of standard input. An owner that is killed closes it as well as one
that returns, so that not even `kill -9` leaves a server behind. The guardian is in a session of its
own: what a terminal or a CI sends to the owner's process group does not reach it.

Commands on standard input, a line each: `signal N` sends a signal to the server, `stop` ends it and
keeps its folder. End of file ends it and removes its folder. On standard output: `started PID`,
`refused REASON`, `ended STATUS`.
"""

from __future__ import annotations

import ctypes
import json
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

# A server that has not stopped by then is killed.
STOP_SECONDS = 30
PR_SET_PDEATHSIG = 1


def say(word: str, value: object) -> None:
    """Tell the owner, who may be gone already."""
    try:
        sys.stdout.write(f"{word} {value}\n")
        sys.stdout.flush()
    except BrokenPipeError:
        pass


def start(order: dict[str, Any]) -> subprocess.Popen[bytes]:
    """Start the server as the user of the order, in a process group of its own."""
    prctl = getattr(ctypes.CDLL(None), "prctl", None) if sys.platform == "linux" else None
    stop_signal: int = order["stop_signal"]

    def die_with_guardian() -> None:
        if prctl is not None:
            prctl(PR_SET_PDEATHSIG, stop_signal)

    folder = Path(order["folder"])
    with (folder / "server.log").open("ab") as log:
        # This process has one thread yet, so running Python between fork and exec is safe.
        return subprocess.Popen(
            order["command"],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=die_with_guardian,  # noqa: PLW1509
            user=order["user"],
            group=order["group"],
            extra_groups=order["groups"],
        )


def stop(server: subprocess.Popen[bytes], stop_signal: int) -> None:
    """End the server in its own way, and by force when it takes too long."""
    server.send_signal(stop_signal)
    try:
        server.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def main() -> None:
    """Guard one server until the owner lets go of it."""
    order: dict[str, Any] = json.loads(sys.argv[1])
    try:
        server = start(order)
    except (OSError, subprocess.SubprocessError) as error:
        say("refused", error)
        return
    say("started", server.pid)
    threading.Thread(target=lambda: say("ended", server.wait()), daemon=True).start()
    keeps_folder = False
    for line in sys.stdin:
        command, _, number = line.strip().partition(" ")
        if command == "stop":
            keeps_folder = True
            break
        server.send_signal(int(number))
    stop(server, order["stop_signal"])
    if not keeps_folder:
        shutil.rmtree(order["folder"], ignore_errors=True)


if __name__ == "__main__":
    main()
