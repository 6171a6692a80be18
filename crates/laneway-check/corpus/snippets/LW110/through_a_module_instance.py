import sqlite3


class Store:
    def __init__(self):
        self.connection = None

    def open(self):
        self.connection = sqlite3.connect("x.db")  # expect: LW110


store = Store()


async def start():
    store.open()
