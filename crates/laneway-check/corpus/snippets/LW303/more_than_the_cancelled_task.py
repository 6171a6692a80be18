async def replace(task, call):
    task.cancel()
    try:
        await task
        await call()
    except BaseException:  # expect: LW303
        pass
