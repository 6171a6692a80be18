from concurrent.futures import ThreadPoolExecutor


async def run(work, items):
    with ThreadPoolExecutor() as pool:  # expect: LW107
        return list(pool.map(work, items))
