import threading


class Worker:
    def __init__(self, work):
        self.thread = threading.Thread(target=work)

    def stop(self):
        if threading.current_thread() is not self.thread:
            self.thread.join()  # expect: LW110


async def handler(worker: Worker):
    worker.stop()
