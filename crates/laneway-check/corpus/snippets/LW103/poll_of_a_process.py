import subprocess


class Runner:
    program: subprocess.Popen | None = None

    async def state(self):
        return self.program.poll() if self.program else None
