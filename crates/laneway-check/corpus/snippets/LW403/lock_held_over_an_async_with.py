import threading

lock = threading.Lock()


async def send(session, body):
    with lock:  # expect: LW403
        async with session.post("https://example.org", data=body) as answer:
            return answer.status
