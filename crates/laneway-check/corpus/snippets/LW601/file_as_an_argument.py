from typing import TextIO

from laneway import Laneway

app = Laneway()


@app.task(lane="process")
def lines(file: TextIO) -> int:  # expect: LW601
    return sum(1 for _ in file)
