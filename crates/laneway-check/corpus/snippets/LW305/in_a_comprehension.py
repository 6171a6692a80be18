async def users(api, numbers):
    return [await api.user(number) for number in numbers]  # expect: LW305
