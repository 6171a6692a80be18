from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.schema import MetaData

metadata = MetaData()


async def create(connection: AsyncConnection):
    await connection.run_sync(metadata.create_all)
