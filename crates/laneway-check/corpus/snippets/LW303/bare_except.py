async def worker(queue):
    while True:
        item = await queue.get()
        try:
            await item()
        except:  # expect: LW303
            print("failed")
