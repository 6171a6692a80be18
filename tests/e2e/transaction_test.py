"""Jobs that are added inside a transaction of the application's own, by every driver."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

import asyncpg  # pyright: ignore[reportMissingTypeStubs]
import psycopg
import psycopg2
import pytest
import sqlalchemy
import sqlalchemy.orm
from psycopg.rows import dict_row
from sqlalchemy.ext.asyncio import create_async_engine
from stories import Story

from laneway import Laneway, LanewayError

if TYPE_CHECKING:
    from laneway._transaction import AsyncConnection

URL = "LANEWAY_TEST_POSTGRES_URL"


class Shop:
    """An application whose store is a schema of its own in the test's database."""

    def __init__(self, server: str) -> None:
        self.server = server
        self.schema = f"shop_{secrets.token_hex(4)}"
        self.store = f"{server}?schema={self.schema}"
        self.app = Laneway(self.store, name="shop")
        self.receipt = self.app.task(receipt)

    def jobs(self) -> int:
        """How many jobs are in the store, as another connection sees it."""
        with psycopg.connect(self.server) as connection:
            row = connection.execute(f"SELECT count(*) FROM {self.schema}.job".encode()).fetchone()
            assert row is not None
            return int(row[0])


async def receipt(order: int, lines: list[str]) -> str:
    """What the tests enqueue."""
    return f"{order}: {', '.join(lines)}"


@pytest.fixture
def shop() -> Iterator[Shop]:
    server = os.environ.get(URL)
    if server is None:
        pytest.fail(f"this test needs a PostgreSQL server: set {URL}, or run `make test`")
    made = Shop(server)
    try:
        yield made
    finally:
        with psycopg.connect(server) as connection:
            connection.execute(f"DROP SCHEMA IF EXISTS {made.schema} CASCADE".encode())


def test_psycopg(shop: Shop) -> None:
    call = shop.receipt.call(7, lines=["tea"])
    with psycopg.connect(shop.server) as connection:
        job = call.enqueue(connection=connection)
        assert job.created
        assert shop.jobs() == 0
        connection.rollback()
        assert shop.jobs() == 0
        again = shop.receipt.call(7, ["tea"]).enqueue(connection=connection)
        connection.commit()
    assert shop.jobs() == 1
    assert again.blocking.status() == "ready"


def test_a_cursor_with_rows_of_its_own_kind(shop: Shop) -> None:
    with (
        psycopg.connect(shop.server) as connection,
        connection.cursor(row_factory=dict_row) as cursor,
    ):
        job = shop.receipt.call(1, []).enqueue(connection=cursor)
        connection.commit()
        assert job.blocking.status() == "ready"


def test_a_key_that_is_taken_gives_the_job_that_was_there(shop: Shop) -> None:
    once = shop.receipt.options(key="order-7")
    first = once.delay(7, [])
    with psycopg.connect(shop.server) as connection:
        second = once.call(7, []).enqueue(connection=connection)
    assert second == first
    assert not second.created


def test_psycopg2(shop: Shop) -> None:
    connection = psycopg2.connect(shop.server)
    try:
        job = shop.receipt.call(7, ["tea"]).enqueue(connection=connection)
        connection.rollback()
        assert shop.jobs() == 0
        job = shop.receipt.call(7, ["tea"]).enqueue(connection=connection)
        connection.commit()
        assert job.blocking.status() == "ready"
    finally:
        connection.close()


async def test_asyncpg(shop: Shop) -> None:
    driver: Any = asyncpg
    raw = await driver.connect(shop.server)
    connection = cast("AsyncConnection", raw)
    try:
        transaction = raw.transaction()
        await transaction.start()
        await shop.receipt.call(7, ["tea"]).enqueue(connection=connection)
        await transaction.rollback()
        assert shop.jobs() == 0
        async with raw.transaction():
            job = await shop.receipt.call(7, ["tea"]).enqueue(connection=connection)
        assert await job.status() == "ready"
    finally:
        await raw.close()


async def test_async_psycopg(shop: Shop) -> None:
    async with await psycopg.AsyncConnection.connect(shop.server) as connection:
        job = await shop.receipt.call(7, ["tea"]).enqueue(connection=connection)
        assert shop.jobs() == 0
        await connection.commit()
        assert await job.status() == "ready"


@pytest.mark.parametrize("driver", ["psycopg", "psycopg2"])
def test_sqlalchemy(shop: Shop, driver: str) -> None:
    engine = sqlalchemy.create_engine(shop.server.replace("postgresql", f"postgresql+{driver}", 1))
    with sqlalchemy.orm.Session(engine) as session:
        job = shop.receipt.call(7, ["tea"]).enqueue(connection=session)
        session.rollback()
        assert shop.jobs() == 0
        job = shop.receipt.call(7, ["tea"]).enqueue(connection=session)
        session.commit()
        assert job.blocking.status() == "ready"
    engine.dispose()


@pytest.mark.parametrize("driver", ["psycopg", "asyncpg"])
async def test_async_sqlalchemy(shop: Shop, driver: str) -> None:
    engine = create_async_engine(shop.server.replace("postgresql", f"postgresql+{driver}", 1))
    async with engine.begin() as connection:
        job = await shop.receipt.call(7, ["tea"]).enqueue(connection=connection)
        assert shop.jobs() == 0
    assert await job.status() == "ready"
    await engine.dispose()


def test_another_store_has_no_transaction_to_take_part_in(story: Story) -> None:
    app = Laneway(story.store)
    call = app.task(receipt).call(7, [])
    with pytest.raises(LanewayError) as caught:
        call.enqueue(connection=object())
    assert caught.value.code == "LW1057"


def test_a_job_from_sql_runs(shop: Shop, story: Story) -> None:
    story.app = story.folder / "lab.py"
    story.app.write_text(
        "from laneway import Laneway\n"
        'app = Laneway(name="shop")\n'
        "@app.task\n"
        "def receipt(order: int, lines: list[str]) -> str:\n"
        '    return f"{order}: {lines}"\n'
    )
    story.environment["LANEWAY_STORE"] = shop.store
    story.worker()
    with psycopg.connect(shop.server) as connection:
        sql = f"SELECT {shop.schema}.enqueue('shop.receipt', %s)"
        row = connection.execute(
            sql.encode(), ['{"order": 7, "lines": ["tea", "Käse"]}']
        ).fetchone()
        assert row is not None
    job = shop.app.job(str(row[0]))
    assert job.wait("20s") == "7: ['tea', 'Käse']"
