import subprocess


async def convert(data):
    pipe = subprocess.PIPE
    program = subprocess.Popen(["cat"], stdin=pipe, stdout=pipe)  # expect: LW103
    out, _ = program.communicate(data)  # expect: LW103
    return out
