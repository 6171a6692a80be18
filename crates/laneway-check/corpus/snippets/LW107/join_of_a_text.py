async def sentence(words):
    separator = ", "
    return separator.join(words)
