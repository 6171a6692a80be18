import os


async def reap(pid):
    return os.waitpid(pid, 0)  # expect: LW103
