import subprocess

import typer

app = typer.Typer()
handlers = {}


def version():
    return subprocess.run(["git", "--version"])  # expect: LW110:error


async def inspect():
    print(version())


handlers.setdefault("inspect", inspect)
