import os.path


async def place(folder, name):
    base, extension = os.path.splitext(os.path.basename(name))
    return os.path.join(folder, os.path.normpath(base)), extension
