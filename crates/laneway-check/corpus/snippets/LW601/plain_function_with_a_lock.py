import threading


def count(lock: threading.Lock, name: str) -> int:
    with lock:
        return len(name)
