import sqlite3


async def users(path):
    connection = sqlite3.connect(path)  # expect: LW105
    return connection.execute("select * from users").fetchall()  # expect: LW105, LW105
