"""HTTP, with a server on this machine that takes its time to answer."""

from __future__ import annotations

import os
import urllib.request
from functools import cache

import aiohttp
import httpx
import requests

from verdict_set.cases import case
from verdict_set.parsing import LINE, LOG


def _url(path: str) -> str:
    return f"http://127.0.0.1:{os.environ['LANEWAY_BENCH_HTTP']}{path}"


@cache
def _client() -> httpx.Client:
    return httpx.Client(limits=httpx.Limits(max_connections=100), trust_env=False)


@cache
def _session() -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    return session


@case(30)
def urllib_get(delay: int) -> int:
    """The standard library's client."""
    with urllib.request.urlopen(_url(f"/wait/{delay}")) as answer:  # noqa: S310 - this machine
        return len(answer.read())


@case(30)
def requests_get(delay: int) -> int:
    """Requests with a session."""
    return len(_session().get(_url(f"/wait/{delay}"), timeout=60).content)


@case(30)
def httpx_get(delay: int) -> int:
    """HTTPX with a client."""
    return len(_client().get(_url(f"/wait/{delay}"), timeout=60).content)


@cache
def _loop_client() -> httpx.AsyncClient:
    return httpx.AsyncClient(limits=httpx.Limits(max_connections=100), trust_env=False)


async def _httpx_get(delay: int) -> int:
    return len((await _loop_client().get(_url(f"/wait/{delay}"), timeout=60)).content)


@case(50, coroutine=_httpx_get)
def httpx_get_awaited(delay: int) -> int:
    """The same, with its asynchronous client in the async lane."""
    return len(_client().get(_url(f"/wait/{delay}"), timeout=60).content)


@cache
def _loop_session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession()


async def _aiohttp_get(delay: int) -> int:
    async with _loop_session().get(_url(f"/wait/{delay}")) as answer:
        return len(await answer.read())


@case(50, coroutine=_aiohttp_get)
def aiohttp_get_awaited(delay: int) -> int:
    """A client for event loops; elsewhere one uses Requests."""
    return len(_session().get(_url(f"/wait/{delay}"), timeout=60).content)


@case(500_000)
def download(size: int) -> int:
    """Half a megabyte, after 20 ms."""
    with urllib.request.urlopen(_url(f"/bytes/{size}")) as answer:  # noqa: S310 - this machine
        return len(answer.read())


@case(20)
def fetch_and_scan(delay: int) -> int:
    """A request, and computing on what came: a bit of both."""
    answer = _session().get(_url(f"/wait/{delay}"), timeout=60)
    return len(answer.content) + len(LINE.findall(LOG))
