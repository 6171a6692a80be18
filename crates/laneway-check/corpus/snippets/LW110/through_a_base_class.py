import subprocess


class Tool:
    def run(self, *words):
        return subprocess.run(words, check=True)  # expect: LW110


class Compiler(Tool):
    def build(self, path):
        return self.run("cc", path)


async def build_all(paths):
    compiler = Compiler()
    for path in paths:
        compiler.build(path)
