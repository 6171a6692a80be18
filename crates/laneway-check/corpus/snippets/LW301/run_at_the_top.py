import asyncio


async def main():
    return 0


if __name__ == "__main__":
    asyncio.run(main())
