import subprocess
import tempfile


async def build(source):
    with tempfile.TemporaryDirectory() as folder:  # expect: LW104, LW104
        return subprocess.run(["cc", source, "-o", f"{folder}/a"])  # expect: LW103
