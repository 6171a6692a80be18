async def drain(jobs, clean_up):
    was_cancelled = False
    for job in jobs:
        try:
            await job()
        except BaseException:
            was_cancelled = True
    await clean_up()
    if was_cancelled:
        raise RuntimeError("not all jobs were done")
