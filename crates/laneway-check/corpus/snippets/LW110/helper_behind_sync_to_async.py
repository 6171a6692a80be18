import time

from asgiref.sync import sync_to_async


@sync_to_async
def settle():
    time.sleep(1)


async def start():
    await settle()
