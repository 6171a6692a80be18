import json


async def load(path):
    with open(path) as file:  # expect: LW104
        return json.load(file)  # expect: LW201
