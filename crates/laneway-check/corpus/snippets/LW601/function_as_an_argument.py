from collections.abc import Callable

from laneway import Laneway

app = Laneway()


@app.task(lane="process")
def apply(function: Callable[[int], int], value: int) -> int:  # expect: LW601
    return function(value)
