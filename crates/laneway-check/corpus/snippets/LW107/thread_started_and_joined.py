import threading


async def run(work):
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()  # expect: LW107
