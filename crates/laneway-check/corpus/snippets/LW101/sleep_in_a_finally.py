import time


async def close(connection):
    try:
        await connection.close()
    finally:
        time.sleep(0.1)  # expect: LW101
