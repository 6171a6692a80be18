"""A metered coroutine behaves as the coroutine itself, in tasks of every kind of loop."""

from __future__ import annotations

import asyncio
import collections.abc
import contextlib
import contextvars
import gc
import inspect
import sys
import warnings
import weakref
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator, Iterator
from typing import Any, cast

import anyio
import anyio.lowlevel
import pytest

from laneway._bridge import Account, Meter, account_here
from laneway._metering import install, keep_installed, metered

try:
    import uvloop
except ImportError:
    uvloop = None

LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {"asyncio": asyncio.new_event_loop}
if uvloop is not None:
    LOOPS["uvloop"] = uvloop.new_event_loop


@pytest.fixture(params=list(LOOPS))
def loop(request: pytest.FixtureRequest) -> Iterator[asyncio.AbstractEventLoop]:
    made = LOOPS[request.param]()
    install(made)
    yield made
    made.run_until_complete(made.shutdown_asyncgens())
    made.run_until_complete(made.shutdown_default_executor())
    made.close()


@pytest.fixture
def account() -> Account:
    return Account("task", 7)


def steps(account: Account) -> int:
    return account.reading()[7]


async def turns(count: int) -> tuple[int, str]:
    for _ in range(count):
        await asyncio.sleep(0)
    return count, "done"


def test_it_passes_for_the_coroutine(account: Account) -> None:
    coroutine = turns(1)
    meter: Any = Meter(coroutine, account)
    assert inspect.iscoroutine(meter)
    assert inspect.isawaitable(meter)
    assert type(meter) is Meter
    assert meter == coroutine
    assert coroutine == meter
    assert meter == Meter(coroutine, account)
    assert meter != account
    other = turns(1)
    assert meter not in {other, account}
    assert meter in {coroutine, account}
    kept = weakref.ref(meter)
    assert kept() is meter
    meter.__qualname__ = "renamed"
    assert coroutine.__qualname__ == "renamed"
    with pytest.raises(AttributeError):
        meter.no_such_attribute = 1
    meter.close()
    other.close()
    assert inspect.getcoroutinestate(meter) == inspect.CORO_CLOSED
    del meter
    assert kept() is None


def test_it_returns_what_the_coroutine_returns(
    loop: asyncio.AbstractEventLoop, account: Account
) -> None:
    # A tuple and an exception are the values that a `StopIteration` mistakes for arguments.
    assert loop.run_until_complete(metered(turns(4), account)) == (4, "done")
    assert steps(account) == 5

    async def gives_an_exception() -> Exception:
        return ValueError(1, 2)

    async def awaits() -> list[object]:
        return [await Meter(turns(1), account), await Meter(gives_an_exception(), account)]

    value, error = loop.run_until_complete(awaits())
    assert value == (1, "done")
    assert isinstance(error, ValueError)
    assert error.args == (1, 2)


def test_it_raises_what_the_coroutine_raises(
    loop: asyncio.AbstractEventLoop, account: Account
) -> None:
    async def fails() -> None:
        await asyncio.sleep(0)
        raise KeyError("lost")

    with pytest.raises(KeyError, match="lost") as caught:
        loop.run_until_complete(metered(fails(), account))
    assert caught.traceback[-1].name == "fails"


def test_it_is_cancelled(loop: asyncio.AbstractEventLoop, account: Account) -> None:
    seen: list[str] = []

    async def waits() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError as error:
            seen.append(str(error))
            raise
        finally:
            await asyncio.sleep(0)
            seen.append("cleaned")

    async def cancels() -> None:
        task = asyncio.ensure_future(metered(waits(), account))
        await asyncio.sleep(0.001)
        task.cancel("enough")
        with pytest.raises(asyncio.CancelledError):
            await task
        assert task.cancelled()

    loop.run_until_complete(cancels())
    assert seen == ["enough", "cleaned"]


def test_it_times_out(loop: asyncio.AbstractEventLoop, account: Account) -> None:
    async def in_time() -> str:
        try:
            await asyncio.wait_for(asyncio.sleep(60), 0.005)
        except asyncio.TimeoutError:
            return "timed out"
        return "slept"

    assert loop.run_until_complete(metered(in_time(), account)) == "timed out"


@pytest.mark.skipif(sys.version_info < (3, 11), reason="task groups came with Python 3.11")
def test_task_groups_bill_their_children(loop: asyncio.AbstractEventLoop, account: Account) -> None:
    async def group() -> list[tuple[int, str]]:
        make: Any = getattr(asyncio, "TaskGroup")  # noqa: B009 - the oldest Python has none
        started: list[asyncio.Task[tuple[int, str]]] = []
        async with make() as tasks:
            started += [tasks.create_task(turns(3), name=f"t{n}") for n in range(4)]
        assert [task.get_name() for task in started] == ["t0", "t1", "t2", "t3"]
        return [task.result() for task in started]

    assert loop.run_until_complete(metered(group(), account)) == [(3, "done")] * 4
    assert steps(account) >= 4 * 4 + 1


def test_gathered_children_are_billed_and_strangers_are_not(
    loop: asyncio.AbstractEventLoop, account: Account
) -> None:
    async def parent() -> None:
        await asyncio.gather(turns(10), turns(10))
        await asyncio.create_task(turns(10))

    async def beside() -> None:
        stranger = asyncio.create_task(turns(100))
        await asyncio.create_task(metered(parent(), account))
        await stranger
        assert account_here.get(None) is None

    loop.run_until_complete(beside())
    # Three children of eleven steps each, and the parent's own few.
    assert 33 < steps(account) <= 33 + 4


def test_children_of_children_and_of_callbacks_are_billed(
    loop: asyncio.AbstractEventLoop, account: Account
) -> None:
    async def parent() -> None:
        running = asyncio.get_running_loop()
        ended = running.create_future()

        async def grandchild() -> None:
            await turns(20)
            ended.set_result(None)

        tasks: list[asyncio.Task[None]] = []
        running.call_soon(lambda: tasks.append(running.create_task(grandchild())))
        await ended

    loop.run_until_complete(metered(parent(), account))
    assert steps(account) >= 21


def test_the_context_gets_its_account_back(
    loop: asyncio.AbstractEventLoop, account: Account
) -> None:
    outer = Account("outer")

    async def inner() -> object:
        await asyncio.sleep(0)
        return account_here.get(None)

    async def around() -> list[object]:
        before = account_here.get(None)
        within = await Meter(inner(), account)
        return [before, within, account_here.get(None)]

    assert loop.run_until_complete(metered(around(), outer)) == [outer, account, outer]

    async def fails() -> None:
        raise ValueError

    async def around_a_failure() -> object:
        with contextlib.suppress(ValueError):
            await Meter(fails(), account)
        return account_here.get(None)

    assert loop.run_until_complete(metered(around_a_failure(), outer)) is outer


def test_context_variables_and_threads_work(
    loop: asyncio.AbstractEventLoop, account: Account
) -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable")

    async def sets() -> tuple[str, str]:
        variable.set("mine")
        await asyncio.sleep(0)
        return variable.get(), await asyncio.to_thread(variable.get)

    assert loop.run_until_complete(metered(sets(), account)) == ("mine", "mine")
    assert variable.get("unset") == "unset"


def test_async_generators_work(loop: asyncio.AbstractEventLoop, account: Account) -> None:
    closed: list[bool] = []

    async def numbers() -> AsyncGenerator[int, None]:
        try:
            for number in range(100):
                await asyncio.sleep(0)
                yield number
        finally:
            closed.append(True)

    async def total() -> int:
        found = 0
        async with contextlib.aclosing(numbers()) as stream:
            async for number in stream:
                found += number
                if number == 10:
                    break
        return found

    assert loop.run_until_complete(metered(total(), account)) == 55
    assert closed == [True]
    assert steps(account) == 12


def test_anyio_scopes_and_groups_work(loop: asyncio.AbstractEventLoop, account: Account) -> None:
    async def with_anyio() -> tuple[bool, list[int]]:
        found: list[int] = []

        async def child(number: int) -> None:
            await anyio.sleep(0.001)
            found.append(number)

        with anyio.move_on_after(0.005) as scope:
            await anyio.sleep(60)
        async with anyio.create_task_group() as group:
            for number in range(3):
                group.start_soon(child, number)
        return scope.cancelled_caught, sorted(found)

    assert loop.run_until_complete(metered(with_anyio(), account)) == (True, [0, 1, 2])
    assert steps(account) >= 6


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks came with Python 3.12")
def test_tasks_that_anyio_starts_past_an_eager_factory_are_billed(account: Account) -> None:
    async def child() -> None:
        await anyio.lowlevel.checkpoint()

    async def parent() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(child)
            group.start_soon(child)

    made = asyncio.new_event_loop()
    made.set_task_factory(getattr(asyncio, "eager_task_factory"))  # noqa: B009
    give_back = install(made)
    try:
        made.run_until_complete(metered(parent(), account))
        give_back()
        assert made.get_task_factory() is getattr(asyncio, "eager_task_factory")  # noqa: B009
    finally:
        made.close()
    assert steps(account) > 4


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks came with Python 3.12")
@pytest.mark.parametrize("kind", LOOPS)
def test_tasks_that_anyio_starts_past_an_eager_factory_that_is_set_later_are_billed_once(
    kind: str, account: Account
) -> None:
    async def parent() -> None:
        running = asyncio.get_running_loop()
        # Whoever sets it in each of its runs must not be billed twice.
        for _ in range(3):
            running.set_task_factory(getattr(asyncio, "eager_task_factory"))  # noqa: B009
        async with anyio.create_task_group() as group:
            group.start_soon(turns, 100)
        await asyncio.gather(turns(100))

    made = LOOPS[kind]()
    keep_installed(made)
    try:
        made.run_until_complete(metered(parent(), account))
    finally:
        made.close()
    # Each turn of both children is a step, and so are a few of their parent.
    assert 200 <= steps(account) < 230


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks came with Python 3.12")
def test_eager_tasks_are_billed_once(account: Account) -> None:
    def burn() -> None:
        for _ in range(200_000):
            pass

    async def eager_child() -> None:
        burn()
        await asyncio.sleep(0)
        burn()

    async def parent() -> None:
        running = asyncio.get_running_loop()
        running.set_task_factory(getattr(asyncio, "eager_task_factory"))  # noqa: B009
        install(running)
        await asyncio.gather(*(eager_child() for _ in range(5)))

    asyncio.run(metered(parent(), account))
    wall, in_steps, cpu, blocked, awaited, delay, longest, count, _ = account.reading()
    # Each child has two steps; the first one is within a step of the parent.
    assert count >= 11
    # A step that was billed twice would make the parts more than the whole.
    assert in_steps <= wall
    assert cpu + blocked + (delay or 0) == in_steps
    assert in_steps + awaited == wall
    assert longest < in_steps / 2


@pytest.mark.parametrize("kind", LOOPS)
def test_factories_that_the_program_sets_later_are_billed_and_its_own(
    kind: str, account: Account
) -> None:
    # uvloop passes options on that the eager factories of some Pythons do not take.
    eager: Any = getattr(asyncio, "eager_task_factory", None)
    made = LOOPS[kind]()
    keep_installed(made)

    async def parent() -> None:
        assert made.get_task_factory() is None
        for factory in (eager, None):
            made.set_task_factory(factory)
            assert made.get_task_factory() is factory
            await asyncio.gather(turns(2), turns(3))
        with pytest.raises(TypeError):
            made.set_task_factory(cast("Any", 42))
        assert made.get_task_factory() is None

    try:
        made.run_until_complete(metered(parent(), account))
        before = steps(account)
        made.run_until_complete(turns(50))
    finally:
        made.close()
    assert before >= 14
    assert steps(account) == before, "it is billed to who started it"


def test_it_looks_like_the_coroutine(loop: asyncio.AbstractEventLoop, account: Account) -> None:
    async def looks() -> None:
        coroutine = turns(3)
        meter = Meter(coroutine, account)
        assert isinstance(meter, collections.abc.Coroutine)
        assert asyncio.iscoroutine(meter)
        assert inspect.isawaitable(meter)
        assert "turns" in repr(meter)
        inner: Any = meter
        assert inner.__qualname__ == inner.__name__ == "turns"
        assert inner.cr_frame is coroutine.cr_frame
        assert inner.cr_code.co_name == "turns"
        with pytest.raises(AttributeError, match="cr_nothing"):
            inner.cr_nothing  # noqa: B018
        task = asyncio.ensure_future(meter)
        await asyncio.sleep(0)
        assert "turns" in repr(task)
        assert "meter_coroutine_test.py" in repr(task)
        assert [frame.f_code.co_name for frame in task.get_stack()] == ["turns"]
        await task

    loop.run_until_complete(looks())


def test_it_is_driven_by_hand(account: Account) -> None:
    def driven(meter: Coroutine[Any, Any, str]) -> list[object]:
        got: list[object] = [meter.send(None), meter.send("a")]
        with pytest.raises(StopIteration) as stop:
            meter.throw(ValueError("b"))
        return [*got, stop.value.value]

    class Yields:
        def __await__(self) -> Generator[object, object, object]:
            return (yield "yielded")

    async def coroutine() -> str:
        got = await Yields()
        try:
            await Yields()
        except ValueError as error:
            return f"{got} {error}"
        return "nothing was thrown"

    assert driven(Meter(coroutine(), account)) == driven(coroutine())
    ended = Meter(coroutine(), account)
    ended.close()
    with pytest.raises(RuntimeError, match="cannot reuse"):
        ended.send(None)


def test_closing_runs_what_is_left(account: Account) -> None:
    left: list[str] = []

    async def waits() -> None:
        try:
            await asyncio.sleep(1)
        finally:
            left.append("cleaned")

    meter = Meter(waits(), account)
    with contextlib.closing(asyncio.new_event_loop()) as loop:
        loop.call_soon(lambda: (meter.send(None), loop.stop()))
        loop.run_forever()
    meter.close()
    assert left == ["cleaned"]
    assert account_here.get(None) is None


def test_what_is_no_coroutine_is_refused(loop: asyncio.AbstractEventLoop, account: Account) -> None:
    make: Any = Meter
    with pytest.raises(TypeError, match="needs a coroutine"):
        make(5, account)
    with pytest.raises(TypeError):
        make(5)
    with pytest.raises(TypeError):
        make(coroutine=5, account=account)
    idle = turns(0)
    with pytest.raises(TypeError):
        make(idle, "account")
    idle.close()

    async def starts_no_coroutine() -> None:
        odd: Any = 5
        with pytest.raises(TypeError, match="coroutine was expected"):
            await asyncio.create_task(odd)

    loop.run_until_complete(metered(starts_no_coroutine(), account))


def test_a_task_can_hold_a_real_coroutine(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From Python 3.14 on tools read it from outside; the rest works on every Python."""
    monkeypatch.setattr("laneway._metering.TASK_NEEDS_A_REAL_COROUTINE", True)

    async def parent() -> list[tuple[str, str]]:
        install(asyncio.get_running_loop())
        tasks = [asyncio.create_task(turns(3)), asyncio.ensure_future(turns(3))]
        held: list[Any] = [task.get_coro() for task in tasks]
        await asyncio.gather(*tasks)
        return [(type(coroutine).__name__, coroutine.__qualname__) for coroutine in held]

    outer: Any = metered(parent(), account)
    assert inspect.iscoroutine(outer)
    assert outer.__qualname__.endswith("parent")
    assert asyncio.run(outer) == [("coroutine", "turns")] * 2
    assert steps(account) >= 2 * 4 + 1


def test_nothing_leaks(account: Account) -> None:
    class Marker:
        """Something that the coroutine holds."""

    async def holds(marker: Marker, cycle: list[object]) -> None:
        await asyncio.sleep(60)
        cycle.append(marker)

    def suspended() -> weakref.ref[Marker]:
        marker = Marker()
        cycle: list[object] = []
        meter = Meter(holds(marker, cycle), account)
        cycle.append(meter)
        return weakref.ref(marker)

    before = sys.getrefcount(account)
    with warnings.catch_warnings():
        # The coroutine was never awaited, as it is meant to be here.
        warnings.simplefilter("ignore", RuntimeWarning)
        found = [suspended() for _ in range(10)]
        gc.collect()
    assert [marker() for marker in found] == [None] * 10
    assert sys.getrefcount(account) == before


def test_the_factory_before_stays_in_use(account: Account) -> None:
    names: list[str] = []

    def factory(
        loop: asyncio.AbstractEventLoop,
        coroutine: Coroutine[Any, Any, Any],
        **options: Any,  # noqa: ANN401 - whatever this Python's loops pass
    ) -> asyncio.Task[Any]:
        names.append(getattr(coroutine, "__qualname__", ""))
        return asyncio.Task(coroutine, loop=loop, **options)

    async def parent() -> None:
        running = asyncio.get_running_loop()
        running.set_task_factory(factory)  # pyright: ignore[reportArgumentType]
        undo = install(running)
        await asyncio.create_task(turns(2))
        undo()
        assert running.get_task_factory() is factory

    asyncio.run(metered(parent(), account))
    assert names[0] == "turns"
    assert steps(account) >= 4


def test_tasks_that_nobody_billed_get_an_account_on_request() -> None:
    made: dict[str, Account] = {}

    def account_for(coroutine: Coroutine[Any, Any, Any]) -> Account:
        name = getattr(coroutine, "__qualname__", "")
        return made.setdefault(name, Account(name))

    async def plain() -> None:
        install(asyncio.get_running_loop(), account_for)
        await asyncio.gather(turns(2), turns(3))

    asyncio.run(plain())
    assert made["turns"].label == "turns"
    assert steps(made["turns"]) == 7
