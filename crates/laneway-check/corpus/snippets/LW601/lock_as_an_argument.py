import threading

from laneway import Laneway

app = Laneway()


@app.task(lane="process")
def count(lock: threading.Lock, name: str) -> int:  # expect: LW601
    return len(name)
