import psycopg2  # expect: LW502


async def connect(dsn):
    return psycopg2.connect(dsn)  # expect: LW105
