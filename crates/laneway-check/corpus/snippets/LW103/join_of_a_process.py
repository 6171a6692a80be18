import multiprocessing


async def compute(work):
    process = multiprocessing.Process(target=work)
    process.start()  # expect: LW103
    process.join()  # expect: LW103
    return process.exitcode
