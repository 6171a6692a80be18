async def numbers():
    for number in range(3):
        yield number
