async def throttle(requests_left):
    if requests_left == 0:
        import time

        time.sleep(60)  # expect: LW101
    return requests_left
