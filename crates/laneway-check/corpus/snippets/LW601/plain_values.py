from dataclasses import dataclass

from laneway import Laneway

app = Laneway()


@dataclass
class Order:
    number: int
    lines: list[str]


@app.task(lane="process")
def price(order: Order, rates: dict[str, float]) -> float:
    return len(order.lines) * rates["x"]
