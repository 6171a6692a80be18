"""Databases, on SQLite."""
# pyright: basic, reportMissingImports=false

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing

import sqlalchemy
from sqlalchemy import orm

from verdict_set.cases import case, folder

ROWS = 60_000


def prepare() -> None:
    """Makes the database."""
    with closing(sqlite3.connect(folder() / "shop.db")) as connection:
        connection.execute("CREATE TABLE sale (id INTEGER PRIMARY KEY, shop INT, price REAL)")
        rows = ((i, i % 97, i * 0.25) for i in range(ROWS))
        connection.executemany("INSERT INTO sale VALUES (?, ?, ?)", rows)
        connection.execute("CREATE TABLE visit (id INTEGER PRIMARY KEY, page TEXT)")
        connection.commit()


_local = threading.local()


def _connection() -> sqlite3.Connection:
    if not hasattr(_local, "connection"):
        _local.connection = sqlite3.connect(folder() / "shop.db", timeout=60)
    return _local.connection


class Base(orm.DeclarativeBase):
    """The tables."""


class Sale(Base):
    """A row of a table."""

    __tablename__ = "sale"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    shop: orm.Mapped[int]
    price: orm.Mapped[float]


def _engine() -> sqlalchemy.Engine:
    if not hasattr(_local, "engine"):
        _local.engine = sqlalchemy.create_engine(f"sqlite:///{folder() / 'shop.db'}")
    return _local.engine


@case(11)
def sqlite_aggregate(shop: int) -> float:
    """A scan of the whole table: SQLite lets other threads run."""
    query = "SELECT shop, sum(price), avg(price) FROM sale WHERE shop > ? GROUP BY shop"
    return sum(row[1] for row in _connection().execute(query, (shop,)))


@case(11)
def sqlite_lookup(number: int) -> float:
    """One row by its key: trivial."""
    query = "SELECT price FROM sale WHERE id = ?"
    return float(_connection().execute(query, (number,)).fetchone()[0])


@case(10_000)
def sqlite_rows(count: int) -> float:
    """Thousands of rows as Python objects."""
    query = "SELECT id, shop, price FROM sale LIMIT ?"
    return sum(price for _, _, price in _connection().execute(query, (count,)))


@case(60)
def sqlalchemy_orm(count: int) -> float:
    """Objects by the mapper, made anew for each call."""
    with orm.Session(_engine()) as session:
        sales = session.scalars(sqlalchemy.select(Sale).limit(count))
        return sum(sale.price for sale in sales)
