"""Resources: what a runner opens once and its tasks share, such as a connection pool."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from laneway._override import override
from laneway.errors import ResourceFailed

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class Resource(Generic[T]):
    """A function that opens something; made by `@app.resource`.

    Calling it calls the function.
    """

    def __init__(self, function: Callable[..., Any], name: str) -> None:
        self.function = function
        self.name = name
        self.__doc__ = function.__doc__
        self.__wrapped__ = function

    def __call__(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - the function's own
        """Calls the function itself."""
        return self.function(*args, **kwargs)

    @override
    def __repr__(self) -> str:
        return f"<resource {self.name}>"


class Injected:
    """The default value of a parameter that a runner fills with an open resource."""

    __slots__ = ("resource",)

    def __init__(self, resource: Resource[Any]) -> None:
        self.resource = resource

    @override
    def __repr__(self) -> str:
        return f"inject({self.resource.name})"

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - it always raises
        if name.startswith("__"):
            raise AttributeError(name)
        raise ResourceFailed(
            "LW3011",
            f"the resource `{self.resource.name}` is not open here",
            "the task was called as a plain function, and only a runner opens its resources",
            "pass the argument by hand, or enqueue the task",
        )


def inject(resource: Resource[T]) -> T:
    """Asks for a resource as the default value of a task's parameter.

    The parameter is left out of the stored arguments. A resource may itself ask for others.

    Args:
        resource: What `@app.resource` made.

    Example:
        >>> from laneway import Laneway, inject
        >>> app = Laneway()
        >>> @app.resource
        ... def prices() -> dict[str, float]:
        ...     return {"tea": 3.5}
        >>> @app.task(lane="thread")
        ... def price(item: str, prices: dict[str, float] = inject(prices)) -> float:
        ...     return prices[item]
        >>> price("tea", {"tea": 4.0})
        4.0
    """
    if not isinstance(cast("object", resource), Resource):
        raise ResourceFailed(
            "LW3011",
            f"`inject({resource!r})` names no resource",
            "only what `@app.resource` has made can be injected",
            "decorate the function with `@app.resource`",
        )
    return cast("T", Injected(resource))
