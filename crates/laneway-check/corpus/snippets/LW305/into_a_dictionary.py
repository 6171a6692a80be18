async def prices(api, symbols):
    found = {}
    for symbol in symbols:
        found[symbol] = await api.price(symbol)  # expect: LW305
    return found
