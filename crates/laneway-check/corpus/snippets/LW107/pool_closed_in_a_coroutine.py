from concurrent.futures import ProcessPoolExecutor


async def squares(numbers):
    with ProcessPoolExecutor() as pool:  # expect: LW107
        futures = [pool.submit(pow, number, 2) for number in numbers]
    return futures
