import threading
from concurrent.futures import Future


class App:
    loop_thread_id: int

    def post(self, work) -> Future: ...


def report(app: App, work):
    if app.loop_thread_id != threading.get_ident():
        app.post(work).result()
        return
    work()


async def handler(app: App, work):
    report(app, work)
