async def send_all(rooms):
    for room in rooms:
        for member in room:
            await member.send("hello")
