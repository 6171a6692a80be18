from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession


async def names(session: AsyncSession, table):
    rows = await session.execute(select(table))
    await session.commit()
    return list(rows)
