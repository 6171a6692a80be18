import asyncio
import inspect
import time

import requests


def slow(url):
    time.sleep(1)  # expect: LW110
    return url


def fetch(url):
    return requests.get(url)  # expect: LW110


async def fetch_async(url):
    return url


async def asked_of_either(url, is_small):
    call = slow if is_small else fetch_async
    found = call(url)
    if asyncio.iscoroutine(found):
        found = await found
    return found


async def asked_of_twins(url, is_small):
    get = fetch if is_small else fetch_async
    found = get(url)
    return await found if inspect.isawaitable(found) else found


async def asked_of_another(url, is_small, other):
    call = made_later if is_small else fetch_async
    found = call(url)
    if inspect.isawaitable(other):
        found = await found
    return found


def made_later(url):
    time.sleep(1)
    return None if url else print(url)
