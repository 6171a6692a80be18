async def board(size: int = 8):
    total = 0
    for row in range(8):
        for column in range(8):
            total += row * column
    return total
