import subprocess

import click
from fastapi import FastAPI

app = FastAPI()


def version():
    return subprocess.run(["git", "--version"])  # expect: LW110:error


@click.command()
async def inspect():
    print(version())


@app.get("/version")
async def show():
    return version()
