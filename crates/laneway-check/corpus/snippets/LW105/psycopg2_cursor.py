import psycopg2


async def users(dsn):
    with psycopg2.connect(dsn) as connection:  # expect: LW105, LW105
        cursor = connection.cursor()
        cursor.execute("select name from users")  # expect: LW105
        return cursor.fetchall()  # expect: LW105
