"""What `laneway.map` gives back: the results, and what became of the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, SupportsIndex, TypeVar

from laneway._override import override

if TYPE_CHECKING:
    from collections.abc import Iterator

    from laneway._map._settings import MapLane

R = TypeVar("R")


@dataclass(frozen=True)
class ItemError:
    """An item whose last attempt failed. It can be unpacked: `for place, item, error in …`."""

    index: int
    """The item's place among all items, from 0 on."""
    item: Any
    """The item itself."""
    exception: BaseException
    """What its last attempt raised."""

    def __iter__(self) -> Iterator[Any]:
        return iter((self.index, self.item, self.exception))


class MapResult(list[R]):
    """The results of `laneway.map`: a list in the order of the items, with the story of the run.

    With `ordered=True` an item's result has the item's place, so that it can be zipped with the
    items; the place of an item that failed or is pending holds `None`. With `ordered=False` it
    holds the results alone, as they came.

    Attributes:
        lane: Where the items ran at last: `inline`, `thread`, `process` or `async`.
        reason: Why there, in one line.
        wall: Seconds from the call to its end.
        errors: The items that failed, by `errors="collect"`.
        interrupted: Whether Ctrl-C ended it early.
        pending: After Ctrl-C, the items without a result, with their places. Items that an
            iterator without a length would still have given are left in it.
    """

    lane: MapLane
    reason: str
    wall: float
    errors: list[ItemError]
    interrupted: bool
    pending: list[tuple[int, Any]]

    def __init__(self) -> None:
        super().__init__()
        self.lane = "inline"
        self.reason = ""
        self.wall = 0.0
        self.errors = []
        self.interrupted = False
        self.pending = []

    @override
    def __reduce_ex__(self, protocol: SupportsIndex, /) -> tuple[object, ...]:
        return _rebuilt, (list(self), self.__dict__)

    @property
    def ok(self) -> bool:
        """Whether every item has a result."""
        return not self.errors and not self.interrupted


def _rebuilt(values: list[Any], story: dict[str, Any]) -> MapResult[Any]:
    result: MapResult[Any] = MapResult()
    result.extend(values)
    result.__dict__.update(story)
    return result
