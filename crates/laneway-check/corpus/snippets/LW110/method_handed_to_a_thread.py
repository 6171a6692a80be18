import asyncio
import subprocess


class Repository:
    def revision(self):
        return subprocess.check_output(["git", "rev-parse", "HEAD"])

    async def describe(self):
        return await asyncio.to_thread(self.revision)
