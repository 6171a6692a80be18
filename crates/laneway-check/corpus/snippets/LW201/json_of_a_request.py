import json


async def parse(body: bytes):
    return json.loads(body)  # expect: LW201:hint
