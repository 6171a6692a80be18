from sqlalchemy.ext.asyncio import create_async_engine

engine = create_async_engine("sqlite+aiosqlite://")


async def rows(query):
    async with engine.connect() as connection:
        result = await connection.execute(query)
        return result.fetchall()
