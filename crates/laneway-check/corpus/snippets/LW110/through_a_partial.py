import functools
import subprocess


def run(program, word):
    return subprocess.run([program, word], check=True)  # expect: LW110


async def status():
    git = functools.partial(run, "git")
    return git("status")
