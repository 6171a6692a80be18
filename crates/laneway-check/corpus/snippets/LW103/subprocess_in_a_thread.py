import asyncio
import functools
import subprocess


async def version():
    call = functools.partial(subprocess.run, ["git", "--version"], capture_output=True, check=True)
    done = await asyncio.to_thread(call)
    return done.stdout
