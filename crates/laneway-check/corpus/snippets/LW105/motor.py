from motor.motor_asyncio import AsyncIOMotorClient

orders = AsyncIOMotorClient().shop.orders


async def order(number):
    return await orders.find_one({"number": number})
