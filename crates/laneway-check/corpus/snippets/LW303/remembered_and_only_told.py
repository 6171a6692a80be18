async def drain(jobs, clean_up):
    has_failed = False
    for job in jobs:
        try:
            await job()
        except BaseException:  # expect: LW303
            has_failed = True
    await clean_up()
    if has_failed:
        print("not all jobs were done")
