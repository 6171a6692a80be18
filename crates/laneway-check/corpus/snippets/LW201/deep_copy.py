import copy


async def snapshot(state):
    return copy.deepcopy(state)  # expect: LW201:hint
