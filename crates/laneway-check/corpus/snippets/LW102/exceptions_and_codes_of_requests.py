import requests


async def explain(error: Exception) -> str:
    if isinstance(error, requests.exceptions.Timeout):
        return "slow"
    return "not found" if requests.codes.not_found == 404 else "other"
