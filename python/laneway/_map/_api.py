"""`laneway.map` and `laneway.amap`."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

from laneway._map import _child
from laneway._map._choose import run_blocking
from laneway._map._loop import AsyncLane, feed_of, not_async
from laneway._map._settings import Settings, is_async, refuse_misplaced
from laneway._map._stop import ctrl_c
from laneway._map._work import Work
from laneway.errors import MapError

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Awaitable, Callable, Coroutine, Iterable

    from typing_extensions import Unpack

    from laneway._map._result import MapResult
    from laneway._map._settings import Errors, MapOptions

T = TypeVar("T")
R = TypeVar("R")


@overload
def map(  # noqa: A001 - see below
    fn: Callable[[T], Coroutine[Any, Any, R]],
    items: Iterable[T],
    /,
    *,
    errors: Literal["collect"],
    **options: Unpack[MapOptions],
) -> MapResult[R | None]: ...
@overload
def map(  # noqa: A001 - see below
    fn: Callable[[T], Coroutine[Any, Any, R]],
    items: Iterable[T],
    /,
    *,
    errors: Literal["raise"] = "raise",
    **options: Unpack[MapOptions],
) -> MapResult[R]: ...
@overload
def map(  # noqa: A001 - see below
    fn: Callable[[T], R],
    items: Iterable[T],
    /,
    *,
    errors: Literal["collect"],
    **options: Unpack[MapOptions],
) -> MapResult[R | None]: ...
@overload
def map(  # noqa: A001 - see below
    fn: Callable[[T], R],
    items: Iterable[T],
    /,
    *,
    errors: Literal["raise"] = "raise",
    **options: Unpack[MapOptions],
) -> MapResult[R]: ...
def map(  # noqa: A001 - it is the builtin's twin, and called `laneway.map`
    fn: Callable[[Any], Any],
    items: Iterable[Any],
    /,
    *,
    errors: Errors = "raise",
    **options: Unpack[MapOptions],
) -> MapResult[Any]:
    """Calls a function for each item, as many at once as is worth it.

    An `async def` runs on an event loop. A `def` begins in the caller's thread; what its first
    items do decides whether the rest stays there or goes to threads or processes, and one line on
    standard error says so.

    Args:
        fn: What to call with each item.
        items: Any iterable. Items are taken when there is a place for them to run.
        errors: `"raise"` ends the run with the first item's exception; `"collect"` goes on, and
            lists them in `.errors`.
        **options: `lane`, `concurrency`, `rate`, `retry`, `timeout`, `ordered` and `progress`.

    Returns:
        The results, in the order of the items. After Ctrl-C those that are done.

    Example:
        >>> map(str.upper, ["a", "b"], progress=False)
        ['A', 'B']
    """
    if _child.is_preparing:
        raise _unguarded()
    refuse_misplaced("map", fn, items)
    settings = Settings(options, errors)
    work = Work(fn, items, settings)
    if is_async(fn):
        settings.fits(is_async=True)
        return _run_async(work)
    settings.fits(is_async=False)
    with ctrl_c(work.stop):
        is_done = run_blocking(work)
    return work.finish() if is_done else _run_async(work)


@overload
async def amap(
    fn: Callable[[T], Awaitable[R]],
    items: Iterable[T] | AsyncIterable[T],
    /,
    *,
    errors: Literal["collect"],
    **options: Unpack[MapOptions],
) -> MapResult[R | None]: ...
@overload
async def amap(
    fn: Callable[[T], Awaitable[R]],
    items: Iterable[T] | AsyncIterable[T],
    /,
    *,
    errors: Literal["raise"] = "raise",
    **options: Unpack[MapOptions],
) -> MapResult[R]: ...
async def amap(
    fn: Callable[[Any], Awaitable[Any]],
    items: Iterable[Any] | AsyncIterable[Any],
    /,
    *,
    errors: Errors = "raise",
    **options: Unpack[MapOptions],
) -> MapResult[Any]:
    """`map` for async code: runs an `async def` for each item on the loop of the caller.

    When it is cancelled, what it started is cancelled, too.

    Args:
        fn: An `async def`, or anything that gives an awaitable.
        items: An iterable or an async iterable.
        errors: As for `map`.
        **options: As for `map`; `lane` can only be `"async"`.

    Returns:
        The results, in the order of the items.
    """
    refuse_misplaced("amap", fn, items)
    settings = Settings(options, errors)
    if settings.lane not in {None, "async"} or _is_plain(fn):
        raise not_async()
    work = Work(fn, (), settings)
    work.use(feed_of(items))
    work.chose("async", ASYNC_REASON)
    await AsyncLane(work).run()
    return work.finish()


ASYNC_REASON = "it is an `async def`"


def _is_plain(fn: Callable[[Any], Any]) -> bool:
    """Whether it is a function that surely gives no awaitable: it says what it returns."""
    if is_async(fn):
        return False
    code = getattr(fn, "__annotations__", {}).get("return", None)
    return code in {int, str, bytes, float, bool, list, dict, "int", "str", "bytes", "float"}


def _run_async(work: Work) -> MapResult[Any]:
    work.chose("async", ASYNC_REASON)

    async def run() -> None:
        await AsyncLane(work).run()

    with ctrl_c(work.stop):
        if not _is_in_loop():
            asyncio.run(run())
        else:
            _run_in_thread(run)
    return work.finish()


def _is_in_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _run_in_thread(run: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Runs a loop of its own beside the one that the caller blocks, as in a notebook."""
    raised: list[BaseException] = []

    def serve() -> None:
        try:
            asyncio.run(run())
        except BaseException as error:  # noqa: BLE001 - raised again below
            raised.append(error)

    context = contextvars.copy_context()
    thread = threading.Thread(
        target=context.run, args=(serve,), name="laneway-map-loop", daemon=True
    )
    thread.start()
    thread.join()
    if raised:
        raise raised[0]


def _unguarded() -> MapError:
    return MapError(
        "LW3020",
        "`laneway.map` was called while a process of it imported the main program",
        "the program calls it without asking whether it is the main one, so that it would start "
        "itself again and again",
        'put the call under `if __name__ == "__main__":`, or say `lane="thread"`',
    )
