"""What `laneway.map` writes to standard error: a bar on a terminal, and one line on the lane."""

from __future__ import annotations

import contextlib
import sys
import time
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from typing import TextIO

AFTER_S = 0.4
EVERY_S = 0.1
BAR_CELLS = 24


class Progress:
    """Draws how far it is. Nothing is drawn for what is over in a blink."""

    __slots__ = ("_began", "_drawn", "_is_on", "_is_silent", "_next_at", "_said", "_total", "done")

    def __init__(self, total: int | None, *, wanted: bool | None) -> None:
        self._total = total
        self._is_silent = wanted is False
        self._is_on = wanted is True or (wanted is None and _is_terminal())
        self._began = time.monotonic()
        self._next_at = self._began + AFTER_S
        self._drawn = 0
        self._said = False
        self.done = 0

    def tick(self, failed: int) -> None:
        """Draws the bar if it is time.

        Args:
            failed: How many items failed so far.
        """
        if self._is_on and (now := time.monotonic()) >= self._next_at:
            self._next_at = now + EVERY_S
            self._write(self.line(now - self._began, failed))

    @property
    def next_in(self) -> float | None:
        """Seconds until the bar wants to be drawn again."""
        return max(0.0, self._next_at - time.monotonic()) if self._is_on else None

    def line(self, elapsed: float, failed: int) -> str:
        """The bar as text.

        Args:
            elapsed: Seconds since the begin.
            failed: How many items failed so far.
        """
        pace = self.done / elapsed if elapsed > 0 else 0.0
        parts = [f"{self.done:,}"]
        if self._total:
            share = min(1.0, self.done / self._total)
            cells = int(share * BAR_CELLS)
            parts = [
                f"[{'#' * cells}{'.' * (BAR_CELLS - cells)}] {self.done:,}/{self._total:,}",
                f"{share:.0%}",
            ]
        parts.append(f"{pace:,.1f}/s")
        if self._total and self.done:
            parts.append(f"eta {_clock((self._total - self.done) / pace)}")
        if failed:
            parts.append(f"{failed:,} failed")
        return "  ".join(parts)

    def say(self, text: str) -> None:
        """Writes a line of its own, once a run.

        Args:
            text: The line.
        """
        if not self._is_silent and not self._said:
            self._said = True
            self.close()
            write(f"laneway.map: {text}\n")

    def close(self) -> None:
        """Takes the bar away."""
        if self._drawn:
            write("\r" + " " * self._drawn + "\r")
            self._drawn = 0

    def _write(self, line: str) -> None:
        padding = " " * max(0, self._drawn - len(line))
        write("\r" + line + padding)
        self._drawn = len(line)


def _clock(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _is_terminal() -> bool:
    # A program without a console has no standard error.
    stream = cast("TextIO | None", sys.stderr)
    return stream is not None and stream.isatty()


def write(text: str) -> None:
    """Writes to standard error at once.

    Args:
        text: What to write.
    """
    # A line for people is no reason to end their run: standard error may be closed.
    with contextlib.suppress(AttributeError, OSError, ValueError):
        sys.stderr.write(text)
        sys.stderr.flush()
