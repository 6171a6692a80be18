import sqlite3


async def numbers():
    connection = sqlite3.connect(":memory:")
    connection.execute("select 1")
    connection.commit()


async def rows(path):
    connection = sqlite3.connect(path)  # expect: LW105
    connection.commit()  # expect: LW105
