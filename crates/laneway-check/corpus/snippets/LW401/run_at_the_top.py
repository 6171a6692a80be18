import asyncio


async def main():
    return 1


def run():
    return asyncio.run(main())


if __name__ == "__main__":
    run()
