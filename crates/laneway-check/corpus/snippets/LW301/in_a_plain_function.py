async def notify(user):
    return user


def signal_handler(user):
    notify(user)  # expect: LW301
