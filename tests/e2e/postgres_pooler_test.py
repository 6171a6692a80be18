"""A store on PostgreSQL behind PgBouncer, which gives away a connection after each transaction."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator

import psycopg
import pytest
from stories import Story

from laneway import Laneway, Rate
from servers import PgBouncer

pytestmark = pytest.mark.timeout(120)

URL = "LANEWAY_TEST_POSTGRES_URL"


async def receipt(order: int) -> int:
    """What the tests enqueue."""
    return order


async def letter(order: int) -> int:
    """Another one."""
    return order


@pytest.fixture
def pooled() -> Iterator[tuple[str, str]]:
    """The URL of an empty store through a pooler, and the one past it."""
    server = os.environ.get(URL)
    if server is None:
        pytest.fail(f"this test needs a PostgreSQL server: set {URL}, or run `make test`")
    schema = f"pooled_{secrets.token_hex(4)}"
    with PgBouncer(server) as bouncer:
        yield f"{bouncer.url}?schema={schema}", f"{server}?schema={schema}"
    with psycopg.connect(server) as connection:
        connection.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE".encode())


@pytest.mark.parametrize("listen", ["", "&listen=off"])
def test_a_worker_and_a_producer_on_a_pooler_that_shares_connections(
    pooled: tuple[str, str], listen: str, story: Story
) -> None:
    through, past = pooled
    story.app = story.folder / "lab.py"
    story.app.write_text(
        "from laneway import Laneway\n"
        'app = Laneway(name="shop")\n'
        "@app.task\n"
        "async def receipt(order: int) -> int:\n"
        "    return order\n"
        "@app.task\n"
        "async def letter(order: int) -> int:\n"
        "    return order\n"
    )
    story.environment["LANEWAY_STORE"] = f"{through}{listen}"
    story.worker()
    app = Laneway(f"{through}{listen}", name="shop")
    plain = app.task(receipt)
    limited = app.task(limit=Rate("500/s", key="smtp"))(letter)
    calls = [(limited if order % 3 == 0 else plain).call(order) for order in range(300)]
    assert [job.wait("30s") for job in app.delay_many(calls)] == list(range(300))
    # A job that comes while the worker waits, one with a time, and one that SQL adds.
    assert plain.delay(7).wait("10s") == 7
    assert plain.options(after="1s").delay(8).wait("10s") == 8
    schema = past.partition("schema=")[2]
    with psycopg.connect(past.partition("?")[0]) as connection:
        sql = f"""SELECT {schema}.enqueue('shop.receipt', '{{"order": 9}}')"""
        row = connection.execute(sql.encode()).fetchone()
    assert row is not None
    assert app.job(str(row[0])).wait("10s") == 9
