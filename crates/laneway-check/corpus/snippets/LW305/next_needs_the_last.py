async def follow(client, url):
    while url:
        page = await client.get(url)
        url = page.next
    return page
