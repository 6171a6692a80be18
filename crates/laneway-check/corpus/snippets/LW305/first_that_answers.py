async def first(mirrors, fetch):
    for mirror in mirrors:
        page = await fetch(mirror)
        if page is not None:
            return page
    return None
