from bs4 import BeautifulSoup


async def title(page):
    return BeautifulSoup(page, "html.parser").title  # expect: LW201
