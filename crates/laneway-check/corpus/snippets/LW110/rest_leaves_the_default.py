import subprocess
import time


def run(*command, waits=False):
    if waits:
        return subprocess.run(command)
    return command


def later(*work, first=print):
    first("begins")
    return work


def nap():
    time.sleep(1)


async def handler():
    run("git", "fetch")
    return later(nap)
