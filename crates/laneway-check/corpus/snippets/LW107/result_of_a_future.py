from concurrent.futures import ThreadPoolExecutor

pool = ThreadPoolExecutor(4)


async def run(work):
    future = pool.submit(work)
    return future.result()  # expect: LW107
