import subprocess


class Repository:
    def _git(self, *words):
        return subprocess.check_output(["git", *words])  # expect: LW110

    def revision(self):
        return self._git("rev-parse", "HEAD")

    async def describe(self):
        return {"revision": self.revision()}
