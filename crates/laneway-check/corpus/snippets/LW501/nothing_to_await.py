async def total(prices):  # expect: LW501
    return sum(prices)
