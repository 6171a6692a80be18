import subprocess


async def version():
    done = subprocess.run(["git", "--version"], capture_output=True, check=True)  # expect: LW103
    return done.stdout
