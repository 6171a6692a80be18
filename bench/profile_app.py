"""A small but real API for `profile_overhead.py`: routing, validation, a dependency, a response."""

from __future__ import annotations

import asyncio

from fastapi import Depends, FastAPI
from pydantic import BaseModel

app = FastAPI()


class Item(BaseModel):
    """A line of an order."""

    name: str
    price: float
    count: int


class Order(BaseModel):
    """What is answered."""

    number: int
    total: float
    items: list[Item]


async def tariff(currency: str = "EUR") -> float:
    """A dependency that waits, as for a database."""
    await asyncio.sleep(0.001)
    return 1.0 if currency == "EUR" else 1.1


@app.get("/orders/{number}")
async def order(number: int, rate: float = Depends(tariff)) -> Order:
    """An order with ten lines."""
    items = [Item(name=f"item {n}", price=n * rate, count=n % 3 + 1) for n in range(10)]
    total = sum(item.price * item.count for item in items)
    return Order(number=number, total=total, items=items)
