from subprocess import check_output


async def revision():
    return check_output(["git", "rev-parse", "HEAD"]).decode()  # expect: LW103
