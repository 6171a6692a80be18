async def table():
    rows = []
    for number in range(10):
        rows.append(number * number)
    return rows
