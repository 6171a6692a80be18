"""The thread that looks on while items run inline."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING

from laneway._bridge import ThreadClocks
from laneway._map._clocks import read
from laneway._map._inline import CUT_S

if TYPE_CHECKING:
    from collections.abc import Callable

    from laneway._map._clocks import Reading
    from laneway._map._decision import Gil
    from laneway._map._inline import Inline

NAME = "laneway-map-lookout"
PAUSE_FIRST_S = 0.003
PAUSE_MAX_S = 0.05


class Lookout:
    """Wakes up now and then, ever more seldom, and looks at the thread that runs the items."""

    def __init__(self, inline: Inline, take_over: Callable[[Reading], bool]) -> None:
        self._inline = inline
        self._take_over = take_over
        self._free = 0
        self._held = 0
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._look, name=NAME, daemon=True)
        self.error: BaseException | None = None
        self._thread.start()

    @property
    def gil(self) -> Gil:
        """Whether items that compute keep the GIL, as far as it was seen."""
        if self._free + self._held == 0:
            return "unknown"
        return "free" if self._free > self._held else "held"

    def finish(self) -> None:
        """Waits until it has ended, and with it the lane that it started, if it did."""
        self._end.set()
        self._thread.join()
        if self.error is not None:
            raise self.error

    def _look(self) -> None:
        try:
            self._watch()
        except BaseException as raised:  # noqa: BLE001 - raised again where the caller waits
            self.error = raised

    def _watch(self) -> None:
        inline = self._inline
        clocks = ThreadClocks()
        pause = PAUSE_FIRST_S
        seen, serial = read(inline.clocks), inline.serial
        while True:
            before = read(clocks)
            if self._end.wait(pause):
                return
            now = read(inline.clocks)
            passed = now.since(seen)
            own = read(clocks).since(before)
            if passed.cpu > passed.wall / 2:
                # Who has slept wants the GIL. Who waits for it long does not get it.
                late = own.wall - own.queued - pause
                if late > sys.getswitchinterval() / 2:
                    self._held += 1
                else:
                    self._free += 1
            if serial == inline.serial and self._handle_long_item(now):
                return
            seen, serial = now, inline.serial
            pause = min(2 * pause, PAUSE_MAX_S)

    def _handle_long_item(self, now: Reading) -> bool:
        inline = self._inline
        inside = now.since(inline.began)
        with inline.gate:
            if not inline.chunk:
                return False
            if len(inline.chunk) > len(inline.done) + 1:
                if inside.wall > CUT_S:
                    inline.cut()
                return False
        if inside.waiting < inside.wall / 2:
            return False
        return self._take_over(inside)
