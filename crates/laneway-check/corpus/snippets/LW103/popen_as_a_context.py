import subprocess


async def lines(command):
    with subprocess.Popen(command, stdout=subprocess.PIPE) as program:  # expect: LW103, LW103
        return program.pid
