from sqlalchemy import create_engine, select

engine = create_engine("sqlite://")


async def statement(table):
    return select(table).where(table.c.id > 3).limit(10)
