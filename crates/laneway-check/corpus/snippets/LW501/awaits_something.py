async def total(prices):
    return sum([await price for price in prices()])
