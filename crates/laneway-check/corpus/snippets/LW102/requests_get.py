import requests


async def price(symbol):
    answer = requests.get(f"https://example.org/{symbol}", timeout=5)  # expect: LW102
    return answer.text
