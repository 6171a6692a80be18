async def is_allowed(user):
    return user == "root"


async def page(user):
    if is_allowed(user):  # expect: LW301
        return "secret"
    return "public"
