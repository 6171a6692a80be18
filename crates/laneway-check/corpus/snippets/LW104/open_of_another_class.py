class Door:
    def open(self):
        return True


async def enter(door: Door):
    return door.open()
