"""The live board of the demo: bars on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable, Sequence

WIDTH_MAX = 40


class Board:
    """Shows how far each line of jobs is; redrawn in place on a terminal."""

    def __init__(self, rows: Sequence[tuple[str, str, int]]) -> None:
        self.rows = rows
        self.counts: Callable[[], list[int]] = lambda: [0 for _ in rows]
        self.is_terminal = sys.stdout.isatty()
        self.began = time.perf_counter()
        self.noted_at = self.began
        self._drawn_at = 0.0
        self._lines_drawn = 0

    def seconds_since_note(self) -> float:
        """Seconds since the last note."""
        return time.perf_counter() - self.noted_at

    def note(self, text: str) -> None:
        """Prints a line above the bars."""
        self._erase()
        self.noted_at = time.perf_counter()
        print(f"  {self.noted_at - self.began:5.1f} s  {text}", flush=True)
        self._drawn_at = 0.0
        self.draw()

    def draw(self) -> None:
        """Draws the bars again, on a terminal ten times a second, elsewhere every two seconds."""
        now = time.perf_counter()
        if now - self._drawn_at < (0.1 if self.is_terminal else 2.0):
            return
        self._drawn_at = now
        if self.is_terminal:
            self._erase()
            lines = self._bars(now)
            self._lines_drawn = len(lines)
            print("\n".join(lines), flush=True)
        else:
            parts = [
                f"{task} {done:,}/{total:,}"
                for (task, _, total), done in zip(self.rows, self.counts(), strict=True)
            ]
            print(f"  {now - self.began:5.1f} s  {'   '.join(parts)}", flush=True)

    def _bars(self, now: float) -> list[str]:
        width = max(10, min(WIDTH_MAX, shutil.get_terminal_size().columns - 60))
        lines: list[str] = []
        for (task, lane, total), done in zip(self.rows, self.counts(), strict=True):
            filled = int(width * done / max(total, 1))
            bar = "█" * filled + "░" * (width - filled)
            rate = done / (now - self.began)
            lines.append(f"  {lane:<8} {task:<14} {bar} {done:>6,}/{total:<6,} {rate:7.1f}/s")
        lines.append(f"  {now - self.began:5.1f} s")
        return lines

    def _erase(self) -> None:
        if self._lines_drawn:
            print(f"\033[{self._lines_drawn}F\033[J", end="")
            self._lines_drawn = 0
