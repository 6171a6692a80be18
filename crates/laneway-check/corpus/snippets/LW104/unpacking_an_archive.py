import zipfile


async def unpack(path, target):
    with zipfile.ZipFile(path) as archive:  # expect: LW104
        archive.extractall(target)  # expect: LW104
