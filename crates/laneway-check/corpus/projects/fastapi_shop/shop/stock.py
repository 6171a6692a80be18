import sqlite3


class Stock:
    def __init__(self, path):
        self.connection = sqlite3.connect(path)

    def count(self, name):
        row = self.connection.execute("select n from stock where name = ?", (name,)).fetchone()
        return row[0]

    def take(self, name):
        statement = "update stock set n = n - 1 where name = ?"
        self.connection.execute(statement, (name,))  # expect: LW110:warning
        self.connection.commit()  # expect: LW110:warning
        return 1


stock = Stock("stock.db")
