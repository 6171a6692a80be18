from contextvars import ContextVar

session: ContextVar[dict] = ContextVar("session")


async def current_user():
    return session.get().get("user")
