import subprocess


class Version:
    def __init__(self, text):
        self.text = text

    @classmethod
    def of_git(cls):
        return cls(subprocess.check_output(["git", "--version"]))  # expect: LW110


async def version():
    return Version.of_git().text
