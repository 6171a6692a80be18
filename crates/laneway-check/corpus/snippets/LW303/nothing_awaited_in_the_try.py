async def parse(text):
    try:
        return int(text)
    except BaseException:
        return None
