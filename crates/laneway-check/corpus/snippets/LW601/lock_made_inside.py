import threading

from laneway import Laneway

app = Laneway()


@app.task(lane="process")
def count(names: list[str]) -> int:
    lock = threading.Lock()
    with lock:
        return len(names)
