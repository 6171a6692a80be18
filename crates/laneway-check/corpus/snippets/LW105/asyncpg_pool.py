import asyncpg


async def users(pool: asyncpg.Pool):
    async with pool.acquire() as connection:
        return await connection.fetch("select * from users")
