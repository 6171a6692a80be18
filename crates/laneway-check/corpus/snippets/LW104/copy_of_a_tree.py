import shutil


async def publish(build, target):
    shutil.rmtree(target, ignore_errors=True)  # expect: LW104:warning
    shutil.copytree(build, target)  # expect: LW104:warning
