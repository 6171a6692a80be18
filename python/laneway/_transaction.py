"""Adding a job inside a transaction of the caller's own database driver.

The job is described once, by the native half; the caller's connection then calls one SQL function
with the description. So the job is there exactly when the transaction has committed.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol, cast

if TYPE_CHECKING:
    from collections.abc import Awaitable
    from typing import TypeAlias

    Enqueueing: TypeAlias = tuple[str, str, bytes]
    Added: TypeAlias = tuple[str, bool]


class AsyncConnection(Protocol):
    """A connection whose `execute` is awaited, such as that of asyncpg or async psycopg."""

    def execute(self, *args: Any, **kwargs: Any) -> Awaitable[Any]:  # noqa: ANN401 - the driver's
        """Runs a statement."""
        ...


def add(enqueueing: Enqueueing, connection: Any) -> Added | Awaitable[Added]:  # noqa: ANN401 - any
    """Adds a job in the transaction of a connection.

    Args:
        enqueueing: The SQL function, the job and its arguments.
        connection: A connection or cursor of psycopg, psycopg2, Django or asyncpg, or a connection
            or session of SQLAlchemy.

    Returns:
        The job's id and whether it is new; to be awaited when the connection is asynchronous.
    """
    function, job, args = enqueueing
    # The function's name is quoted by the native half, which has checked it.
    call = f"{function}(CAST({{}} AS json), CAST({{}} AS bytea))"
    statement = f"SELECT id, created FROM {call}"  # noqa: S608
    if hasattr(connection, "fetchrow"):
        return _added_soon(connection.fetchrow(statement.format("$1", "$2"), job, args))
    if _is_of_sqlalchemy(connection):
        text = sys.modules["sqlalchemy"].text(statement.format(":job", ":args"))
        return _answered(connection.execute(text, {"job": job, "args": args}), connection)
    statement = statement.format("%s", "%s")
    if hasattr(connection, "execute"):
        return _answered(connection.execute(statement, (job, args)), connection)
    with connection.cursor() as cursor:
        cursor.execute(statement, (job, args))
        return _added(cursor.fetchone())


def _is_of_sqlalchemy(connection: object) -> bool:
    kinds = type(connection).__mro__
    return any(kind.__module__.partition(".")[0] == "sqlalchemy" for kind in kinds)


def _answered(answer: Any, connection: Any) -> Added | Awaitable[Added]:  # noqa: ANN401
    """Reads the answer of `execute`, which a cursor of psycopg2 keeps to itself."""
    if inspect.isawaitable(answer):
        return _fetched(answer)
    return _added((connection if answer is None else answer).fetchone())


async def _fetched(answer: Awaitable[Any]) -> Added:
    row = (await answer).fetchone()
    return _added(await row if inspect.isawaitable(row) else row)


async def _added_soon(row: Awaitable[Any]) -> Added:
    return _added(await row)


def _added(row: Any) -> Added:  # noqa: ANN401 - a driver's
    """The id and whether the job is new, of a row of any shape."""
    if isinstance(row, Mapping):
        named = cast("Mapping[str, Any]", row)
        return str(named["id"]), bool(named["created"])
    return str(row[0]), bool(row[1])
