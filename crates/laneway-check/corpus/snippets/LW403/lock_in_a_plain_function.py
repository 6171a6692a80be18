import threading

lock = threading.Lock()


def update(values):
    with lock:
        values["x"] = 1
