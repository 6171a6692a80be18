import asyncio
import subprocess


async def quiet(command):
    program = await asyncio.create_subprocess_shell(command, stdout=subprocess.DEVNULL)
    return await program.wait()
