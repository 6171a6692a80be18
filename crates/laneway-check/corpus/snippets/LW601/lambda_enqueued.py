from laneway import Laneway

app = Laneway()


@app.task(lane="process")
def apply(function, value: int) -> int:
    return function(value)


async def start():
    await apply.enqueue(lambda value: value + 1, 3)  # expect: LW601
