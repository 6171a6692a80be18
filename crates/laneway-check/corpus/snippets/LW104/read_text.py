from pathlib import Path


async def template(name):
    return Path("templates", name).read_text()  # expect: LW104:warning
