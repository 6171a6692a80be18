import httpx


async def status(client: httpx.Client) -> int:
    return client.get("https://example.org/health").status_code  # expect: LW102
