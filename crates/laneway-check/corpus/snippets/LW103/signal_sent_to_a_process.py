import os
import signal
import subprocess


async def stop(program: subprocess.Popen):
    program.terminate()
    os.kill(program.pid, signal.SIGKILL)
    return program.poll()
