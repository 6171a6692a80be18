from laneway import Laneway

app = Laneway()


@app.task
async def count(text: str) -> int:
    return len(text)


async def start(texts):
    count.enqueue("one")  # expect: LW301
    await count.enqueue("two")
    app.enqueue_many(count.call(text) for text in texts)  # expect: LW301
    await app.enqueue_many(count.call(text) for text in texts)
