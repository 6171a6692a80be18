import sqlite3

from laneway import Laneway

app = Laneway()


@app.task(lane="process")
def rows(connection: sqlite3.Connection) -> int:  # expect: LW601
    return connection.total_changes
