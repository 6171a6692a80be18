from time import sleep


async def retry(call):
    try:
        return await call()
    except ConnectionError:
        sleep(2)  # expect: LW101
        return await call()
