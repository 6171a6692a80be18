from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import BackgroundTasks, Depends, FastAPI
from fastapi.concurrency import run_in_threadpool

from shop.prices import Prices, current_price
from shop.receipts import print_receipt, write_receipt
from shop.stock import stock


@asynccontextmanager
async def lifespan(app):
    app.state.banner = Path("banner.txt").read_text()  # expect: LW104:hint
    yield


app = FastAPI(lifespan=lifespan)


def prices() -> Prices:
    return Prices("https://example.org")


@app.get("/price/{name}")
async def price(name: str):
    return {"price": current_price(name)}


@app.get("/all")
def all_prices(found: Prices = Depends(prices)):
    return found.every()


@app.get("/stock/{name}")
async def in_stock(name: str):
    return {"stock": await run_in_threadpool(stock.count, name)}


@app.post("/order/{name}")
async def order(name: str, tasks: BackgroundTasks):
    left = stock.take(name)
    tasks.add_task(print_receipt, name)
    write_receipt(name)
    return {"left": left}
