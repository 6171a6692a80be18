import time


class Cache:
    def is_remote(self) -> bool:
        return False


class RemoteCache(Cache):
    def is_remote(self) -> bool:
        return True


async def handler(cache: Cache):
    if cache.is_remote():
        time.sleep(3)  # expect: LW101
