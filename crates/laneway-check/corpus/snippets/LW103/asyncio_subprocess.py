import asyncio


async def version():
    pipe = asyncio.subprocess.PIPE
    program = await asyncio.create_subprocess_exec("git", "--version", stdout=pipe)
    out, _ = await program.communicate()
    return out
