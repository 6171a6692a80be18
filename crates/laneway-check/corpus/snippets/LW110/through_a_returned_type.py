import subprocess


class Repository:
    def head(self):
        return subprocess.check_output(["git", "rev-parse", "HEAD"])  # expect: LW110


def repository() -> Repository:
    return Repository()


async def head():
    return repository().head()
