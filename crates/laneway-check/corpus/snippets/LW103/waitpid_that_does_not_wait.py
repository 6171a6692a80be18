import os


async def reap(pid):
    return os.waitpid(pid, os.WNOHANG)
