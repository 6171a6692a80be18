from collections.abc import Iterator

from laneway import Laneway

app = Laneway()


@app.task(lane="process")
def numbers(count: int) -> Iterator[int]:  # expect: LW601
    return iter(range(count))
