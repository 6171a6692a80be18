class FTP:
    def login(self):
        return "ok"


async def login():
    return FTP().login()
