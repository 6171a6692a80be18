class Memory:
    def flush(self):
        return None


class Disk:
    async def flush(self):
        return None


async def close(memory: Memory, disk: Disk):
    memory.flush()
    await disk.flush()
