from sqlalchemy import Engine


async def read(engine: Engine):
    async with engine.begin() as connection:
        return await connection.scalars("select 1")
