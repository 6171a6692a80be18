async def normalise(input: str) -> str:
    return input.strip()
