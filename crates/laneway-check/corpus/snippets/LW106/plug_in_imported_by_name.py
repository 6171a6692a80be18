import importlib


async def plug_in(name):
    return importlib.import_module(f"plugins.{name}")  # expect: LW106
