async def fetch_all(client, urls):
    pages = []
    for url in urls:
        pages.append(await client.get(url))  # expect: LW305
    return pages
