import subprocess

import typer

app = typer.Typer()


def version():
    return subprocess.run(["git", "--version"])  # expect: LW110:warning


async def show():
    return version()


async def inspect():
    print(await show())


app.command("inspect")(inspect)
