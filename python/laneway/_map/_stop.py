"""The end before the end: Ctrl-C, and an item whose error ends the run.

The first Ctrl-C only asks. Nothing new starts, and what runs is given `GRACE_S`; the second one
raises `KeyboardInterrupt` where the caller waits.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from types import FrameType

GRACE_S = 2.0


class Stop:
    """Whether and why the run shall end, and who has to be woken for it."""

    __slots__ = ("_timer", "deadline", "is_forced", "is_main_inside", "requested", "wake", "why")

    def __init__(self) -> None:
        self.requested = False
        self.why: BaseException | None = None
        self.deadline: float | None = None
        self.wake: Callable[[], None] | None = None
        # Whether an item runs in the thread that handles signals; only a signal can end it.
        self.is_main_inside = False
        self.is_forced = False
        self._timer: threading.Timer | None = None

    def fail(self, why: BaseException) -> None:
        """An item failed, and that ends the run at once.

        Args:
            why: What it raised.
        """
        if self.why is None:
            self.why = why
        self.requested = True
        self.deadline = time.monotonic()
        self._ring()

    def interrupt(self) -> None:
        """Ctrl-C was pressed."""
        if self.requested:
            if self.is_forced and not self.is_main_inside:
                # The timer's signal came late: the item that it was meant for has ended.
                self.is_forced = False
                return
            raise KeyboardInterrupt
        self.requested = True
        self.deadline = time.monotonic() + GRACE_S
        self._ring()
        if self.is_main_inside:
            self._timer = threading.Timer(GRACE_S, self._force)
            self._timer.daemon = True
            self._timer.start()

    @property
    def is_over(self) -> bool:
        """Whether the time that was given to running items has passed."""
        return self.deadline is not None and time.monotonic() >= self.deadline

    def _ring(self) -> None:
        if self.wake is not None:
            self.wake()

    def _force(self) -> None:
        if self.is_main_inside:
            self.is_forced = True
            # To the main thread, so that a system call that it waits in returns.
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    def close(self) -> None:
        """Forgets what was planned."""
        if self._timer is not None:
            self._timer.cancel()


@contextlib.contextmanager
def ctrl_c(stop: Stop) -> Generator[None]:
    """Lets Ctrl-C end the run in an orderly way, where Python would raise `KeyboardInterrupt`.

    A program that has a handler of its own keeps it, and so does one that calls from a thread that
    is not its main one: there Ctrl-C does what it would do without Laneway.

    Args:
        stop: What Ctrl-C asks to stop.
    """

    def handle(_number: int, _frame: FrameType | None) -> None:
        if not stop.requested:
            # Standard error may be in the middle of a write that this handler interrupts.
            with contextlib.suppress(OSError):
                os.write(2, b"\nlaneway.map: stopping; Ctrl-C again stops at once\n")
        stop.interrupt()

    is_ours = (
        threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    )
    if not is_ours:
        yield
        return
    signal.signal(signal.SIGINT, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        stop.close()
