"""The items that are still to be run: new ones as they are asked for, and ones to be tried again.

Nothing is read ahead: an endless generator gives an item when there is a place for it to run.
"""

from __future__ import annotations

import contextlib
import heapq
from collections.abc import Iterable, Sequence, Sized
from collections.abc import Set as AbstractSet
from itertools import islice
from typing import Any, NamedTuple, cast


class Ticket(NamedTuple):
    """One attempt at one item."""

    place: int
    """The item's place among all, from 0 on."""
    item: Any
    attempt: int
    """1 for the first."""


class Feed:
    """Hands out tickets. It is used by one thread at a time."""

    __slots__ = ("_again", "_back", "_items", "_source", "exhausted", "is_plain", "size", "taken")

    def __init__(self, items: Iterable[Any]) -> None:
        self._items = items
        self._source = iter(items)
        self._again: list[tuple[float, int, Ticket]] = []
        self._back: list[Any] = []
        self.taken = 0
        self.exhausted = False
        self.size: int | None = None
        if isinstance(items, Sized):
            # Some, such as a progress bar around a generator, have a length that nobody knows.
            with contextlib.suppress(TypeError):
                self.size = len(items)
        # Iterating these runs no code of the caller that could depend on the thread.
        self.is_plain = isinstance(items, Sequence | AbstractSet)

    @property
    def left(self) -> int | None:
        """How many items have not been taken, if that is known."""
        if self.exhausted:
            return len(self._back)
        return None if self.size is None else max(0, self.size - self.taken)

    @property
    def has_ended(self) -> bool:
        """Whether no new item can come, as far as that can be told without asking for one.

        Who has to wait before the next start must not wait only to find that out.
        """
        if self._back:
            return False
        if self.exhausted or not self.is_plain or self.size is None:
            return self.exhausted
        # The length is asked again: a list may have grown.
        return self.taken >= len(cast("Sized", self._items))

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing more to hand out, now or later."""
        return not self._again and self.has_ended

    @property
    def has_more(self) -> bool:
        """Whether something is likely to come; an iterable of unknown length may still end."""
        return self.left != 0 or self.due is not None

    @property
    def due(self) -> float | None:
        """When the next attempt at an item that failed may start."""
        return self._again[0][0] if self._again else None

    def next(self, now: float) -> Ticket | None:
        """The next ticket that may start now.

        Args:
            now: The monotonic time.
        """
        if self._again and self._again[0][0] <= now:
            return heapq.heappop(self._again)[2]
        if self._back:
            self.taken += 1
            return Ticket(self.taken - 1, self._back.pop(), 1)
        if not self.exhausted:
            for item in self._source:
                self.taken += 1
                return Ticket(self.taken - 1, item, 1)
            self.exhausted = True
        return None

    def fresh(self, most: int) -> list[Any]:
        """Takes some new items at once; their places begin at what `taken` was before.

        Args:
            most: How many at most. None come if there are no more.
        """
        items: list[Any] = []
        while self._back and len(items) < most:
            items.append(self._back.pop())
        if not items and not self.exhausted:
            items = list(islice(self._source, most))
            self.exhausted = len(items) < most
        self.taken += len(items)
        return items

    def put_back(self, items: list[Any]) -> None:
        """Takes back the last items that `fresh` gave.

        Args:
            items: The last ones, in their order.
        """
        self.taken -= len(items)
        self._back += reversed(items)

    def again(self, ticket: Ticket, due: float) -> None:
        """Hands a ticket out later.

        Args:
            ticket: The attempt that is to be made.
            due: The earliest time for it.
        """
        heapq.heappush(self._again, (due, ticket.place, ticket))

    def rest(self) -> list[tuple[int, Any]]:
        """Everything that was not run, with its place; it is taken by that."""
        rest = [(ticket.place, ticket.item) for _, _, ticket in self._again]
        self._again.clear()
        known = len(self._back) if self.size is None else self.size + 1
        while known > 0:
            first = self.taken
            items = self.fresh(known)
            rest += enumerate(items, first)
            known = known - len(items) if items else 0
        return rest
