async def settings(path):
    with open(path) as file:  # expect: LW104:hint
        return file.read()  # expect: LW104
