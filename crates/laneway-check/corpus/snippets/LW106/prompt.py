async def confirm():
    return input("Delete? [y/N] ") == "y"  # expect: LW106
