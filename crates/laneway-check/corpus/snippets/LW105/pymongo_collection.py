from pymongo import MongoClient

client = MongoClient()
orders = client["shop"]["orders"]


async def order(number):
    return orders.find_one({"number": number})  # expect: LW105
