import time


async def wait_until_ready(job):
    for _ in range(10):
        if job.ready:
            return True
        time.sleep(0.5)  # expect: LW101
    return False
