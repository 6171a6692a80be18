import subprocess


def run(*command, waiter=None):
    if waiter is None:
        return subprocess.run(command)  # expect: LW110
    return waiter(command)


async def handler():
    run("git")
    run("git", "fetch")
