async def board():
    squares = []
    for file in "abcdefgh":
        for rank in range(1, 9):
            squares.append(f"{file}{rank}")
    return squares
