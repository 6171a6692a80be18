import threading

from laneway import Laneway

app = Laneway()


@app.task(lane="thread")
def count(name: str, lock: threading.Lock | None = None) -> int:
    return len(name)
