import yaml


async def parse(text):
    return yaml.safe_load(text)  # expect: LW201
