async def greeting(name):  # expect: LW501
    text = f"Hello {name}"
    return text.strip()
